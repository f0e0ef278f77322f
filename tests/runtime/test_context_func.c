/* SPDX-License-Identifier: MIT
 *
 * test_context_func: functions that run at a context's end, in goroutines of their own.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/blocking.h"
#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "tests/harness.h"
#include "tests/runtime/ending.h"

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
