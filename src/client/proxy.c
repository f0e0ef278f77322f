/* SPDX-License-Identifier: MIT
 *
 * proxy: what follows the scheme is parsed as that of an http URL, so a proxy's host is read like any
 * other: one spelling for each address, A-labels for names, no byte that could end a line.
 *
 * User and password are percent-decoded here once. For HTTP they become Basic credentials (RFC 7617),
 * in which a colon ends the user's name and controls have no place; for SOCKS5 they are at most 255
 * bytes each, and neither may be empty (RFC 1929). What can't be said is refused here, not later.
 */
#include "src/client/proxy.h"

#include <errno.h>
#include <stdlib.h>

#include "src/common/cleanup.h"
#include "src/http/authorization.h"
#include "src/http/percent.h"

#define SOCKS_WORD_BYTES 255

static const struct kind {
	struct str scheme;
	enum proxy_kind kind;
	uint16_t port;
} kinds[] = {
	{ STR_INIT("http"), PROXY_HTTP, 80 },
	{ STR_INIT("socks5"), PROXY_SOCKS5, 1080 },
	{ STR_INIT("socks5h"), PROXY_SOCKS5H, 1080 },
};

/* --- Parsing --- */

/* authority as the URL of that scheme; nothing may follow it but a slash. */
static int parse_as(struct str scheme, struct str authority, struct url *ret,
		    const char **ret_reason)
{
	cleanup(buf_done) struct buf text = { 0 };
	buf_append_str(&text, scheme);
	buf_append_str(&text, authority);
	if (text.failed)
		return text.failed == -ENOMEM ? -ENOMEM : -EINVAL;
	struct url url;
	*ret_reason = "too long";
	int err = url_parse(buf_str(&text), NULL, &url, ret_reason);
	if (err)
		return err == -ENOMEM ? -ENOMEM : -EINVAL;
	if (!str_eq(url.pathname, STR("/")) || url.search.len || url.hash.len) {
		*ret_reason = "nothing may follow host and port";
		url_done(&url);
		return -EINVAL;
	}
	*ret = url;
	return 0;
}

/* A port that is the scheme's default is dropped from a URL. So it was given if another scheme, with
 * another default, sees the same one. */
int proxy_parse_authority(struct str text, struct url *ret, uint16_t *ret_port,
			  const char **ret_reason)
{
	struct url plain, secure;
	int err = parse_as(STR("http://"), text, &plain, ret_reason);
	if (err)
		return err;
	err = parse_as(STR("https://"), text, &secure, ret_reason);
	if (err) {
		url_done(&plain);
		return err;
	}
	*ret_port = plain.port_number == secure.port_number ? plain.port_number : 0;
	url_done(&secure);
	*ret = plain;
	return 0;
}

static int decode(struct str encoded, struct str *ret)
{
	cleanup(buf_done) struct buf plain = { 0 };
	percent_decode(&plain, encoded);
	char *copy = plain.failed ? NULL : str_dup(buf_str(&plain));
	if (!copy)
		return -ENOMEM;
	*ret = str_make(copy, plain.len);
	return 0;
}

/* NULL = the proxy can be told them. */
static const char *judge_credentials(const struct proxy *p)
{
	struct str user = p->username, password = p->password;
	if (p->kind == PROXY_HTTP) {
		const char *problem = authorization_bad_user(user);
		return problem ? problem : authorization_bad_password(password);
	}
	if (user.len > SOCKS_WORD_BYTES || password.len > SOCKS_WORD_BYTES)
		return "a SOCKS5 user name or password is longer than 255 bytes";
	if ((user.len == 0) != (password.len == 0))
		return "SOCKS5 wants both a user name and a password, or neither";
	return NULL;
}

static const struct kind *kind_of(struct str scheme)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq_nocase(scheme, kinds[i].scheme))
			return &kinds[i];
	return NULL;
}

/* All but the scheme. */
static int fill_in(struct proxy *p, struct str authority, uint16_t default_port, char *reason)
{
	const char *why;
	uint16_t port;
	int err = proxy_parse_authority(authority, &p->at, &port, &why);
	if (err) {
		fault(reason, FETCH_BAD_URL, "the proxy's URL: %s", why);
		return err;
	}
	p->port = port ? port : default_port;
	err = decode(p->at.username, &p->username);
	if (!err)
		err = decode(p->at.password, &p->password);
	why = err ? NULL : judge_credentials(p);
	if (!why)
		return err;
	fault(reason, FETCH_BAD_URL, "%s", why);
	return -EINVAL;
}

/* Cuts text at "://". No password of a URL without scheme gets into a message. */
static const struct kind *cut_scheme(struct str text, struct str *ret_authority, char *reason)
{
	struct str scheme, rest;
	const struct kind *kind = NULL;
	if (!str_cut(text, ':', &scheme, &rest) || !str_starts(rest, STR("//")))
		fault(reason, FETCH_BAD_URL,
		      "a proxy's URL begins with http://, socks5:// or socks5h://");
	else if (!(kind = kind_of(scheme)))
		fault(reason, FETCH_BAD_URL, "no http, socks5 or socks5h proxy: %.*s://",
		      (int)(scheme.len < 32 ? scheme.len : 32), scheme.data);
	*ret_authority = str_slice(rest, 2, SIZE_MAX);
	return kind;
}

/* --- Life --- */

static void dispose(struct proxy *p)
{
	url_done(&p->at);
	free((void *)(uintptr_t)p->username.data);
	free((void *)(uintptr_t)p->password.data);
	free(p);
}

int proxy_new(struct str url, bool trusted, const struct proxy **ret_proxy, char *reason)
{
	struct str authority;
	const struct kind *kind = cut_scheme(str_trim(url), &authority, reason);
	if (!kind)
		return -EINVAL;
	struct proxy *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->refs = 1;
	p->kind = kind->kind;
	p->trusted = trusted;
	int err = fill_in(p, authority, kind->port, reason);
	if (err)
		dispose(p);
	else
		*ret_proxy = p;
	return err;
}

/* The count is the one thing of a proxy that changes. */
static _Atomic uint32_t *refs_of(const struct proxy *p)
{
	return (_Atomic uint32_t *)(uintptr_t)&p->refs;
}

const struct proxy *proxy_ref(const struct proxy *p)
{
	if (p)
		atomic_fetch_add_explicit(refs_of(p), 1, memory_order_relaxed);
	return p;
}

void proxy_unref(const struct proxy *p)
{
	if (p && atomic_fetch_sub_explicit(refs_of(p), 1, memory_order_acq_rel) == 1)
		dispose((struct proxy *)(uintptr_t)p);
}

/* --- Value --- */

bool proxy_equal(const struct proxy *a, const struct proxy *b)
{
	if (a == b || !a || !b)
		return a == b;
	return a->kind == b->kind && a->trusted == b->trusted && a->port == b->port &&
	       str_eq(a->at.hostname, b->at.hostname) && str_eq(a->username, b->username) &&
	       str_eq(a->password, b->password);
}

/* FNV-1a, 64 bits; the credentials make no difference to it, and so leave no trace in a table. */
uint64_t proxy_hash(const struct proxy *p)
{
	if (!p)
		return 0;
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ p->port ^ (uint64_t)p->kind << 16 ^
			(uint64_t)p->trusted << 24;
	for (size_t i = 0; i < p->at.hostname.len; i++)
		hash = (hash ^ (unsigned char)p->at.hostname.data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

int proxy_authorization(const struct proxy *p, struct buf *b)
{
	return proxy_has_credentials(p) ? authorization_basic(b, p->username, p->password) : 0;
}
