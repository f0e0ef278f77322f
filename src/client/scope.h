/* SPDX-License-Identifier: MIT
 *
 * scope: how long a request may go on: until its context ends or its deadline passes. Everything in
 * the client that waits takes one, and says with scope_error what a wait that didn't end well
 * means.
 *
 *	struct scope scope = scope_of(ctx, clock_now() + 60 * SECOND);
 *	conn_set_deadline(conn, scope_until(&scope, clock_now(), 10 * SECOND));
 *	struct scope_guard guard;
 *	scope_guard(&guard, &scope, conn);	// ctx's end interrupts conn from now on
 *	int err = conn_dial_wait(conn);
 *	scope_unguard(&guard);
 *	if (err) return scope_error(&scope, err, FETCH_CONNECT_TIMEOUT);
 *
 * The deadline is a number and not a context of its own: a request that gets its answer in time
 * then touches no timer but the connection's, which is moved lazily, and allocates nothing for it.
 */
#ifndef CLIENT_SCOPE_H
#define CLIENT_SCOPE_H

#include "runtime/chan.h"
#include "runtime/context.h"
#include "runtime/net.h"
#include "src/http/error.h"

struct scope {
	struct context *ctx; /* borrowed */
	int64_t deadline_ns;
};

/* Ends with ctx, ctx's own deadline included, and at deadline_ns. */
struct scope scope_of(struct context *ctx, int64_t deadline_ns);

/* The deadline of a phase that begins now and may take timeout_ns. */
static inline int64_t scope_until(const struct scope *s, int64_t now, int64_t timeout_ns)
{
	return s->deadline_ns - now < timeout_ns ? s->deadline_ns : now + timeout_ns;
}

/* What -ETIMEDOUT or -ECANCELED of a wait means: FETCH_CANCELLED, FETCH_TOTAL_TIMEOUT, or else the
 * phase's own error. */
enum fetch_error scope_error(const struct scope *s, int err, enum fetch_error phase);

/* 0 while the scope lasts, else what ended it. */
enum fetch_error scope_check(const struct scope *s);

/* While a guard is on, the end of the scope's context interrupts conn. Must be off before conn is
 * closed or handed on. */
struct scope_guard {
	struct context_after after;
	struct conn *conn;
};
void scope_guard(struct scope_guard *g, const struct scope *s, struct conn *conn);
/* True when conn was not interrupted. After return it will not be. */
bool scope_unguard(struct scope_guard *g);

/* Something that happens once, and one goroutine that waits for it. */
struct event {
	done_chan chan;
};
void event_init(struct event *e);
void event_done(struct event *e);
/* Never parks; any thread of the runtime. Setting a set event does nothing. */
void event_set(struct event *e);
/* Parks until the event is set (0; it is unset again), deadline_ns (-ETIMEDOUT), or ctx ends
 * (-ECANCELED, -ETIMEDOUT). */
int event_wait(struct event *e, struct context *ctx, int64_t deadline_ns) MUST_USE;

#endif
