/* SPDX-License-Identifier: MIT
 *
 * socks: asks a SOCKS5 proxy (RFC 1928) to connect to a target, on a connection that has just been
 * made to it. After FETCH_OK the connection's bytes are the target's.
 *
 *	const struct socks_target target = { .host = STR("example.com"), .port = 443 };
 *	enum fetch_error e = socks_connect(conn, proxy, &target, &scope, detail);
 *
 * The conn's deadline and interruption end it: the caller sets them. After a failure the connection is
 * of no use.
 */
#ifndef CLIENT_SOCKS_H
#define CLIENT_SOCKS_H

#include "runtime/net.h"
#include "src/client/proxy.h"
#include "src/client/scope.h"

struct socks_target {
	const struct sockaddr
		*addr;	 /* NULL: the proxy is to resolve host. Its port doesn't count */
	struct str host; /* a name, of at most 255 bytes */
	uint16_t port;
};

/* Parks. FETCH_PROXY_AUTH; FETCH_PROXY_REFUSED, or FETCH_PROXY_CONNECT when another address of the
 * target may fare better; FETCH_PROXY_BAD_ANSWER; FETCH_CONNECT_TIMEOUT and whatever ends the scope;
 * FETCH_BAD_URL for a host that is too long; FETCH_OUT_OF_MEMORY. */
enum fetch_error socks_connect(struct conn *conn, const struct proxy *proxy,
			       const struct socks_target *target, const struct scope *scope,
			       char *detail) MUST_USE;

#endif
