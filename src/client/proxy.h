/* SPDX-License-Identifier: MIT
 *
 * proxy: who carries our connections to an origin, instead of ourselves. Made from a URL, never
 * changed after, counted; two with the same value are as good as one (proxy_equal).
 *
 *	const struct proxy *proxy;
 *	char reason[FAULT_BYTES];
 *	int err = proxy_new(STR("http://user:password@192.0.2.1:3128"), false, &proxy, reason);
 *	proxy_unref(proxy);
 *
 * http://    HTTP: absolute-form for http, a CONNECT tunnel for https (RFC 9110 §7.3.2, §9.3.6)
 * socks5://  SOCKS5 (RFC 1928): names are resolved here, the proxy gets addresses
 * socks5h:// SOCKS5: the proxy gets names
 *
 * Schemes as in curl. Without a port it is 80 for http, as in any URL and as with Go (curl's manual
 * says 1080), and 1080 for SOCKS. Any thread.
 */
#ifndef CLIENT_PROXY_H
#define CLIENT_PROXY_H

#include <stdatomic.h>

#include "src/client/fault.h"
#include "src/http/url.h"

struct proxy {
	_Atomic uint32_t refs;
	enum proxy_kind {
		PROXY_HTTP,
		PROXY_SOCKS5,
		PROXY_SOCKS5H
	} kind;
	bool trusted;  /* the operator's own: no address policy is asked about its address */
	struct url at; /* names host and port; its scheme, user and password mean nothing */
	uint16_t port;
	struct str username, password; /* as they are, nothing encoded; may be empty */
};

/* trusted belongs to the value: a connection to a proxy that the operator has set is never given to a
 * request that names the same one by itself. 0; -ENOMEM; or -EINVAL with a phrase for people in reason
 * (FAULT_BYTES), which tells no password. */
int proxy_new(struct str url, bool trusted, const struct proxy **ret_proxy, char *reason) MUST_USE;

const struct proxy *proxy_ref(const struct proxy *p); /* NULL is fine, and no proxy: direct */
void proxy_unref(const struct proxy *p);	      /* NULL is fine */

/* By value; either may be NULL, which equals NULL alone. */
bool proxy_equal(const struct proxy *a, const struct proxy *b);
uint64_t proxy_hash(const struct proxy *p);

static inline bool proxy_has_credentials(const struct proxy *p)
{
	return p->username.len || p->password.len;
}

/* Appends what Proxy-Authorization says to an HTTP proxy (Basic, RFC 7617); nothing without credentials. 0
 * or b's error. */
int proxy_authorization(const struct proxy *p, struct buf *b) MUST_USE;

/* "host", "host:port", "[v6]:port": parsed as a URL's, with nothing else. *ret_port is 0 when none
 * is given. 0, -ENOMEM, or -EINVAL and *ret_reason, a phrase that lives for ever. */
int proxy_parse_authority(struct str text, struct url *ret, uint16_t *ret_port,
			  const char **ret_reason) MUST_USE;

#endif
