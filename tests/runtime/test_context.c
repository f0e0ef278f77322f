/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/blocking.h"
#include "runtime/clock.h"
#include "runtime/context.h"
#include "runtime/goroutine.h"
#include "runtime/sanitizer.h"
#include "runtime/select.h"
#include "runtime/timer.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

static bool is_done(struct context *ctx)
{
	return chan_try_recv(context_done(ctx), NULL, NULL);
}

/* --- cancelling --- */

TEST_GO(context_background_never_ends)
{
	struct context *ctx = context_background();
	CHECK_EQ(context_err(ctx), 0);
	CHECK_EQ(context_cause(ctx), 0);
	CHECK_EQ(context_deadline(ctx), NEVER);
	CHECK(context_done(ctx).rx == NULL);
	CHECK(context_value(ctx, ctx) == NULL);
	CHECK(context_ref(ctx) == ctx);
	context_unref(ctx);
	context_unref(NULL);
}

TEST_GO(context_cancel_ends_it_and_closes_done)
{
	struct context *ctx = context_with_cancel(context_background());
	CHECK_EQ(context_err(ctx), 0);
	CHECK(!is_done(ctx));
	context_cancel(ctx);
	context_cancel(ctx);
	CHECK_EQ(context_err(ctx), -ECANCELED);
	CHECK_EQ(context_cause(ctx), -ECANCELED);
	CHECK(is_done(ctx));
	context_unref(ctx);
}

TEST_GO(context_done_of_an_ended_one_is_closed)
{
	struct context *ctx = context_with_cancel(context_background());
	context_cancel(ctx);
	CHECK(is_done(ctx));
	CHECK(context_done(ctx).rx == context_done(ctx).rx);
	context_unref(ctx);
}

TEST_GO(context_first_cause_wins)
{
	struct context *ctx = context_with_cancel(context_background());
	struct context *child = context_with_cancel(ctx);
	context_cancel_cause(ctx, -EPIPE);
	context_cancel_cause(ctx, -EIO);
	context_cancel(child);
	CHECK_EQ(context_err(ctx), -ECANCELED);
	CHECK_EQ(context_cause(ctx), -EPIPE);
	CHECK_EQ(context_cause(child), -EPIPE);
	context_unref(child);
	context_unref(ctx);
}

TEST_GO(context_cancel_reaches_all_descendants_and_no_ancestor)
{
	struct context *top = context_with_cancel(context_background()), *mid[10], *leaf[10];
	for (int i = 0; i < 10; i++) {
		mid[i] = context_with_cancel(top);
		leaf[i] = context_with_value(mid[i], top, top);
	}
	context_cancel(mid[3]);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(context_err(mid[i]), i == 3 ? -ECANCELED : 0);
		CHECK_EQ(context_err(leaf[i]), i == 3 ? -ECANCELED : 0);
	}
	CHECK_EQ(context_err(top), 0);
	context_cancel(top);
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(context_err(leaf[i]), -ECANCELED);
		CHECK(is_done(leaf[i]));
		context_unref(leaf[i]);
		context_unref(mid[i]);
	}
	context_unref(top);
}

TEST_GO(context_child_of_an_ended_one_has_ended)
{
	struct context *ctx = context_with_cancel(context_background());
	context_cancel_cause(ctx, -EIO);
	struct context *child = context_with_timeout(ctx, SECOND);
	CHECK_EQ(context_err(child), -ECANCELED);
	CHECK_EQ(context_cause(child), -EIO);
	CHECK(is_done(child));
	context_unref(child);
	context_unref(ctx);
}

TEST_GO(context_chains_may_be_deep)
{
	enum {
		DEPTH = 20000
	};
	struct context *top = context_with_cancel(context_background()), *last = context_ref(top);
	for (int i = 0; i < DEPTH; i++) {
		struct context *next = context_with_cancel(last);
		context_unref(last);
		last = next;
	}
	context_cancel(top);
	CHECK_EQ(context_err(last), -ECANCELED);
	context_unref(top);
	context_unref(last); /* takes them all with it */
	CHECK_EQ(context_count(), 0);
}

/* --- references --- */

TEST_GO(context_last_unref_cancels_and_frees)
{
	int64_t before = context_count();
	struct context *ctx = context_with_cancel(context_background());
	done_chan_rx done = chan_ref(context_done(ctx));
	CHECK_EQ(context_count(), before + 1);
	context_unref(context_ref(ctx));
	CHECK(!chan_try_recv(done, NULL, NULL));
	context_unref(ctx);
	CHECK(chan_try_recv(done, NULL, NULL));
	CHECK_EQ(context_count(), before);
	chan_unref(done);
}

