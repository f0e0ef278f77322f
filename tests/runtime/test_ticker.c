/* SPDX-License-Identifier: MIT
 *
 * Tests of ticker.c.
 */
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/ticker.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

#define HOUR (3600 * SECOND)

static bool is_quiet(struct ticker *t)
{
	return !chan_try_recv(ticker_chan(t), NULL, NULL);
}

static void wait_for_tick(struct ticker *t)
{
	while (chan_len(ticker_chan(t)) == 0)
		goroutine_yield();
}

TEST_GO(ticker_ticks_not_before_each_period)
{
	int64_t begin = clock_now(), at;
	struct ticker *t = ticker_new(2 * MILLISECOND);
	for (int i = 1; i <= 5; i++) {
		CHECK(chan_recv(ticker_chan(t), &at));
		CHECK_LE(begin + i * 2 * MILLISECOND, at);
	}
	ticker_free(t);
}

TEST_GO(ticker_drops_what_a_slow_receiver_misses)
{
	struct ticker *t = ticker_new(MILLISECOND);
	int64_t first, second;
	goroutine_sleep(10 * MILLISECOND);
	wait_for_tick(t);
	CHECK_EQ(chan_len(ticker_chan(t)), 1);
	CHECK(chan_recv(ticker_chan(t), &first));
	CHECK(chan_recv(ticker_chan(t), &second));
	CHECK_LT(first, second);
	ticker_free(t);
}

TEST_GO(ticker_stopped_ticks_no_more)
{
	struct ticker *t = ticker_new(500 * MICROSECOND), *other = ticker_new(500 * MICROSECOND);
	wait_for_tick(t);
	ticker_stop(t);
	CHECK(is_quiet(t)); /* nor what had come already */
	for (int i = 0; i < 4; i++)
		CHECK(chan_recv(ticker_chan(other), NULL));
	CHECK(is_quiet(t));
	ticker_stop(t);
	ticker_free(other);
	ticker_free(t);
}

TEST_GO(ticker_stop_does_not_close_the_channel)
{
	struct ticker *t = ticker_new(HOUR);
	bool ok = true;
	ticker_stop(t);
	CHECK(!chan_try_recv(ticker_chan(t), NULL, &ok));
	CHECK(ok);
	ticker_free(t);
}

TEST_GO(ticker_reset_changes_the_period_and_drops_old_ticks)
{
	struct ticker *t = ticker_new(100 * MICROSECOND);
	int64_t at;
	wait_for_tick(t);
	int64_t begin = clock_now();
	ticker_reset(t, 3 * MILLISECOND);
	for (int i = 1; i <= 3; i++) {
		CHECK(chan_recv(ticker_chan(t), &at));
		CHECK_LE(begin + i * 3 * MILLISECOND, at);
	}
	ticker_reset(t, HOUR);
	CHECK(is_quiet(t));
	ticker_free(t);
}

struct receiver {
	struct ticker *ticker;
	struct waitgroup *done;
};

static void receive_tick(struct receiver *r)
{
	CHECK(chan_recv(ticker_chan(r->ticker), NULL));
	waitgroup_done(r->done);
}

TEST_GO(ticker_reset_starts_a_stopped_one_for_who_waits_already)
{
	struct ticker *t = ticker_new(HOUR);
	struct waitgroup done = { 0 };
	ticker_stop(t);
	waitgroup_add(&done, 1);
	go_with(receive_tick, (struct receiver){ t, &done });
	wait_receivers(ticker_chan(t).rx, 1);
	ticker_reset(t, 10 * MICROSECOND);
	waitgroup_wait(&done);
	ticker_free(t);
}

static void meddle(struct receiver *r)
{
	for (int i = 0; i < 300; i++) {
		ticker_reset(r->ticker, (i % 20 + 1) * MICROSECOND);
		if (i % 8 == 0)
			goroutine_yield();
		if (i % 3 == 0)
			ticker_stop(r->ticker);
	}
	waitgroup_done(r->done);
}

TEST_GO(ticker_may_be_reset_and_stopped_by_many_at_once)
{
	struct ticker *t = ticker_new(MICROSECOND);
	struct waitgroup done = { 0 };
	waitgroup_add(&done, 6);
	for (int i = 0; i < 6; i++)
		go_with(meddle, (struct receiver){ t, &done });
	waitgroup_wait(&done);
	ticker_stop(t);
	CHECK(is_quiet(t));
	ticker_reset(t, 10 * MICROSECOND);
	CHECK(chan_recv(ticker_chan(t), NULL));
	ticker_free(t);
}

TEST_GO(ticker_may_be_freed_while_it_ticks)
{
	for (int i = 0; i < 200; i++) {
		struct ticker *t = ticker_new(10 * MICROSECOND);
		CHECK(chan_recv(ticker_chan(t), NULL));
		ticker_free(t);
	}
	ticker_free(NULL);
}

TEST_GO(ticker_of_an_endless_period_never_ticks)
{
	struct ticker *t = ticker_new(NEVER), *soon = ticker_new(MILLISECOND);
	CHECK(chan_recv(ticker_chan(soon), NULL));
	CHECK(is_quiet(t));
	ticker_free(soon);
	ticker_free(t);
}

TEST_GO_DIES(ticker_without_a_period_panics, "panic: non-positive interval for ticker_new")
{
	ticker_free(ticker_new(0));
}

TEST_GO_DIES(ticker_reset_without_a_period_panics, "panic: non-positive interval for ticker_reset")
{
	ticker_reset(ticker_new(HOUR), -1);
}
