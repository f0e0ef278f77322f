/* SPDX-License-Identifier: MIT
 *
 * tunnel: asks an HTTP proxy for a tunnel to a target by CONNECT (RFC 9110 §9.3.6), on a connection that
 * has just been made to it. After FETCH_OK the connection's bytes are the target's.
 *
 *	const struct tunnel_request request = { .host = host, .port = 443, .limits = &limits };
 *	enum fetch_error e = tunnel_open(conn, proxy, &request, &scope, detail);
 *
 * The conn's deadline and interruption end it: the caller sets them. After a failure the connection is
 * of no use, and is closed whatever the answer says: what the proxy may have to tell in its body is
 * read by nobody.
 */
#ifndef CLIENT_TUNNEL_H
#define CLIENT_TUNNEL_H

#include "runtime/net.h"
#include "src/client/proxy.h"
#include "src/client/scope.h"
#include "src/http/message.h"

struct tunnel_request {
	struct str host; /* as in struct url */
	uint16_t port;
	struct str user_agent; /* empty: our own */
	const struct message_limits *limits;
};

/* Parks. FETCH_PROXY_AUTH for a 407; FETCH_PROXY_CONNECT for a 5xx, FETCH_PROXY_REFUSED for any other
 * answer but 2xx, with the status in detail; FETCH_PROXY_BAD_ANSWER for what is none;
 * FETCH_CONNECT_TIMEOUT and whatever ends the scope; FETCH_OUT_OF_MEMORY. */
enum fetch_error tunnel_open(struct conn *conn, const struct proxy *proxy,
			     const struct tunnel_request *request, const struct scope *scope,
			     char *detail) MUST_USE;

#endif
