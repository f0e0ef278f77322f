/* SPDX-License-Identifier: MIT
 *
 * url: URLs of http and https as the WHATWG URL standard (url.spec.whatwg.org) parses and
 * serialises them, "special schemes" only. The parsed host is the only host that later code sees:
 * names are lower-case A-labels (UTS 46, non-transitional, by libidn2), IPv4 in any spelling comes
 * out dotted, IPv6 compressed in brackets.
 *
 *	cleanup(url_done) struct url u = {0};
 *	const char *reason;
 *	if (url_parse(STR("HTTP://EXAMPLE.com:80/a/../b?q#f"), NULL, &u, &reason) == 0)
 *		puts(u.href.data);	// http://example.com/b?q#f
 *
 * A struct url owns one allocation, href (NUL-terminated); all other slices lie within it.
 * Components are named as in JavaScript's URL. Pure: any thread, nothing parks.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "src/common/buf.h"
#include "src/common/str.h"
#include "src/http/error.h"

/* Longer, serialised or not, is refused. */
#define URL_LIMIT 65536

struct url {
	struct str href;      /* all of it; .data is what the url owns */
	struct str protocol;  /* "http:" or "https:" */
	struct str username;  /* percent-encoded; may be empty */
	struct str password;  /* percent-encoded; may be empty */
	struct str hostname;  /* "example.com", "192.0.2.1", "[2001:db8::1]"; never empty */
	struct str host_port; /* hostname, and ":port" unless it is the default: what the Host field
				 says; URL.host in JavaScript */
	struct str port;      /* digits; empty when it is the scheme's default */
	struct str pathname;  /* begins with / */
	struct str search;    /* with its ?; empty when there is none or nothing follows the ? */
	struct str hash;      /* with its #; empty likewise */
	uint16_t port_number; /* to connect to: the default filled in */
	bool https;
	enum url_host {
		URL_NAME,
		URL_IPV4,
		URL_IPV6
	} host_type;
};

/* Parses input, relative to base when that isn't NULL. Owns: *ret is the caller's, url_done frees
 * it; untouched on failure. 0; -EINVAL no URL; -EPROTONOSUPPORT a scheme other than http and https;
 * -ENAMETOOLONG longer than URL_LIMIT; -ENOMEM. *ret_reason (may be NULL) is then a phrase for
 * people that lives for ever: "the port is above 65535". */
int url_parse(struct str input, const struct url *base, struct url *ret,
	      const char **ret_reason) MUST_USE;

/* A copy of its own, in place of what *ret was, if it was a URL. 0 or -ENOMEM. */
int url_copy(const struct url *u, struct url *ret) MUST_USE;

/* Which fetch error url_parse's result is. */
enum fetch_error url_fetch_error(int err);

/* Pathname and search: the request's target (RFC 9112 §3.2.1). A slice of href. */
struct str url_request_target(const struct url *u);

/* href without hash: what a loop check compares. A slice of href. */
struct str url_without_hash(const struct url *u);

/* The origin: scheme, hostname and port. Appends "https://example.com:443", with the port. 0 or b's error. */
int url_origin(const struct url *u, struct buf *b);
bool url_same_origin(const struct url *a, const struct url *b);
uint64_t url_origin_hash(const struct url *u);

/* Appends a JSON object: protocol, username, password, host (with port), hostname, port, pathname,
 * search, hash, href. 0 or b's error. */
int url_to_json(const struct url *u, struct buf *b);

/* Frees; *u is the zero value again. */
void url_done(struct url *u);

#endif
