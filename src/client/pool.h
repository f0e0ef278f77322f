/* SPDX-License-Identifier: MIT
 *
 * pool: the connections of a client, by everything that their security hangs on (pool_key.h). Shared
 * by all processors.
 *
 *	struct pool_ask ask = { .key = &key, .scope = &scope, .limits = &limits, .t = &t, .detail = detail };
 *	struct httpconn *h;
 *	enum fetch_error e = pool_get(pool, &ask, &h);
 *	if (!e) ... exchange ...
 *	pool_put(pool, h, clock_now());	// or pool_discard
 *
 * The most recently used idle connection goes first, so that those not needed grow old. An idle
 * connection costs no goroutine and no buffer; it is closed when its peer closes or speaks, when it
 * is idle for too long, at its lifetime's end, and, oldest first, when there are too many.
 *
 * Who finds none idle races a dial against those that come back, and the dial goes on when it has lost,
 * or when who wanted it has gone. With a limit per host, dials count, and who finds it reached waits
 * in line (first in, first out).
 */
#ifndef CLIENT_POOL_H
#define CLIENT_POOL_H

#include "runtime/errgroup.h"
#include "src/client/connect.h"
#include "src/client/httpconn.h"
#include "src/client/pool_key.h"

/* Opens h, which is empty; parks. connect.h's, for a client. */
struct pool_opener {
	enum fetch_error (*open)(void *user, const struct scope *scope,
				 const struct connect_limits *limits, const struct pool_key *key,
				 struct httpconn *h, struct connect_times *t, char *detail);
	void *user; /* borrowed */
};

struct pool_options {
	struct pool_opener opener;
	/* A proxy's connections that serve any origin know no limits by host. */
	uint32_t max_conns_per_host; /* 0 = no limit */
	uint32_t max_idle;	     /* dials that nobody waits for any more count, too */
	uint32_t max_idle_per_host;  /* 0 = no limit of its own */
	uint32_t max_exchanges;	     /* on a connection; 0 = no limit */
	int64_t idle_ns;
	int64_t lifetime_ns; /* of a connection, but for up to a tenth of it less; 0 = no limit */
};

/* All borrowed. */
struct pool_ask {
	const struct pool_key *key;
	const struct scope *scope;	   /* of the wait; a dial goes on after it */
	const struct fetch_limits *limits; /* of the dial's phases */
	bool fresh;			   /* none that was kept */
	struct fetch_timings *t;	   /* start is set; gets queued and the dial's phases */
	char *detail;
};

struct pool;

/* Its goroutines run in group (borrowed), end with the group's context. NULL = out of memory. */
struct pool *pool_new(const struct pool_options *options, struct errgroup *group) MUST_USE;
/* Closes what is idle. The group has ended; nothing is lent out. */
void pool_free(struct pool *p);

/* An open connection: an idle one, or what comes first of a new one and one that comes back. Parks while
 * there is none. *ret_conn goes back by pool_put or pool_discard, come what may. */
enum fetch_error pool_get(struct pool *p, const struct pool_ask *ask,
			  struct httpconn **ret_conn) MUST_USE;

/* h is at the end of a whole message (which came at now), and quiet: the next one may have it. Never
 * waits; may give way. */
void pool_put(struct pool *p, struct httpconn *h, int64_t now);

/* Closes h, and gives its right to a connection to the next in line. Never waits; may give way. */
void pool_discard(struct pool *p, struct httpconn *h);

/* Closes the connection that was idle for longest. False when none is. Never waits; may give way. */
bool pool_evict(struct pool *p);

struct pool_stats {
	uint64_t reuses;
	uint64_t conns; /* open or being opened */
	uint64_t idle;
	uint64_t waiting; /* requests that have no connection yet */
};
void pool_stats(struct pool *p, struct pool_stats *ret_stats);

#endif
