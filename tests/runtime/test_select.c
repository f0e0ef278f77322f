/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/rand.h"
#include "runtime/select.h"
#include "runtime/timer.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

CHAN_OF(int, int_chan);
CHAN_OF(char, char_chan);

struct worker {
	int_chan a, b;
	int n;
	struct waitgroup *wg;
	_Atomic int *counter;
};

/* --- what is ready --- */

TEST_GO(select_takes_the_one_that_is_ready)
{
	int_chan a = chan_make(int_chan, 1), b = chan_make(int_chan, 1),
		 full = chan_make(int_chan, 1);
	int v = 0, w = 0;
	chan_send(full, 1);
	chan_send(b, 5);
	struct select_case cases[] = { on_recv(a, &v), on_recv(b, &w), on_send(full, 3) };
	CHECK_EQ(select_wait(cases), 1);
	CHECK(cases[1].ok);
	CHECK_EQ(v, 0);
	CHECK_EQ(w, 5);
	CHECK_EQ(chan_len(full), 1);

	CHECK(chan_recv(full, NULL));
	CHECK_EQ(select_wait(cases), 2);
	CHECK(cases[2].ok);
	CHECK(chan_recv(full, &v));
	CHECK_EQ(v, 3);
	chan_unref(a);
	chan_unref(b);
	chan_unref(full);
}

TEST_GO(select_try_gives_the_default_when_none_is_ready)
{
	int_chan a = chan_make(int_chan, 0), b = chan_make(int_chan, 0), nil = { .tx = NULL };
	int v = 9;
	struct select_case cases[] = { on_recv(a, &v), on_send(b, 1), on_recv(nil, &v),
				       on_send(nil, 1) };
	CHECK_EQ(select_try(cases), -1);
	CHECK_EQ(v, 9);
	CHECK_EQ(select_try_n(NULL, 0), -1);
	CHECK_EQ(select_try_n(cases + 2, 2), -1);
	chan_close(a);
	CHECK_EQ(select_try(cases), 0);
	CHECK(!cases[0].ok);
	CHECK_EQ(v, 0);
	chan_unref(a);
	chan_unref(b);
}

TEST_GO(select_sees_what_closed_channels_still_hold)
{
	int_chan a = chan_make(int_chan, 2);
	int v = 0;
	chan_send(a, 1);
	chan_close(a);
	struct select_case cases[] = { on_recv(a, &v) };
	CHECK_EQ(select_wait(cases), 0);
	CHECK(cases[0].ok);
	CHECK_EQ(v, 1);
	CHECK_EQ(select_wait(cases), 0);
	CHECK(!cases[0].ok);
	CHECK_EQ(v, 0);
	chan_unref(a);
}

TEST_GO(select_is_fair_among_the_ready)
{
	enum {
		CASES = 4,
		ROUNDS = 8000
	};
	int_chan c[CASES];
	int chosen[CASES] = { 0 };
	for (int i = 0; i < CASES; i++) {
		c[i] = chan_make(int_chan, 0);
		chan_close(c[i]);
	}
	struct select_case cases[] = { on_recv(c[0], NULL), on_recv(c[1], NULL),
				       on_recv(c[2], NULL), on_recv(c[3], NULL) };
	rand_seed(1);
	for (int i = 0; i < ROUNDS; i++)
		chosen[select_wait(cases)]++;
	for (int i = 0; i < CASES; i++) {
		CHECK_LT(ROUNDS / CASES - 300, chosen[i]); /* 300 is 7 sigma */
		CHECK_LT(chosen[i], ROUNDS / CASES + 300);
		chan_unref(c[i]);
	}
}

TEST_GO(select_leaves_out_nil_channels_and_stays_fair)
{
	int_chan a = chan_make(int_chan, 0), b = chan_make(int_chan, 0), nil = { .tx = NULL };
	int chosen[5] = { 0 };
	chan_close(a);
	chan_close(b);
	struct select_case cases[] = { on_recv(nil, NULL), on_recv(a, NULL), on_send(nil, 1),
				       on_recv(b, NULL), on_recv(nil, NULL) };
	for (int i = 0; i < 4000; i++)
		chosen[select_wait(cases)]++;
	CHECK_EQ(chosen[1] + chosen[3], 4000);
	CHECK_LT(1700, chosen[1]);
	CHECK_LT(1700, chosen[3]);
	chan_unref(a);
	chan_unref(b);
}

/* --- waiting --- */

