/* SPDX-License-Identifier: MIT
 *
 * test_context_race: contexts that several goroutines, timers and owners end and leave at once.
 */
#include <errno.h>
#include <stdatomic.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "tests/harness.h"
#include "tests/runtime/ending.h"

struct canceller_with_cause {
	struct context *ctx;
	int cause;
	struct waitgroup *wg;
};

static void cancel_with_cause(struct canceller_with_cause *c)
{
	context_cancel_cause(c->ctx, c->cause);
	int seen = context_cause(c->ctx);
	CHECK(seen < -1000 && seen > -1009);
	waitgroup_done(c->wg);
}

TEST_GO(context_cancelled_by_several_at_once_ends_once_with_one_of_their_causes)
{
	enum {
		CANCELLERS = 8
	};
	for (int i = 0; i < 300; i++) {
		struct waitgroup wg = { 0 };
		struct context *ctx = context_with_cancel(context_background());
		struct context *child = context_with_timeout(ctx, 3600 * SECOND);
		struct call a = { 0 };
		context_after(child, &a.after, count_call);
		waitgroup_add(&wg, CANCELLERS);
		for (int k = 1; k <= CANCELLERS; k++)
			go_with(cancel_with_cause,
				(struct canceller_with_cause){ ctx, -1000 - k, &wg });
		CHECK(!chan_recv(context_done(child), NULL));
		waitgroup_wait(&wg);
		CHECK_EQ(context_cause(child), context_cause(ctx));
		CHECK(!context_stop_after(&a.after));
		CHECK_EQ(a.calls, 1);
		context_unref(child);
		context_unref(ctx);
	}
}

/* A cancelled parent must not grow with each child that comes and goes, nor keep those that it had. */
TEST_GO(context_cancel_detaches_the_children)
{
	struct context *top = context_with_cancel(context_background());
	struct context *child = context_with_cancel(top);
	int64_t before = context_count();
	for (int i = 0; i < 100; i++)
		context_unref(context_with_timeout(top, 3600 * SECOND));
	CHECK_EQ(context_count(), before);
	context_cancel(top);
	context_unref(child);
	CHECK_EQ(context_count(), before - 1);
	context_unref(top);
	CHECK_EQ(context_count(), before - 2);
}

static void unref_it(struct canceller *c)
{
	context_unref(c->ctx);
	waitgroup_done(c->wg);
}

TEST_GO(context_children_may_go_while_the_parent_ends)
{
	enum {
		CHILDREN = 8
	};
	for (int i = 0; i < 500; i++) {
		struct waitgroup wg = { 0 };
		struct context *top = context_with_cancel(context_background());
		waitgroup_add(&wg, CHILDREN + 1);
		for (int k = 0; k < CHILDREN; k++)
			go_with(unref_it,
				(struct canceller){ .ctx = context_with_cancel(top), .wg = &wg });
		go_with(cancel_it, (struct canceller){ .ctx = top, .wg = &wg });
		waitgroup_wait(&wg);
		context_unref(top);
	}
	CHECK_EQ(context_count(), 0);
}

TEST_GO(context_may_go_while_its_deadline_passes)
{
	for (int i = 0; i < 500; i++) {
		struct waitgroup wg = { 0 };
		struct context *top = context_with_timeout(context_background(), 20 * MICROSECOND);
		struct context *child = context_with_timeout(top, 10 * MICROSECOND);
		waitgroup_add(&wg, 2);
		go_with(unref_it, (struct canceller){ .ctx = top, .wg = &wg });
		go_with(unref_it, (struct canceller){ .ctx = child, .wg = &wg });
		waitgroup_wait(&wg);
	}
	while (context_count() !=
	       0) /* a callback that met them alive holds a reference until it returns */
		goroutine_yield();
}

static void wait_done(struct canceller *c)
{
	CHECK(!chan_recv(context_done(c->ctx), NULL));
	CHECK_EQ(context_err(c->ctx), -ECANCELED);
	waitgroup_done(c->wg);
}

TEST_GO(context_done_made_while_it_ends_is_closed_all_the_same)
{
	enum {
		WAITERS = 4
	};
	for (int i = 0; i < 500; i++) {
		struct waitgroup wg = { 0 };
		struct context *ctx = context_with_cancel(context_background());
		waitgroup_add(&wg, WAITERS + 1);
		for (int k = 0; k < WAITERS; k++)
			go_with(wait_done, (struct canceller){ .ctx = ctx, .wg = &wg });
		go_with(cancel_it, (struct canceller){ .ctx = ctx, .wg = &wg });
		waitgroup_wait(&wg);
		context_unref(ctx);
	}
}

struct unref_in_after {
	struct context_after after;
	struct context *ctx;
	_Atomic bool called;
};

static void drop_last(struct context_after *a)
{
	struct unref_in_after *u = CONTAINER_OF(a, struct unref_in_after, after);
	context_unref(u->ctx);
	u->called = true;
}

TEST_GO(context_may_lose_its_owner_in_its_own_timer)
{
	struct unref_in_after u = { .ctx = context_with_timeout(context_background(),
								MILLISECOND) };
	context_after(u.ctx, &u.after, drop_last);
	while (!u.called)
		goroutine_yield();
	while (context_count() != 0)
		goroutine_yield();
}
