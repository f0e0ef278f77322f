/* SPDX-License-Identifier: MIT */
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/select.h"
#include "runtime/ticker.h"
#include "tests/harness.h"

CHAN_OF(int, int_chan);

TEST_GO(ticker_after_sends_the_time_once_it_has_come)
{
	int64_t begin = clock_now(), at;
	time_chan c = time_after(3 * MILLISECOND);
	CHECK_EQ(chan_len(c), 0);
	CHECK(chan_recv(c, &at));
	CHECK_LE(begin + 3 * MILLISECOND, at);
	CHECK_LE(at, clock_now());
	CHECK(!chan_try_recv(c, &at, NULL));
	chan_unref(c);
}

TEST_GO(ticker_after_of_no_time_comes_at_once)
{
	time_chan a = time_after(0), b = time_after(-SECOND);
	CHECK(chan_recv(a, NULL));
	CHECK(chan_recv(b, NULL));
	chan_unref(a);
	chan_unref(b);
}

TEST_GO(ticker_after_may_be_dropped_before_its_time)
{
	for (int i = 0; i < 100; i++)
		chan_unref(time_after(3600 * SECOND));
	time_chan never = time_after(INT64_MAX);
	CHECK_EQ(chan_len(never), 0);
	chan_unref(never);
}

TEST_GO(ticker_after_may_be_dropped_as_it_fires)
{
	for (int i = 0; i < 500; i++) {
		time_chan c = time_after(i % 50 * MICROSECOND);
		goroutine_yield();
		chan_unref(c);
	}
}

TEST_GO(ticker_after_is_a_timeout_in_select)
{
	int_chan never = chan_make(int_chan, 0);
	time_chan timeout = time_after(2 * MILLISECOND);
	struct select_case cases[] = { on_recv(never, NULL), on_recv(timeout, NULL) };
	CHECK_EQ(select_wait(cases), 1);
	chan_unref(timeout);
	chan_unref(never);
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
	CHECK_EQ(chan_len(ticker_chan(t)), 1);
	CHECK(chan_recv(ticker_chan(t), &first));
	CHECK(chan_recv(ticker_chan(t), &second));
	CHECK_LT(first, second);
	ticker_free(t);
}

TEST_GO(ticker_may_be_freed_while_it_ticks)
{
	for (int i = 0; i < 200; i++) {
		struct ticker *t = ticker_new(10 * MICROSECOND);
		CHECK(chan_recv(ticker_chan(t), NULL));
		ticker_free(t);
	}
}

TEST_GO_DIES(ticker_without_a_period_panics, "panic: non-positive interval for ticker_new")
{
	ticker_free(ticker_new(0));
}