static void wait_for_two(struct worker *w)
{
	int v = 0, u = 0;
	struct select_case cases[] = { on_recv(w->a, &v), on_recv(w->b, &u) };
	int chosen = select_wait(cases);
	CHECK(cases[chosen].ok);
	atomic_store(w->counter, 1000 * chosen + v + u);
	waitgroup_done(w->wg);
}

static void check_woken_by(bool second)
{
	_Atomic int result = 0;
	struct waitgroup wg = { 0 };
	int_chan a = chan_make(int_chan, 0), b = chan_make(int_chan, 0);
	waitgroup_add(&wg, 1);
	go_with(wait_for_two, (struct worker){ .a = a, .b = b, .wg = &wg, .counter = &result });
	wait_receivers(a.chan_, 1);
	wait_receivers(b.chan_, 1);
	chan_send(second ? b : a, 7);
	waitgroup_wait(&wg);
	CHECK_EQ(result, second ? 1007 : 7);
	CHECK_EQ(line_len(&a.chan_->lock, &a.chan_->receivers), 0);
	CHECK_EQ(line_len(&b.chan_->lock, &b.chan_->receivers), 0);
	chan_unref(a);
	chan_unref(b);
}

TEST_GO(select_is_woken_by_the_first_sender_and_leaves_the_other_lines)
{
	check_woken_by(false);
	check_woken_by(true);
}

static void wait_for_closed(struct worker *w)
{
	int v = 5;
	struct select_case cases[] = { on_recv(w->a, &v), on_send(w->b, 1) };
	CHECK_EQ(select_wait(cases), 0);
	CHECK(!cases[0].ok);
	CHECK_EQ(v, 0);
	waitgroup_done(w->wg);
}

TEST_GO(select_is_woken_by_close)
{
	enum {
		N = 20
	};
	struct waitgroup wg = { 0 };
	int_chan a = chan_make(int_chan, 0), b = chan_make(int_chan, 0);
	waitgroup_add(&wg, N);
	for (int i = 0; i < N; i++)
		go_with(wait_for_closed, (struct worker){ .a = a, .b = b, .wg = &wg });
	wait_receivers(a.chan_, N);
	wait_senders(b.chan_, N);
	chan_close(a);
	waitgroup_wait(&wg);
	chan_unref(a);
	chan_unref(b);
}

static void select_to_send(struct worker *w)
{
	struct select_case cases[] = { on_send(w->a, 1), on_recv(w->b, NULL) };
	select_wait(cases);
	waitgroup_done(w->wg);
}

TEST_GO_DIES(select_panics_when_a_channel_is_closed_under_its_send, "panic: send on closed channel")
{
	struct waitgroup wg = { 0 };
	int_chan a = chan_make(int_chan, 0), b = chan_make(int_chan, 0);
	waitgroup_add(&wg, 1);
	go_with(select_to_send, (struct worker){ .a = a, .b = b, .wg = &wg });
	wait_senders(a.chan_, 1);
	chan_close(a);
	waitgroup_wait(&wg);
}

TEST_GO_DIES(select_panics_on_a_send_to_a_closed_channel, "panic: send on closed channel")
{
	int_chan a = chan_make(int_chan, 1), b = chan_make(int_chan, 0);
	chan_close(a);
	struct select_case cases[] = { on_send(a, 1), on_recv(b, NULL) };
	select_wait(cases);
}

TEST_GO_DIES(select_without_cases_waits_for_ever, "all goroutines are asleep - deadlock!")
{
	select_wait_n(NULL, 0);
}

TEST_GO_DIES(select_of_nil_channels_waits_for_ever, "all goroutines are asleep - deadlock!")
{
	int_chan nil = { .tx = NULL };
	struct select_case cases[] = { on_recv(nil, NULL), on_send(nil, 1) };
	select_wait(cases);
}

/* --- the same channel more than once --- */

static void echo_until_closed(struct worker *w)
{
	int v;
	while (chan_recv(w->a, &v))
		atomic_fetch_add(w->counter, v);
	waitgroup_done(w->wg);
}

