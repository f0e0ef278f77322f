/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>

#include "runtime/errgroup.h"
#include "runtime/goroutine.h"
#include "tests/harness.h"

struct shared {
	_Atomic int running, most, calls;
	struct errgroup *group;
};

static int count_call(void *arg)
{
	struct shared *s = arg;
	int now = atomic_fetch_add(&s->running, 1) + 1, most = s->most;
	while (now > most && !atomic_compare_exchange_weak(&s->most, &most, now))
		;
	goroutine_yield();
	atomic_fetch_add(&s->calls, 1);
	atomic_fetch_sub(&s->running, 1);
	return 0;
}

TEST_GO(errgroup_waits_for_all)
{
	struct shared s = { .calls = 0 };
	struct errgroup *g = errgroup_new(NULL);
	for (int i = 0; i < 100; i++)
		errgroup_go(g, count_call, &s);
	CHECK_OK(errgroup_wait(g));
	CHECK_EQ(s.calls, 100);
}

TEST_GO(errgroup_of_nothing_does_not_wait)
{
	CHECK_OK(errgroup_wait(errgroup_new(NULL)));
}

TEST_GO(errgroup_limit_holds)
{
	struct shared s = { .calls = 0 };
	struct errgroup *g = errgroup_new(NULL);
	errgroup_set_limit(g, 3);
	for (int i = 0; i < 100; i++)
		errgroup_go(g, count_call, &s);
	CHECK_OK(errgroup_wait(g));
	CHECK_EQ(s.calls, 100);
	CHECK_EQ(s.most, 3);
}

static int wait_cancelled(void *arg)
{
	struct context *ctx = arg;
	chan_recv(context_done(ctx), NULL);
	return context_err(ctx);
}

TEST_GO(errgroup_try_go_refuses_above_the_limit)
{
	struct shared s = { .calls = 0 };
	struct context *ctx = context_with_cancel(context_background());
	struct errgroup *g = errgroup_new(ctx);
	errgroup_set_limit(g, 2);
	CHECK(errgroup_try_go(g, wait_cancelled, ctx));
	CHECK(errgroup_try_go(g, wait_cancelled, ctx));
	CHECK(!errgroup_try_go(g, count_call, &s));
	context_cancel(ctx);
	CHECK_EQ(errgroup_wait(g), -ECANCELED);
	CHECK_EQ(s.calls, 0);
	context_unref(ctx);
}

static int fail_with_eio(void *arg)
{
	(void)arg;
	return -EIO;
}

TEST_GO(errgroup_first_error_cancels_the_others_and_is_the_result)
{
	struct errgroup *g = errgroup_new(NULL);
	struct context *ctx = context_ref(errgroup_context(g));
	for (int i = 0; i < 10; i++)
		errgroup_go(g, wait_cancelled, ctx);
	errgroup_go(g, fail_with_eio, NULL);
	CHECK_EQ(errgroup_wait(g), -EIO);
	CHECK_EQ(context_err(ctx), -ECANCELED);
	CHECK_EQ(context_cause(ctx), -EIO);
	context_unref(ctx);
}

TEST_GO(errgroup_wait_ends_the_groups_context_and_not_the_parents)
{
	struct context *parent = context_with_cancel(context_background());
	struct errgroup *g = errgroup_new(parent);
	struct context *ctx = context_ref(errgroup_context(g));
	CHECK_EQ(context_err(ctx), 0);
	CHECK_OK(errgroup_wait(g));
	CHECK_EQ(context_err(ctx), -ECANCELED);
	CHECK_EQ(context_err(parent), 0);
	context_unref(ctx);
	context_unref(parent);
}

struct failing {
	int err;
	done_chan go_on, done;
};

static int fail_when_told(void *arg)
{
	struct failing *f = arg;
	chan_recv(f->go_on, NULL);
	chan_close(f->done);
	return f->err;
}

TEST_GO(errgroup_wait_gives_the_error_that_came_first)
{
	struct failing first = { -EIO, chan_make(done_chan, 0), chan_make(done_chan, 0) },
		       second = { -EPIPE, chan_make(done_chan, 0), chan_make(done_chan, 0) };
	struct errgroup *g = errgroup_new(NULL);
	errgroup_go(g, fail_when_told, &second);
	errgroup_go(g, fail_when_told, &first);
	chan_close(first.go_on);
	chan_recv(context_done(errgroup_context(g)), NULL);
	chan_close(second.go_on);
	CHECK_EQ(errgroup_wait(g), -EIO);
	chan_unref(first.go_on);
	chan_unref(first.done);
	chan_unref(second.go_on);
	chan_unref(second.done);
}

/* --- the zero value --- */

TEST_GO(errgroup_zero_value_is_a_group_without_a_context)
{
	struct shared s = { .calls = 0 };
	struct errgroup g = { 0 };
	for (int i = 0; i < 100; i++)
		errgroup_go(&g, count_call, &s);
	CHECK_OK(errgroup_wait(&g));
	CHECK_EQ(s.calls, 100);
	CHECK(errgroup_context(&g) == context_background());
}

TEST_GO(errgroup_zero_value_keeps_the_first_error_and_cancels_nobody)
{
	struct failing f = { -EIO, chan_make(done_chan, 0), chan_make(done_chan, 0) };
	struct shared s = { .calls = 0 };
	struct errgroup g = { 0 };
	errgroup_go(&g, fail_when_told, &f);
	chan_close(f.go_on);
	chan_recv(f.done, NULL);
	errgroup_go(&g, count_call, &s);
	CHECK_EQ(errgroup_wait(&g), -EIO);
	CHECK_EQ(s.calls, 1);
	CHECK_OK(context_err(errgroup_context(&g)));
	chan_unref(f.go_on);
	chan_unref(f.done);
}

