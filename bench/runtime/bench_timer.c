/* SPDX-License-Identifier: MIT */
#include "bench/runtime/bench.h"
#include "runtime/clock.h"
#include "runtime/context.h"
#include "runtime/goroutine.h"
#include "runtime/ticker.h"
#include "runtime/timer.h"

static void ignore(struct timer *t)
{
	(void)t;
}

BENCH(TimerSetStop)
{
	struct timer t;
	int64_t when = clock_now() + 3600 * SECOND;
	timer_init(&t, ignore);
	for (int64_t i = 0; i < n; i++) {
		timer_set(&t, when);
		timer_stop(&t);
	}
}

BENCH(TimeAfterDropped)
{
	for (int64_t i = 0; i < n; i++)
		chan_unref(time_after(3600 * SECOND));
}

BENCH(ContextWithCancel)
{
	struct context *parent = context_with_cancel(context_background());
	for (int64_t i = 0; i < n; i++)
		context_unref(context_with_cancel(parent));
	context_unref(parent);
}

BENCH(ContextWithDeadline)
{
	struct context *parent = context_with_cancel(context_background());
	int64_t when = clock_now() + 3600 * SECOND;
	for (int64_t i = 0; i < n; i++)
		context_unref(context_with_deadline(parent, when));
	context_unref(parent);
}

static void ignore_end(struct context_after *a)
{
	(void)a;
}

BENCH(ContextAfterStop)
{
	struct context *ctx = context_with_cancel(context_background());
	struct context_after a;
	for (int64_t i = 0; i < n; i++) {
		context_after(ctx, &a, ignore_end);
		context_stop_after(&a);
	}
	context_unref(ctx);
}

BENCH(Sleep1ns)
{
	for (int64_t i = 0; i < n; i++)
		goroutine_sleep(1);
}