TEST_GO(select_may_have_a_channel_several_times)
{
	_Atomic int sum = 0;
	struct waitgroup wg = { 0 };
	int_chan a = chan_make(int_chan, 0);
	int chosen[3] = { 0 };
	waitgroup_add(&wg, 1);
	go_with(echo_until_closed, (struct worker){ .a = a, .wg = &wg, .counter = &sum });
	for (int i = 0; i < 600; i++) {
		struct select_case cases[] = { on_send(a, 1), on_send(a, 100), on_send(a, 10000) };
		chosen[select_wait(cases)]++;
	}
	chan_close(a);
	waitgroup_wait(&wg);
	CHECK_EQ(sum, chosen[0] + 100 * chosen[1] + 10000 * chosen[2]);
	for (int i = 0; i < 3; i++)
		CHECK_LT(100, chosen[i]);
	chan_unref(a);
}

static void send_or_recv(struct worker *w)
{
	int v, sent = 0, got = 0;
	while (sent + got < w->n) {
		struct select_case cases[] = { on_send(w->a, 1), on_recv(w->a, &v) };
		if (select_wait(cases) == 0)
			sent++;
		else
			got++;
	}
	atomic_fetch_add(w->counter, sent - got);
	waitgroup_done(w->wg);
}

/* No goroutine may meet itself; each exchange has one sender and one receiver. */
TEST_GO(select_may_send_and_receive_on_one_channel)
{
	_Atomic int balance = 0;
	struct waitgroup wg = { 0 };
	int_chan a = chan_make(int_chan, 0);
	waitgroup_add(&wg, 2);
	go_with(send_or_recv, (struct worker){ .a = a, .n = 2000, .wg = &wg, .counter = &balance });
	go_with(send_or_recv, (struct worker){ .a = a, .n = 2000, .wg = &wg, .counter = &balance });
	waitgroup_wait(&wg);
	CHECK_EQ(balance, 0);
	chan_unref(a);
}

TEST_GO(select_sends_and_receives_on_one_buffered_channel)
{
	int_chan a = chan_make(int_chan, 1);
	int v = 0;
	struct select_case cases[] = { on_recv(a, &v), on_send(a, 4) };
	CHECK_EQ(select_wait(cases), 1);
	CHECK_EQ(select_wait(cases), 0);
	CHECK_EQ(v, 4);
	chan_unref(a);
}

TEST_GO(select_cases_may_be_used_again)
{
	int_chan a = chan_make(int_chan, 1), b = chan_make(int_chan, 1);
	int v;
	struct select_case cases[] = { on_recv(a, &v), on_recv(b, &v) };
	for (int i = 0; i < 100; i++) {
		chan_send(i % 2 ? b : a, i);
		CHECK_EQ(select_wait(cases), i % 2);
		CHECK_EQ(v, i);
	}
	chan_unref(a);
	chan_unref(b);
}

TEST_GO(select_may_have_hundreds_of_cases)
{
	enum {
		N = 500
	};
	struct select_case *cases = calloc(N, sizeof(*cases));
	int_chan c[N];
	int v;
	CHECK(cases != NULL);
	for (int i = 0; i < N; i++) {
		c[i] = chan_make(int_chan, 1);
		cases[i] = on_recv(c[i], &v);
	}
	for (int i = 0; i < N; i += 7) {
		CHECK_EQ(select_try_n(cases, N), -1);
		chan_send(c[i], i);
		CHECK_EQ(select_wait_n(cases, N), i);
		CHECK_EQ(v, i);
	}
	for (int i = 0; i < N; i++)
		chan_unref(c[i]);
	free(cases);
}

/* --- nobody fires twice --- */

static void race_two_channels(struct worker *w)
{
	int v, got = 0;
	bool a_open = true, b_open = true;
	while (a_open || b_open) {
		int_chan nil = { .tx = NULL };
		struct select_case cases[] = { on_recv(a_open ? w->a : nil, &v),
					       on_recv(b_open ? w->b : nil, &v) };
		int chosen = select_wait(cases);
		if (cases[chosen].ok)
			got += v;
		else if (chosen == 0)
			a_open = false;
		else
			b_open = false;
	}
	atomic_fetch_add(w->counter, got);
	waitgroup_done(w->wg);
}

static void send_ones(struct worker *w)
{
	for (int i = 0; i < w->n; i++)
		chan_send(w->a, 1);
	waitgroup_done(w->wg);
}