TEST_GO(errgroup_zero_value_may_have_a_limit_and_be_embedded)
{
	struct owner {
		struct shared shared;
		struct errgroup group;
	} o = { .shared.calls = 0 };
	errgroup_set_limit(&o.group, 2);
	for (int i = 0; i < 50; i++)
		errgroup_go(&o.group, count_call, &o.shared);
	CHECK_OK(errgroup_wait(&o.group));
	CHECK_EQ(o.shared.calls, 50);
	CHECK_EQ(o.shared.most, 2);
}

static int is_null(void *arg)
{
	return arg == NULL ? 0 : -EINVAL;
}

struct copied {
	struct shared *s;
	int numbers[32];
};

static int sum_copied(void *args)
{
	struct copied *c = args;
	int sum = 0;
	goroutine_yield();
	for (int i = 0; i < 32; i++)
		sum += c->numbers[i];
	atomic_fetch_add(&c->s->calls, sum);
	return (uintptr_t)args % 16 == 0 ? 0 : -EFAULT;
}

TEST_GO(errgroup_go_copy_copies_and_go_borrows)
{
	struct shared s = { .calls = 0 };
	struct errgroup *g = errgroup_new(NULL);
	struct copied c = { .s = &s };
	for (int i = 0; i < 10; i++) {
		for (int k = 0; k < 32; k++)
			c.numbers[k] = i;
		errgroup_go_copy(g, sum_copied, &c, sizeof(c));
	}
	errgroup_go(g, is_null, NULL);
	CHECK_OK(errgroup_wait(g));
	CHECK_EQ(s.calls, 32 * 45);
}

TEST_GO(errgroup_go_copy_takes_what_the_header_promises)
{
	static const char full[ERRGROUP_ARGS_MAX];
	struct errgroup *g = errgroup_new(NULL);
	errgroup_go_copy(g, fail_with_eio, full, sizeof(full));
	CHECK_EQ(errgroup_wait(g), -EIO);
}

static int spawn_more(void *arg)
{
	struct shared *s = arg;
	for (int i = 0; i < 5; i++)
		errgroup_go(s->group, count_call, s);
	return 0;
}

TEST_GO(errgroup_goroutines_may_start_more)
{
	struct shared s = { .group = errgroup_new(NULL) };
	for (int i = 0; i < 5; i++)
		errgroup_go(s.group, spawn_more, &s);
	CHECK_OK(errgroup_wait(s.group));
	CHECK_EQ(s.calls, 25);
}

TEST_GO(errgroup_limit_may_change_while_nothing_runs)
{
	struct shared s = { .calls = 0 };
	struct errgroup *g = errgroup_new(NULL);
	errgroup_set_name(g, "counting");
	errgroup_set_limit(g, 1);
	errgroup_set_limit(g, 5);
	errgroup_set_limit(g, 0);
	errgroup_set_limit(g, -1);
	for (int i = 0; i < 50; i++)
		errgroup_go(g, count_call, &s);
	CHECK_OK(errgroup_wait(g));
	CHECK_EQ(s.calls, 50);
}

TEST_GO(errgroup_negative_limit_is_none)
{
	struct context *ctx = context_with_cancel(context_background());
	struct errgroup *g = errgroup_new(ctx);
	errgroup_set_limit(g, 1);
	errgroup_set_limit(g, -1);
	for (int i = 0; i < 20; i++)
		CHECK(errgroup_try_go(g, wait_cancelled, ctx));
	context_cancel(ctx);
	CHECK_EQ(errgroup_wait(g), -ECANCELED);
	context_unref(ctx);
}

TEST_GO(errgroup_limit_zero_lets_nobody_start)
{
	struct shared s = { .calls = 0 };
	struct errgroup *g = errgroup_new(NULL);
	errgroup_set_limit(g, 0);
	CHECK(!errgroup_try_go(g, count_call, &s));
	CHECK_OK(errgroup_wait(g));
	CHECK_EQ(s.calls, 0);
}

TEST_GO_DIES(errgroup_go_with_limit_zero_waits_for_ever, "all goroutines are asleep - deadlock!")
{
	struct shared s = { .calls = 0 };
	struct errgroup g = { 0 };
	errgroup_set_limit(&g, 0);
	errgroup_go(&g, count_call, &s);
}

TEST_GO(errgroup_place_is_free_again_after_one_has_returned)
{
	struct failing f = { 0, chan_make(done_chan, 0), chan_make(done_chan, 0) };
	struct shared s = { .calls = 0 };
	struct errgroup *g = errgroup_new(NULL);
	errgroup_set_limit(g, 1);
	errgroup_go(g, fail_when_told, &f);
	CHECK(!errgroup_try_go(g, count_call, &s));
	chan_close(f.go_on);
	while (!errgroup_try_go(g, count_call, &s))
		goroutine_yield();
	CHECK_OK(errgroup_wait(g));
	CHECK_EQ(s.calls, 1);
	chan_unref(f.go_on);
	chan_unref(f.done);
}

TEST_GO_DIES(errgroup_limit_while_one_runs_panics,
	     "panic: errgroup: modify limit while 1 goroutines in the group are still active")
{
	struct errgroup *g = errgroup_new(NULL);
	errgroup_go(g, wait_cancelled, errgroup_context(g));
	errgroup_set_limit(g, 2);
}