TEST_GO(context_child_keeps_its_parent_alive)
{
	struct context *top = context_with_timeout(context_background(), 3600 * SECOND);
	struct context *child = context_with_value(top, &top, &child);
	context_unref(top);
	CHECK_EQ(context_err(child), 0);
	CHECK(context_value(child, &top) == &child);
	CHECK_LT(clock_now(), context_deadline(child));
	context_unref(child);
}

/* --- values --- */

TEST_GO(context_value_is_that_of_the_nearest)
{
	static const char name_key, other_key, third_key;
	int one = 1, two = 2, three = 3;
	struct context *a = context_with_value(context_background(), &name_key, &one);
	struct context *b = context_with_value(a, &other_key, &two);
	struct context *c = context_with_value(b, &name_key, &three);
	CHECK(context_value(a, &name_key) == &one);
	CHECK(context_value(b, &name_key) == &one);
	CHECK(context_value(c, &name_key) == &three);
	CHECK(context_value(c, &other_key) == &two);
	CHECK(context_value(a, &other_key) == NULL);
	CHECK(context_value(c, &third_key) == NULL);
	CHECK(context_value(c, NULL) == NULL);
	context_unref(a);
	context_unref(b);
	context_unref(c);
}

/* --- deadlines --- */

TEST_GO(context_deadline_ends_it_and_its_children)
{
	int64_t begin = clock_now();
	struct context *ctx = context_with_timeout(context_background(), 5 * MILLISECOND);
	struct context *child = context_with_cancel(ctx);
	CHECK_EQ(context_err(ctx), 0);
	CHECK(!chan_recv(context_done(child), NULL));
	CHECK_LE(begin + 5 * MILLISECOND, clock_now());
	CHECK_EQ(context_err(ctx), -ETIMEDOUT);
	CHECK_EQ(context_err(child), -ETIMEDOUT);
	CHECK_EQ(context_cause(child), -ETIMEDOUT);
	context_unref(child);
	context_unref(ctx);
}

TEST_GO(context_deadline_in_the_past_has_ended_at_once)
{
	struct context *a = context_with_deadline(context_background(), clock_now() - 1);
	struct context *b = context_with_timeout(context_background(), 0);
	struct context *c = context_with_timeout(context_background(), INT64_MIN);
	CHECK_EQ(context_err(a), -ETIMEDOUT);
	CHECK_EQ(context_err(b), -ETIMEDOUT);
	CHECK_EQ(context_err(c), -ETIMEDOUT);
	context_unref(a);
	context_unref(b);
	context_unref(c);
}

TEST_GO(context_deadline_is_the_nearest_up_the_tree)
{
	int64_t now = clock_now();
	struct context *a = context_with_deadline(context_background(), now + 100 * SECOND);
	struct context *b = context_with_deadline(a, now + 200 * SECOND);
	struct context *c = context_with_deadline(b, now + 50 * SECOND);
	struct context *d = context_with_deadline(c, NEVER);
	struct context *e = context_with_timeout(context_background(), INT64_MAX);
	CHECK_EQ(context_deadline(a), now + 100 * SECOND);
	CHECK_EQ(context_deadline(b), now + 100 * SECOND);
	CHECK_EQ(context_deadline(c), now + 50 * SECOND);
	CHECK_EQ(context_deadline(d), now + 50 * SECOND);
	CHECK_EQ(context_deadline(e), NEVER);
	context_unref(a);
	context_unref(b);
	context_unref(c);
	context_unref(d);
	context_unref(e);
}

TEST_GO(context_cancelled_one_stays_cancelled_at_its_deadline)
{
	struct context *ctx = context_with_timeout(context_background(), 2 * MILLISECOND);
	struct context *later = context_with_timeout(context_background(), 4 * MILLISECOND);
	context_cancel(ctx);
	CHECK(!chan_recv(context_done(later), NULL));
	CHECK_EQ(context_err(ctx), -ECANCELED);
	context_unref(ctx);
	context_unref(later);
}

TEST_GO(context_parents_earlier_deadline_wins)
{
	int64_t now = clock_now();
	struct context *soon = context_with_deadline(context_background(), now + 2 * MILLISECOND);
	struct context *late = context_with_deadline_cause(soon, now + 3600 * SECOND, -EIO);
	CHECK_EQ(context_deadline(late), now + 2 * MILLISECOND);
	CHECK(!chan_recv(context_done(late), NULL));
	CHECK_EQ(context_err(late), -ETIMEDOUT);
	CHECK_EQ(context_cause(late), -ETIMEDOUT); /* not its own deadline's: that never came */
	context_unref(late);
	context_unref(soon);
}

