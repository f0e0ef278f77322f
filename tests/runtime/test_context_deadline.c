/* SPDX-License-Identifier: MIT
 *
 * test_context_deadline: contexts that end by the clock.
 */
#include <errno.h>

#include "runtime/clock.h"
#include "runtime/context.h"
#include "tests/harness.h"

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
