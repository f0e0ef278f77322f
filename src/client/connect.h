/* SPDX-License-Identifier: MIT
 *
 * connect: from a pool_key to a connection that is ready for a request: resolve, dial, TLS. The one
 * place where a request that finds no idle connection spends its time, and the one through which
 * every address passes the policy.
 */
#ifndef CLIENT_CONNECT_H
#define CLIENT_CONNECT_H

#include "src/client/cache.h"
#include "src/client/client.h"
#include "src/client/dial.h"
#include "src/client/httpconn.h"
#include "src/client/pool_key.h"

struct connector {
	struct cache *cache;	       /* borrowed */
	const struct policy *policy;   /* borrowed; NULL = the default one */
	const struct policy *anywhere; /* lets all through: for trusted proxies. Borrowed */
	const char *user_agent;	       /* told to proxies; NULL = our own. Borrowed */
	_Atomic uint64_t dials, tls_handshakes, tls_resumed;
};

/* How long each phase may take: what fetch_limits says of them. */
struct connect_limits {
	int64_t resolve_ns;
	int64_t connect_ns; /* one address */
	int64_t tls_ns;
	struct message_limits message; /* of a proxy's answer to CONNECT */
};
struct connect_limits connect_limits_of(const struct fetch_limits *l);

/* When each phase was done; 0 = not yet. Others may look while it goes on. */
struct connect_times {
	_Atomic int64_t dns_done, connect_done, tls_done;
};

/* Opens h, which is empty. Parks. connector: a struct connector, as struct pool_opener wants it. On
 * failure h is empty still. */
enum fetch_error connect_open(void *connector, const struct scope *scope,
			      const struct connect_limits *limits, const struct pool_key *key,
			      struct httpconn *h, struct connect_times *t, char *detail) MUST_USE;

/* --- For proxy_dial.c --- */

/* The first two phases. judge: the policy, NULL = the default one. */
struct connect_tcp {
	struct connector *connector;
	const struct scope *scope;
	const struct connect_limits *limits;
	const struct policy *judge;
	struct str host;
	uint16_t port;
};
enum fetch_error connect_tcp(const struct connect_tcp *to, struct conn **ret_conn,
			     struct connect_times *t, char *detail) MUST_USE;

/* An address that host says itself (then ret->cache is NULL), or what DNS has. connect_lookup_done frees,
 * also after a failure. */
enum fetch_error connect_resolve(struct connector *c, const struct scope *scope, struct str host,
				 int64_t timeout_ns, struct cache_lookup *ret,
				 char *detail) MUST_USE;
void connect_lookup_done(struct cache_lookup *found);

#endif