TEST_GO(context_timeout_has_its_own_cause)
{
	struct context *ctx =
		context_with_timeout_cause(context_background(), MILLISECOND, -EHOSTUNREACH);
	struct context *past = context_with_deadline_cause(context_background(), 1, -ENOSPC);
	struct context *child = context_with_cancel(ctx);
	CHECK_EQ(context_cause(ctx), 0);
	CHECK(!chan_recv(context_done(child), NULL));
	CHECK_EQ(context_err(ctx), -ETIMEDOUT);
	CHECK_EQ(context_cause(ctx), -EHOSTUNREACH);
	CHECK_EQ(context_err(child), -ETIMEDOUT);
	CHECK_EQ(context_cause(child), -EHOSTUNREACH);
	CHECK_EQ(context_err(past), -ETIMEDOUT);
	CHECK_EQ(context_cause(past), -ENOSPC);
	context_unref(past);
	context_unref(child);
	context_unref(ctx);
}

TEST_GO(context_cancel_before_the_deadline_keeps_the_cancels_cause)
{
	struct context *ctx =
		context_with_timeout_cause(context_background(), 3600 * SECOND, -EHOSTUNREACH);
	context_cancel_cause(ctx, -EPIPE);
	CHECK_EQ(context_err(ctx), -ECANCELED);
	CHECK_EQ(context_cause(ctx), -EPIPE);
	context_unref(ctx);
}

/* The timer goes with the cancel, not with the last reference: else the wait below looks as if an hour could end it. */
TEST_GO_DIES(context_cancel_leaves_no_timer_behind, "all goroutines are asleep - deadlock!")
{
	struct context *ctx = context_with_timeout(context_background(), 3600 * SECOND);
	struct context *child = context_with_timeout(ctx, 60 * SECOND);
	context_cancel(ctx);
	CHECK_EQ(context_err(child), -ECANCELED);
	done_chan nothing = chan_make(done_chan, 0);
	chan_recv(nothing, NULL);
}

/* --- without cancel --- */

TEST_GO(context_without_cancel_has_the_values_and_never_ends)
{
	static const char key, own_key;
	int value = 1, own = 2;
	struct context *top = context_with_timeout(context_background(), 3600 * SECOND);
	struct context *named = context_with_value(top, &key, &value);
	struct context *free_one = context_without_cancel(named);
	struct context *child = context_with_value(free_one, &own_key, &own);
	CHECK_EQ(context_deadline(free_one), NEVER);
	CHECK_EQ(context_deadline(child), NEVER);
	CHECK(context_done(free_one).rx == NULL);
	context_cancel(top);
	CHECK_EQ(context_err(named), -ECANCELED);
	CHECK_EQ(context_err(free_one), 0);
	CHECK_EQ(context_cause(free_one), 0);
	CHECK_EQ(context_err(child), 0);
	CHECK(context_value(child, &key) == &value);
	CHECK(context_value(child, &own_key) == &own);
	CHECK(context_value(free_one, &own_key) == NULL);
	context_cancel(child); /* its children end as others do */
	CHECK_EQ(context_err(child), -ECANCELED);
	context_unref(child);
	context_unref(free_one);
	context_unref(named);
	context_unref(top);
	CHECK_EQ(context_count(), 0);
}

TEST_GO(context_without_cancel_of_an_ended_one_is_live)
{
	struct context *top = context_with_cancel(context_background());
	context_cancel(top);
	struct context *ctx = context_without_cancel(top);
	struct context *child = context_with_timeout(ctx, 3600 * SECOND);
	CHECK_EQ(context_err(ctx), 0);
	CHECK_EQ(context_err(child), 0);
	context_unref(child);
	context_unref(ctx);
	context_unref(top);
}

TEST_GO_DIES(context_without_cancel_cannot_be_cancelled, "never ends can't be cancelled")
{
	context_cancel(context_without_cancel(context_background()));
}

TEST_GO_DIES(context_background_cannot_be_cancelled, "never ends can't be cancelled")
{
	context_cancel(context_background());
}

/* --- calls at the end --- */

struct call {
	struct context_after after;
	_Atomic int calls;
};

static void count_call(struct context_after *a)
{
	atomic_fetch_add(&CONTAINER_OF(a, struct call, after)->calls, 1);
}

