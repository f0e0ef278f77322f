/* SPDX-License-Identifier: MIT
 *
 * pool_rig: a pool alone. Its connections are real ones, to an origin that only holds them; how each is
 * opened is the test's to say.
 *
 *	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
 *	w->gated = true;			// dials wait to be let through
 *	struct asker a = asker_start(w, "a", context_background());
 *	WAIT_FOR(w->dialling == 1);
 *	gate(w, FETCH_OK);			// or how the dial that has waited for longest is to fail
 *	CHECK_EQ(asker_end(&a), FETCH_OK);
 *	pool_put(w->pool, a.got, clock_now());
 *	world_close(w);				// all is given back: checks that nothing is left
 */
#ifndef TESTS_CLIENT_POOL_RIG_H
#define TESTS_CLIENT_POOL_RIG_H

#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "src/client/pool.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

CHAN_OF(enum fetch_error, verdict_chan);

struct world {
	struct origin *origin;
	struct errgroup *group;
	struct pool *pool;
	struct scope scope;
	bool gated;
	verdict_chan verdicts;
	/* Instead of the above: what a dial does before it connects. */
	enum fetch_error (*before)(struct world *w, const struct scope *scope);
	struct connect_times times; /* what the next dial to connect says of its phases */
	_Atomic int dialling, dials, cancelled; /* now; that connected; that were cancelled */
	_Atomic int inside, most;		/* of a stress */
	struct errgroup *askers;
	_Atomic int served; /* askers that have ended */
};

/* max_idle and idle_ns 0: plenty. */
struct world *world_open(const struct pool_options *options);
void world_close(struct world *w);

/* Ends the dial that has waited at the gate for longest. Parks until there is one. */
void gate(struct world *w, enum fetch_error e);

/* The connection h to the origin, which says a byte when it gets an 'x', and closes when it gets a 'q'. */
void tell(struct httpconn *h, const char *what);

struct asker {
	struct world *w;
	const char *host;
	struct context *ctx;
	int64_t patience_ns; /* 0 = plenty */
	bool fresh;
	/* What came of it. */
	struct httpconn *got;
	enum fetch_error error;
	struct fetch_timings t;
	char detail[FAULT_BYTES];
	int order; /* from 1, of all of this world's */
	_Atomic bool ended;
};
/* Runs it on the caller. */
enum fetch_error asker_run(struct asker *a);
/* Runs it in a goroutine of its own, and gives once it waits in line or at the gate. */
void asker_start(struct asker *a);
/* Parks until it has got something, or has failed. */
enum fetch_error asker_end(struct asker *a);

/* A connection that is there at once or is opened. */
struct httpconn *get(struct world *w, const char *host);
void put(struct world *w, struct httpconn *h);

uint64_t conns(struct world *w);
uint64_t idle(struct world *w);
uint64_t waiting(struct world *w);

#endif
