/* SPDX-License-Identifier: MIT
 *
 * pool: the connections of a client, by everything that their security hangs on (pool_key.h). Shared
 * by all processors.
 *
 *	struct httpconn *h;
 *	enum fetch_error e = pool_get(pool, &key, &scope, false, &h, detail);
 *	if (!e && !h->conn) ... open it: it is the right to one connection
 *	pool_put(pool, h, clock_now());	// or pool_discard
 *
 * The most recently used idle connection goes first, so that those not needed grow old. An idle
 * connection costs no goroutine and no buffer; it is closed when its peer closes or speaks, when it
 * is idle for too long, and, oldest first, when there are too many. With a limit per host,
 * connections being opened count, and who finds it reached waits in line (first in, first out).
 */
#ifndef CLIENT_POOL_H
#define CLIENT_POOL_H

#include "runtime/errgroup.h"
#include "src/client/httpconn.h"
#include "src/client/pool_key.h"

struct pool_options {
	uint32_t max_conns_per_host; /* 0 = no limit */
	uint32_t max_idle;
	int64_t idle_ns;
};

struct pool;

/* Its goroutine runs in group (borrowed), ends with the group's context. NULL = out of memory. */
struct pool *pool_new(const struct pool_options *options, struct errgroup *group) MUST_USE;
/* Closes what is idle. The group has ended; nothing is lent out. */
void pool_free(struct pool *p);

/* An idle connection, or an empty one that the caller may open. fresh: never one that was used
 * before. Parks while the host is at its limit. *ret_conn goes back by pool_put or pool_discard,
 * come what may. */
enum fetch_error pool_get(struct pool *p, const struct pool_key *key, const struct scope *scope,
			  bool fresh, struct httpconn **ret_conn, char *detail) MUST_USE;

/* h is open, at the end of a whole message (which came at now), and quiet: the next one may have
 * it. Never parks. */
void pool_put(struct pool *p, struct httpconn *h, int64_t now);

/* Closes h, and gives its right to a connection to the next in line. Never parks. */
void pool_discard(struct pool *p, struct httpconn *h);

/* Closes the connection that was idle for longest. False when none is. Never parks. */
bool pool_evict(struct pool *p);

struct pool_stats {
	uint64_t reuses;
	uint64_t conns; /* open or being opened */
	uint64_t idle;
};
void pool_stats(struct pool *p, struct pool_stats *ret_stats);

#endif