TEST_GO(context_after_is_called_once_at_the_end)
{
	struct context *ctx = context_with_cancel(context_background());
	struct context *child = context_with_cancel(ctx);
	struct call a[3] = { 0 }, b = { 0 };
	for (int i = 0; i < 3; i++)
		context_after(ctx, &a[i].after, count_call);
	context_after(child, &b.after, count_call);
	CHECK_EQ(a[0].calls, 0);
	context_cancel(ctx);
	context_cancel(ctx);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(a[i].calls, 1);
		CHECK(!context_stop_after(&a[i].after));
	}
	CHECK_EQ(b.calls, 1);
	CHECK(!context_stop_after(&b.after));
	context_unref(child);
	context_unref(ctx);
}

TEST_GO(context_after_on_an_ended_one_is_called_at_once)
{
	struct context *ctx = context_with_cancel(context_background());
	struct call a = { 0 };
	context_cancel(ctx);
	context_after(ctx, &a.after, count_call);
	CHECK_EQ(a.calls, 1);
	CHECK(!context_stop_after(&a.after));
	context_unref(ctx);
}

TEST_GO(context_stopped_after_is_not_called)
{
	struct context *ctx = context_with_cancel(context_background());
	struct call a[3] = { 0 };
	for (int i = 0; i < 3; i++)
		context_after(ctx, &a[i].after, count_call);
	CHECK(context_stop_after(&a[1].after)); /* from the middle of the list */
	CHECK(!context_stop_after(&a[1].after));
	CHECK(context_stop_after(&a[2].after));
	context_cancel(ctx);
	CHECK_EQ(a[0].calls, 1);
	CHECK_EQ(a[1].calls, 0);
	CHECK_EQ(a[2].calls, 0);
	context_after(context_background(), &a[1].after, count_call);
	CHECK(context_stop_after(&a[1].after));
	struct context_after never = { 0 };
	CHECK(!context_stop_after(&never));
	context_unref(ctx);
}

TEST_GO(context_after_is_called_by_the_deadline)
{
	struct context *ctx = context_with_timeout(context_background(), 2 * MILLISECOND);
	struct call a = { 0 };
	context_after(ctx, &a.after, count_call);
	while (a.calls == 0)
		goroutine_yield();
	CHECK(!context_stop_after(&a.after));
	context_unref(ctx);
}

struct canceller {
	struct context *ctx;
	struct waitgroup *wg;
};

static void cancel_it(struct canceller *c)
{
	context_cancel(c->ctx);
	waitgroup_done(c->wg);
}

/* After stop returns the node's memory may go: address sanitizer watches. And it was called or kept from it, never both. */
TEST_GO(context_stop_after_races_with_cancel)
{
	for (int i = 0; i < 2000; i++) {
		struct waitgroup wg = { 0 };
		struct context *ctx = context_with_cancel(context_background());
		struct call *a = calloc(1, sizeof(*a));
		CHECK(a != NULL);
		context_after(ctx, &a->after, count_call);
		waitgroup_add(&wg, 1);
		go_with(cancel_it, (struct canceller){ .ctx = ctx, .wg = &wg });
		if (i % 3 == 0)
			goroutine_yield();
		bool kept = context_stop_after(&a->after);
		CHECK_EQ(a->calls, kept ? 0 : 1);
		free(a);
		waitgroup_wait(&wg);
		context_unref(ctx);
	}
}

/* --- functions at the end, in goroutines of their own --- */

CHAN_OF(uint64_t, id_chan);

struct funcs {
	struct context_func func;
	id_chan ids; /* room for more than are expected */
	done_chan gate;
};

/* Parks, as only a goroutine may. */
static void tell_id(void *arg)
{
	struct funcs *f = arg;
	chan_recv(f->gate, NULL);
	chan_send(f->ids, goroutine_id());
}

static struct funcs new_funcs(void)
{
	return (struct funcs){ .ids = chan_make(id_chan, 4), .gate = chan_make(done_chan, 0) };
}

static void drop_funcs(struct funcs *f)
{
	chan_unref(f->ids);
	chan_unref(f->gate);
}

TEST_GO(context_after_func_runs_in_its_own_goroutine)
{
	struct context *ctx = context_with_cancel(context_background());
	struct funcs f = new_funcs();
	uint64_t id;
	context_after_func(ctx, &f.func, tell_id, &f);
	context_cancel(ctx); /* returns although the function is held up at the gate */
	CHECK_EQ(chan_len(f.ids), 0);
	chan_close(f.gate);
	CHECK(chan_recv(f.ids, &id));
	CHECK_NE(id, goroutine_id());
	CHECK(!context_stop_func(&f.func));
	CHECK_EQ(chan_len(f.ids), 0);
	drop_funcs(&f);
	context_unref(ctx);
}

