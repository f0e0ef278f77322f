/* SPDX-License-Identifier: MIT
 *
 * scope: a request's end in time, and the two kinds of waits that respect it: on a connection
 * (guard) and on an event.
 *
 * A guard's callback may run on any thread while the request goes on. context_stop_after is the
 * barrier: after scope_unguard nothing touches the connection, which may then be closed or lent to
 * another request.
 */
#include "src/client/scope.h"

#include <errno.h>

#include "runtime/clock.h"
#include "runtime/select.h"
#include "runtime/ticker.h"

struct scope scope_of(struct context *ctx, int64_t deadline_ns)
{
	int64_t own = context_deadline(ctx);
	return (struct scope){ .ctx = ctx, .deadline_ns = own < deadline_ns ? own : deadline_ns };
}

enum fetch_error scope_check(const struct scope *s)
{
	int err = context_err(s->ctx);
	if (err)
		return err == -ETIMEDOUT ? FETCH_TOTAL_TIMEOUT : FETCH_CANCELLED;
	return clock_now() >= s->deadline_ns ? FETCH_TOTAL_TIMEOUT : FETCH_OK;
}

enum fetch_error scope_error(const struct scope *s, int err, enum fetch_error phase)
{
	enum fetch_error ended = scope_check(s);
	if (ended)
		return ended;
	return err == -ECANCELED ? FETCH_CANCELLED : phase;
}

static void interrupt(struct context_after *after)
{
	struct scope_guard *g = CONTAINER_OF(after, struct scope_guard, after);
	conn_interrupt(g->conn, -ECANCELED);
}

void scope_guard(struct scope_guard *g, const struct scope *s, struct conn *conn)
{
	g->conn = conn;
	context_after(s->ctx, &g->after, interrupt);
}

bool scope_unguard(struct scope_guard *g)
{
	return context_stop_after(&g->after);
}

void event_init(struct event *e)
{
	e->chan = chan_make(done_chan, 1);
}

void event_done(struct event *e)
{
	chan_unref(e->chan);
}

void event_set(struct event *e)
{
	(void)chan_try_send(e->chan, NOTHING);
}

int event_wait(struct event *e, struct context *ctx, int64_t deadline_ns)
{
	enum {
		ON_EVENT,
		ON_DONE,
		ON_TIME
	};
	int64_t now = clock_now();
	if (now >= deadline_ns)
		return -ETIMEDOUT;
	time_chan timer = { 0 };
	if (deadline_ns != NEVER)
		timer = time_after(deadline_ns - now);
	struct select_case cases[] = {
		[ON_EVENT] = on_recv(e->chan, NULL),
		[ON_DONE] = on_recv(context_done(ctx), NULL),
		[ON_TIME] = on_recv(timer, NULL),
	};
	int chosen = select_wait(cases);
	chan_unref(timer);
	if (chosen == ON_EVENT)
		return 0;
	return chosen == ON_TIME ? -ETIMEDOUT : context_err(ctx);
}
