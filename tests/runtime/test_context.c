/* SPDX-License-Identifier: MIT
 *
 * test_context: cancelling, references, values, and misuse. Deadlines, calls at the end and races have files of their own.
 */
#include <errno.h>

#include "runtime/clock.h"
#include "runtime/context.h"
#include "runtime/sanitizer.h"
#include "tests/harness.h"

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

/* --- misuse --- */

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