TEST_GO(context_after_func_of_an_ended_one_runs_too)
{
	struct context *ctx = context_with_cancel(context_background());
	struct funcs f = new_funcs();
	context_cancel(ctx);
	chan_close(f.gate);
	context_after_func(ctx, &f.func, tell_id, &f);
	CHECK(chan_recv(f.ids, NULL));
	CHECK(!context_stop_func(&f.func));
	drop_funcs(&f);
	context_unref(ctx);
}

TEST_GO(context_after_func_runs_at_the_deadline)
{
	struct context *ctx = context_with_timeout(context_background(), MILLISECOND);
	struct funcs f = new_funcs();
	chan_close(f.gate);
	context_after_func(ctx, &f.func, tell_id, &f);
	CHECK(chan_recv(f.ids, NULL));
	CHECK_EQ(context_err(ctx), -ETIMEDOUT);
	CHECK(!context_stop_func(&f.func));
	drop_funcs(&f);
	context_unref(ctx);
}

TEST_GO(context_stopped_func_does_not_run)
{
	struct context *ctx = context_with_cancel(context_background());
	struct funcs f = new_funcs(), background = new_funcs();
	int64_t goroutines = goroutine_count();
	context_after_func(ctx, &f.func, tell_id, &f);
	CHECK(context_stop_func(&f.func));
	CHECK(!context_stop_func(&f.func));
	context_cancel(ctx);
	context_after_func(context_background(), &background.func, tell_id, &background);
	CHECK(context_stop_func(&background.func));
	CHECK(!context_stop_func(&background.func));
	CHECK_EQ(goroutine_count(), goroutines);
	drop_funcs(&f);
	drop_funcs(&background);
	context_unref(ctx);
}

static void cancel_on_a_thread(void *ctx)
{
	context_cancel(ctx);
}

TEST_GO(context_after_func_runs_when_a_thread_without_processor_cancels)
{
	for (int i = 0; i < 50; i++) {
		struct context *ctx = context_with_cancel(context_background());
		struct funcs f = new_funcs();
		chan_close(f.gate);
		context_after_func(ctx, &f.func, tell_id, &f);
		blocking_call(cancel_on_a_thread, ctx);
		CHECK(chan_recv(f.ids, NULL));
		CHECK(!context_stop_func(&f.func));
		drop_funcs(&f);
		context_unref(ctx);
	}
}

static void count_run(void *arg)
{
	atomic_fetch_add((_Atomic int *)arg, 1);
}

/* Stopped or run, never both and never neither; after stop the node's memory may go. */
TEST_GO(context_stop_func_races_with_cancel)
{
	_Atomic int runs = 0;
	int kept = 0;
	enum {
		ROUNDS = 2000
	};
	for (int i = 0; i < ROUNDS; i++) {
		struct waitgroup wg = { 0 };
		struct context *ctx = context_with_cancel(context_background());
		struct context_func *f = malloc(sizeof(*f));
		CHECK(f != NULL);
		context_after_func(ctx, f, count_run, &runs);
		waitgroup_add(&wg, 1);
		go_with(cancel_it, (struct canceller){ .ctx = ctx, .wg = &wg });
		if (i % 3 != 0)
			goroutine_yield();
		kept += context_stop_func(f);
		free(f);
		waitgroup_wait(&wg);
		context_unref(ctx);
	}
	while (kept + runs < ROUNDS)
		goroutine_yield();
	CHECK_EQ(kept + runs, ROUNDS);
}

/* --- races --- */

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

/* Sanitizers find it first, in their own words. */
#if defined(RUNTIME_DEBUG) && !defined(HAVE_SANITIZER)
static struct context *freed_context(void)
{
	struct context *ctx = context_with_cancel(context_background());
	context_unref(ctx);
	return ctx;
}

TEST_GO_DIES(context_cancel_of_a_freed_one_is_found, "panic: use of a freed context")
{
	context_cancel(freed_context());
}

TEST_GO_DIES(context_err_of_a_freed_one_is_found, "panic: use of a freed context")
{
	(void)context_err(freed_context());
}

TEST_GO_DIES(context_done_of_a_freed_one_is_found, "panic: use of a freed context")
{
	(void)context_done(freed_context());
}

TEST_GO_DIES(context_unref_once_too_often_is_found, "panic: use of a freed context")
{
	context_unref(freed_context());
}

TEST_GO_DIES(context_child_of_a_freed_one_is_found, "panic: use of a freed context")
{
	context_unref(context_with_cancel(freed_context()));
}
#endif

TEST_GO_DIES(context_of_nil_parent_panics, "panic: context: nil parent")
{
	context_unref(context_with_cancel(NULL));
}

TEST_GO_DIES(context_value_without_a_key_panics, "panic: context: nil key")
{
	context_unref(context_with_value(context_background(), NULL, "value"));
}
