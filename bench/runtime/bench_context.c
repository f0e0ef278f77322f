/* SPDX-License-Identifier: MIT
 *
 * Contexts: made and dropped, watched and unwatched, and a cancel that reaches a thousand.
 */
#include "bench/runtime/bench.h"
#include "runtime/clock.h"
#include "runtime/context.h"
#include "runtime/goroutine.h"

BENCH(ContextCancel, "a child with cancel, cancelled")
{
	struct context *parent = context_with_cancel(context_background());
	for (int64_t i = 0; i < n; i++) {
		struct context *child = context_with_cancel(parent);
		context_cancel(child);
		context_unref(child);
	}
	context_unref(parent);
}

BENCH(ContextDeadline, "a child with deadline, cancelled before it")
{
	struct context *parent = context_with_cancel(context_background());
	int64_t when = clock_now() + 3600 * SECOND;
	for (int64_t i = 0; i < n; i++) {
		struct context *child = context_with_deadline(parent, when);
		context_cancel(child);
		context_unref(child);
	}
	context_unref(parent);
}

BENCH(ContextCancel1000, "make 1,000 children with done channels, cancel the parent")
{
	static struct context *child[1000];
	for (int64_t i = 0; i < n; i++) {
		struct context *parent = context_with_cancel(context_background());
		for (int k = 0; k < 1000; k++) {
			child[k] = context_with_cancel(parent);
			if (chan_len(context_done(child[k])) != 0)
				panic("a done channel holds something");
		}
		context_cancel(parent);
		for (int k = 0; k < 1000; k++)
			context_unref(child[k]);
		context_unref(parent);
	}
}

static void ignore_end(struct context_after *a)
{
	(void)a;
}

BENCH(ContextAfter, "context_after, stopped")
{
	struct context *ctx = context_with_cancel(context_background());
	struct context_after a;
	for (int64_t i = 0; i < n; i++) {
		context_after(ctx, &a, ignore_end);
		context_stop_after(&a);
	}
	context_unref(ctx);
}
