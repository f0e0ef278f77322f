/* SPDX-License-Identifier: MIT
 *
 * proxy_dial: a connection to a key's target through the key's proxy; or just to the proxy, for a key
 * that has no host (plain requests through an HTTP proxy).
 *
 * Who passes the address policy, and where. The operator's own proxy (struct proxy's trusted) does not:
 * it usually stands on a private address, and that it may be connected to opens nothing to URLs, which
 * reach it as a proxy only. A proxy that a request names passes like any server, ports included. The
 * target passes all the same: here for socks5, where we resolve; by proxy_dial_judge, where the proxy
 * does: then we know an address only if the URL says one, and the port. Where a name leads is up to the
 * proxy then.
 */
#ifndef CLIENT_PROXY_DIAL_H
#define CLIENT_PROXY_DIAL_H

#include "src/client/connect.h"

/* Parks. key->proxy is there. Errors with the proxy itself are FETCH_PROXY_*, but for time-outs. Times as
 * connect_open's: connect_done is when the way to the target stands. */
enum fetch_error proxy_dial(struct connector *c, const struct scope *scope,
			    const struct connect_limits *limits, const struct pool_key *key,
			    struct conn **ret_conn, struct connect_times *t, char *detail) MUST_USE;

/* May that be asked of a proxy which resolves? To be asked for each request, for connections to a proxy
 * are shared. FETCH_OK, FETCH_POLICY_DENIED, FETCH_OUT_OF_MEMORY. */
enum fetch_error proxy_dial_judge(const struct policy *policy, const struct proxy *proxy,
				  const struct url *url, char *detail) MUST_USE;

#endif
