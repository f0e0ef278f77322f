/* SPDX-License-Identifier: MIT
 *
 * test_context_after: what is called at a context's end, by whoever ends it.
 */
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "tests/harness.h"
#include "tests/runtime/ending.h"

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