static void check_race(size_t capacity)
{
	enum {
		SENDERS = 4,
		RECEIVERS = 4,
		EACH = 1000
	};
	_Atomic int sum = 0;
	struct waitgroup senders = { 0 }, receivers = { 0 };
	int_chan a = chan_make(int_chan, capacity), b = chan_make(int_chan, 0);
	waitgroup_add(&receivers, RECEIVERS);
	waitgroup_add(&senders, 2 * SENDERS);
	for (int i = 0; i < RECEIVERS; i++)
		go_with(race_two_channels,
			(struct worker){ .a = a, .b = b, .wg = &receivers, .counter = &sum });
	for (int i = 0; i < SENDERS; i++) {
		go_with(send_ones, (struct worker){ .a = a, .n = EACH, .wg = &senders });
		go_with(send_ones, (struct worker){ .a = b, .n = EACH, .wg = &senders });
	}
	waitgroup_wait(&senders);
	chan_close(a);
	chan_close(b);
	waitgroup_wait(&receivers);
	CHECK_EQ(sum, 2 * SENDERS * EACH);
	chan_unref(a);
	chan_unref(b);
}

TEST_GO(select_loses_and_doubles_nothing_between_many)
{
	check_race(0);
	check_race(3);
}

static void pass_round(struct worker *w)
{
	int v;
	for (int i = 0; i < w->n; i++) {
		struct select_case cases[] = { on_send(w->a, i), on_send(w->b, i),
					       on_recv(w->a, &v), on_recv(w->b, &v) };
		int chosen = select_wait(cases);
		atomic_fetch_add(w->counter, chosen < 2 ? 1 : -1);
	}
	waitgroup_done(w->wg);
}

/* Selects that meet selects on two channels: locks in one order, or they would stop for ever. The rest is taken up by us. */
TEST_GO(select_may_meet_select)
{
	enum {
		N = 6,
		EACH = 500
	};
	_Atomic int balance = 0;
	struct waitgroup wg = { 0 };
	int_chan a = chan_make(int_chan, 0), b = chan_make(int_chan, 0);
	waitgroup_add(&wg, N);
	for (int i = 0; i < N; i++)
		go_with(pass_round, (struct worker){ .a = i % 2 ? a : b,
						     .b = i % 2 ? b : a,
						     .n = EACH,
						     .wg = &wg,
						     .counter = &balance });
	int ours = 0, v;
	while (waitgroup_count(&wg) > 0) {
		struct select_case cases[] = { on_recv(a, &v), on_recv(b, &v) };
		if (select_try(cases) >= 0)
			ours++;
		goroutine_yield();
	}
	waitgroup_wait(&wg);
	CHECK_EQ(balance, ours);
	chan_unref(a);
	chan_unref(b);
}

/* Go's test of the same name: a select with default may not miss what is ready at every moment. */
static void move_back_and_forth(struct worker *w)
{
	for (int i = 0; i < w->n; i++) {
		chan_send(w->b, 1);
		CHECK(chan_recv(w->a, NULL));
		chan_send(w->a, 1);
		CHECK(chan_recv(w->b, NULL));
	}
	waitgroup_done(w->wg);
}

TEST_GO(select_try_looks_at_all_channels_at_one_moment)
{
	struct waitgroup wg = { 0 };
	int_chan a = chan_make(int_chan, 2), b = chan_make(int_chan, 2);
	int v;
	chan_send(a, 1);
	waitgroup_add(&wg, 1);
	go_with(move_back_and_forth, (struct worker){ .a = a, .b = b, .n = 3000, .wg = &wg });
	while (waitgroup_count(&wg) > 0) {
		struct select_case cases[] = { on_recv(a, &v), on_recv(b, &v) };
		int chosen = select_try(cases);
		CHECK_LE(0, chosen);
		chan_send(chosen ? b : a, 1);
		goroutine_yield();
	}
	waitgroup_wait(&wg);
	chan_unref(a);
	chan_unref(b);
}

/* --- timers --- */

struct closing_timer {
	struct timer timer;
	done_chan done;
};

static void close_from_timer(struct timer *t)
{
	chan_close(CONTAINER_OF(t, struct closing_timer, timer)->done);
}

TEST_GO(select_with_a_timer_is_a_timeout)
{
	struct closing_timer t = { .done = chan_make(done_chan, 0) };
	int_chan a = chan_make(int_chan, 0);
	int64_t begin = clock_now();
	timer_init(&t.timer, close_from_timer);
	timer_set(&t.timer, begin + 5 * MILLISECOND);
	struct select_case cases[] = { on_recv(a, NULL), on_recv(t.done, NULL) };
	CHECK_EQ(select_wait(cases), 1);
	CHECK_LE(5 * MILLISECOND, clock_now() - begin);
	timer_stop(&t.timer);
	chan_unref(t.done);
	chan_unref(a);
}
