/* SPDX-License-Identifier: MIT
 *
 * What ends a context happens before what learns of it. An errgroup's goroutines come before the end of the wait for them.
 */
#include <errno.h>

#include "runtime/context.h"
#include "runtime/errgroup.h"
#include "tests/race/race.h"

static struct context *ctx;

static void first_and_cancel(void *arg)
{
	(void)arg;
	first();
	context_cancel(ctx);
	step();
}

static void make(void)
{
	ctx = context_with_cancel(context_background());
}

TEST_GO(cancel_happens_before_done)
{
	make();
	go(first_and_cancel, NULL);
	chan_recv(context_done(ctx), NULL);
	second();
	await(1);
	context_unref(ctx);
}

TEST_GO(cancel_happens_before_done_that_is_asked_for_later)
{
	make();
	go(first_and_cancel, NULL);
	await(1);
	chan_recv(context_done(ctx), NULL);
	second();
	context_unref(ctx);
}

TEST_GO(cancel_happens_before_an_error_that_shows_it)
{
	make();
	go(first_and_cancel, NULL);
	await(1);
	CHECK_EQ(context_err(ctx), -ECANCELED);
	second();
	context_unref(ctx);
}

TEST_GO(cancel_happens_before_the_end_of_a_child)
{
	make();
	struct context *child = context_with_cancel(ctx);
	go(first_and_cancel, NULL);
	chan_recv(context_done(child), NULL);
	second();
	await(1);
	context_unref(child);
	context_unref(ctx);
}

TEST_GO(cancel_happens_before_the_end_of_a_child_born_later)
{
	make();
	go(first_and_cancel, NULL);
	await(1);
	struct context *child = context_with_cancel(ctx);
	CHECK_EQ(context_err(child), -ECANCELED);
	second();
	context_unref(child);
	context_unref(ctx);
}

static void cancel_and_first(void *arg)
{
	context_cancel(ctx);
	do_first(arg);
}

RACE(what_follows_cancel_is_not_ordered)
{
	make();
	go(cancel_and_first, NULL);
	chan_recv(context_done(ctx), NULL);
	await(1);
	second();
}

static void first_and_look(void *arg)
{
	CHECK_OK(context_err(ctx));
	do_first(arg);
}

RACE(a_context_that_lives_orders_nothing)
{
	make();
	go(first_and_look, NULL);
	await(1);
	CHECK_OK(context_err(ctx));
	second();
}

TEST_GO(what_precedes_a_deadline_is_set_happens_before_its_end)
{
	first();
	ctx = context_with_timeout(context_background(), MILLISECOND);
	chan_recv(context_done(ctx), NULL);
	second();
	context_unref(ctx);
}

static struct context_after after;

static void second_after(struct context_after *a)
{
	(void)a;
	second();
}

TEST_GO(what_registers_a_call_happens_before_it)
{
	make();
	first();
	context_after(ctx, &after, second_after);
	context_cancel(ctx);
	CHECK(!context_stop_after(&after));
	first();
	context_unref(ctx);
}

static struct context_func func;

static void second_in_goroutine(void *arg)
{
	(void)arg;
	second();
	step();
}

TEST_GO(cancel_happens_before_the_goroutine_that_it_starts)
{
	make();
	context_after_func(ctx, &func, second_in_goroutine, NULL);
	first_and_cancel(NULL);
	await(2);
	CHECK(!context_stop_func(&func));
	context_unref(ctx);
}

static int run_first(void *arg)
{
	(void)arg;
	first();
	return 0;
}

TEST_GO(the_goroutines_of_an_errgroup_happen_before_the_end_of_wait)
{
	struct errgroup *g = errgroup_new(NULL);
	errgroup_go(g, run_first, NULL);
	CHECK_OK(errgroup_wait(g));
	second();
}

static int run_step_first(void *arg)
{
	do_first(arg);
	return 0;
}

static int run_second_after_1(void *arg)
{
	do_second_after_1(arg);
	return 0;
}

RACE(the_goroutines_of_an_errgroup_are_not_ordered)
{
	struct errgroup *g = errgroup_new(NULL);
	errgroup_go(g, run_step_first, NULL);
	errgroup_go(g, run_second_after_1, NULL);
	CHECK_OK(errgroup_wait(g));
}

static int fail_after_first(void *arg)
{
	(void)arg;
	first();
	return -EIO;
}

TEST_GO(the_first_error_happens_before_the_end_of_the_groups_context)
{
	struct errgroup *g = errgroup_new(NULL);
	errgroup_go(g, fail_after_first, NULL);
	chan_recv(context_done(errgroup_context(g)), NULL);
	second();
	CHECK_EQ(errgroup_wait(g), -EIO);
}
