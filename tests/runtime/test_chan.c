/* SPDX-License-Identifier: MIT
 *
 * test_chan: rendezvous, ring, close, nil. What may be sent is test_chan_types.c's.
 */
#include <stdatomic.h>

#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/timer.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

CHAN_OF(int, int_chan);

struct worker {
	int_chan in, out;
	int first, n;
	struct waitgroup *wg;
	_Atomic int *counter;
};

/* --- rendezvous --- */

static void send_one_and_count(struct worker *w)
{
	chan_send(w->out, w->first);
	atomic_fetch_add(w->counter, 1);
	waitgroup_done(w->wg);
}

TEST_GO(chan_unbuffered_send_waits_for_a_receiver)
{
	_Atomic int sent = 0;
	struct waitgroup wg = { 0 };
	int_chan c = chan_make(int_chan, 0);
	int v = 0;

	waitgroup_add(&wg, 1);
	go_with(send_one_and_count,
		(struct worker){ .out = c, .first = 7, .wg = &wg, .counter = &sent });
	wait_senders(c.chan_, 1);
	CHECK_EQ(sent, 0);
	CHECK(chan_recv(c, &v));
	waitgroup_wait(&wg);
	CHECK_EQ(v, 7);
	CHECK_EQ(sent, 1);
	chan_unref(c);
}

static void recv_one_into_out(struct worker *w)
{
	int v;
	if (chan_recv(w->in, &v))
		chan_send(w->out, v + w->first);
	waitgroup_done(w->wg);
}

TEST_GO(chan_parked_receivers_are_served_in_order)
{
	enum {
		N = 5
	};
	struct waitgroup wg = { 0 };
	int_chan in = chan_make(int_chan, 0), out[N];

	for (int i = 0; i < N; i++) {
		out[i] = chan_make(int_chan, 1);
		waitgroup_add(&wg, 1);
		go_with(recv_one_into_out,
			(struct worker){ .in = in, .out = out[i], .first = 100 * i, .wg = &wg });
		wait_receivers(in.chan_, i + 1);
	}
	for (int i = 0; i < N; i++)
		chan_send(in, i);
	waitgroup_wait(&wg);
	for (int i = 0; i < N; i++) {
		int v = -1;
		CHECK(chan_recv(out[i], &v));
		CHECK_EQ(v, 100 * i + i);
		chan_unref(out[i]);
	}
	chan_unref(in);
}

static void check_parked_senders_in_order(size_t capacity)
{
	enum {
		N = 5
	};
	_Atomic int sent = 0;
	struct waitgroup wg = { 0 };
	int_chan c = chan_make(int_chan, capacity);
	int next = 0, v;

	while (next < (int)capacity)
		chan_send(c, next++);
	for (int i = 0; i < N; i++) {
		waitgroup_add(&wg, 1);
		go_with(send_one_and_count,
			(struct worker){ .out = c, .first = next++, .wg = &wg, .counter = &sent });
		wait_senders(c.chan_, i + 1);
	}
	for (int want = 0; want < next; want++) {
		CHECK(chan_recv(c, &v));
		CHECK_EQ(v, want);
	}
	waitgroup_wait(&wg);
	CHECK_EQ(sent, N);
	CHECK_EQ(chan_len(c), 0);
	chan_unref(c);
}

TEST_GO(chan_parked_senders_are_served_in_order)
{
	check_parked_senders_in_order(0);
}

TEST_GO(chan_full_ring_with_parked_senders_keeps_the_order)
{
	check_parked_senders_in_order(1);
	check_parked_senders_in_order(3);
}

/* --- ring --- */

TEST_GO(chan_buffered_send_does_not_wait_until_full)
{
	int_chan c = chan_make(int_chan, 3);
	CHECK_EQ(chan_cap(c), 3);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 3; i++) {
			chan_send(c, 10 * round + i);
			CHECK_EQ(chan_len(c), i + 1);
		}
		CHECK(!chan_try_send(c, 99));
		for (int i = 0; i < 3; i++) {
			int v = -1;
			CHECK(chan_recv(c, &v));
			CHECK_EQ(v, 10 * round + i);
		}
	}
	chan_unref(c);
}

static void count_up(struct worker *w)
{
	for (int i = 0; i < w->n; i++)
		chan_send(w->out, i);
	chan_close(w->out);
}

static void check_range(size_t capacity)
{
	enum {
		N = 5000
	};
	int_chan c = chan_make(int_chan, capacity);
	int want = 0, v;
	go_with(count_up, (struct worker){ .out = c, .n = N });
	while (chan_recv(c, &v)) {
		CHECK_EQ(v, want);
		want++;
	}
	CHECK_EQ(want, N);
	CHECK_EQ(v, 0);
	chan_unref(c);
}

TEST_GO(chan_is_first_in_first_out)
{
	check_range(0);
	check_range(1);
	check_range(7);
	check_range(1000);
}

/* Straight from one stack to the other: the ring never sees the value, although it has room for it. */
TEST_GO(chan_hands_a_value_straight_to_a_parked_receiver)
{
	struct waitgroup wg = { 0 };
	int_chan c = chan_make(int_chan, 3), out = chan_make(int_chan, 1);
	int v = 0;
	waitgroup_add(&wg, 1);
	go_with(recv_one_into_out, (struct worker){ .in = c, .out = out, .wg = &wg });
	wait_receivers(c.chan_, 1);
	chan_send(c, 7);
	CHECK_EQ(chan_len(c), 0);
	CHECK_EQ(line_len(&c.chan_->lock, &c.chan_->receivers), 0);
	CHECK(chan_recv(out, &v));
	CHECK_EQ(v, 7);
	waitgroup_wait(&wg);
	chan_unref(c);
	chan_unref(out);
}

TEST_GO(chan_refills_the_ring_from_a_parked_sender)
{
	_Atomic int sent = 0;
	struct waitgroup wg = { 0 };
	int_chan c = chan_make(int_chan, 2);
	int v = 0;
	chan_send(c, 1);
	chan_send(c, 2);
	waitgroup_add(&wg, 1);
	go_with(send_one_and_count,
		(struct worker){ .out = c, .first = 3, .wg = &wg, .counter = &sent });
	wait_senders(c.chan_, 1);
	CHECK(chan_recv(c, &v));
	CHECK_EQ(v, 1);
	CHECK_EQ(chan_len(c), 2); /* at once, whether the sender has run again or not */
	CHECK_EQ(line_len(&c.chan_->lock, &c.chan_->senders), 0);
	waitgroup_wait(&wg);
	chan_unref(c);
}

/* --- close --- */

TEST_GO(chan_close_is_seen_after_what_was_sent_before)
{
	int_chan c = chan_make(int_chan, 4);
	int v = -1;
	bool ok = true;
	chan_send(c, 1);
	chan_send(c, 2);
	chan_close(c);
	CHECK(chan_recv(c, &v));
	CHECK_EQ(v, 1);
	CHECK(chan_try_recv(c, &v, &ok));
	CHECK(ok);
	CHECK_EQ(v, 2);
	CHECK(!chan_recv(c, &v));
	CHECK_EQ(v, 0);
	v = 5;
	CHECK(chan_try_recv(c, &v, &ok));
	CHECK(!ok);
	CHECK_EQ(v, 0);
	CHECK(!chan_recv(c, NULL));
	chan_unref(c);
}

static void expect_closed(struct worker *w)
{
	int v = 77;
	CHECK(!chan_recv(w->in, &v));
	CHECK_EQ(v, 0);
	atomic_fetch_add(w->counter, 1);
	waitgroup_done(w->wg);
}

TEST_GO(chan_close_wakes_all_receivers)
{
	enum {
		N = 100
	};
	_Atomic int woken = 0;
	struct waitgroup wg = { 0 };
	int_chan c = chan_make(int_chan, 2);
	waitgroup_add(&wg, N);
	for (int i = 0; i < N; i++)
		go_with(expect_closed, (struct worker){ .in = c, .wg = &wg, .counter = &woken });
	wait_receivers(c.chan_, N);
	chan_close(c);
	waitgroup_wait(&wg);
	CHECK_EQ(woken, N);
	chan_unref(c);
}

TEST_GO_DIES(chan_close_makes_a_parked_sender_panic, "panic: send on closed channel")
{
	_Atomic int sent = 0;
	struct waitgroup wg = { 0 };
	if (RACE_LANE)
		test_skip("the race detector ends the program first, and rightly");
	int_chan c = chan_make(int_chan, 0);
	waitgroup_add(&wg, 1);
	go_with(send_one_and_count, (struct worker){ .out = c, .wg = &wg, .counter = &sent });
	wait_senders(c.chan_, 1);
	chan_close(c);
	waitgroup_wait(&wg);
}

TEST_GO_DIES(chan_send_on_closed_panics, "panic: send on closed channel")
{
	int_chan c = chan_make(int_chan, 1);
	chan_close(c);
	chan_send(c, 1);
}

TEST_GO_DIES(chan_try_send_on_closed_panics, "panic: send on closed channel")
{
	int_chan c = chan_make(int_chan, 0);
	chan_close(c);
	if (chan_try_send(c, 1))
		test_fail("sent");
}

TEST_GO_DIES(chan_close_twice_panics, "panic: close of closed channel")
{
	int_chan c = chan_make(int_chan, 0);
	chan_close(c);
	chan_close(c);
}

TEST_GO_DIES(chan_close_of_nil_panics, "panic: close of nil channel")
{
	int_chan c = { .tx = NULL };
	chan_close(c);
}

/* --- nil, and capacities that can't be --- */

TEST_GO(chan_nil_is_never_ready)
{
	int_chan c = { .tx = NULL };
	int v = 3;
	CHECK(!chan_try_send(c, 1));
	CHECK(!chan_try_recv(c, &v, NULL));
	CHECK_EQ(v, 3);
	CHECK_EQ(chan_len(c), 0);
	CHECK_EQ(chan_cap(c), 0);
	chan_unref(chan_ref(c));
}

TEST_GO_DIES(chan_send_to_nil_waits_for_ever, "all goroutines are asleep - deadlock!")
{
	int_chan c = { .tx = NULL };
	chan_send(c, 1);
}

TEST_GO_DIES(chan_recv_from_nil_waits_for_ever, "all goroutines are asleep - deadlock!")
{
	int_chan c = { .tx = NULL };
	chan_recv(c, NULL);
}

TEST_GO_DIES(chan_send_to_nil_is_named_in_the_report, "chan send (nil chan)")
{
	int_chan c = { .tx = NULL };
	chan_send(c, 1);
}

TEST_GO_DIES(chan_recv_from_nil_is_named_in_the_report, "chan receive (nil chan)")
{
	int_chan c = { .tx = NULL };
	chan_recv(c, NULL);
}

TEST_GO_DIES(chan_make_refuses_what_does_not_fit_memory, "panic: makechan: size out of range")
{
	int_chan c = chan_make(int_chan, SIZE_MAX / 2);
	chan_unref(c);
}

TEST_GO_DIES(chan_make_refuses_a_negative_capacity, "panic: makechan: size out of range")
{
	int_chan c = chan_make(int_chan, -1);
	chan_unref(c);
}

TEST_GO_DIES(chan_make_refuses_a_negative_capacity_of_nothings,
	     "panic: makechan: size out of range")
{
	done_chan c = chan_make(done_chan, -1);
	chan_unref(c);
}

/* --- without parking --- */

TEST_GO(chan_try_send_and_try_recv_meet_parked_goroutines)
{
	_Atomic int n = 0;
	struct waitgroup wg = { 0 };
	int_chan c = chan_make(int_chan, 0), out = chan_make(int_chan, 1);
	int v = 0;
	bool ok = false;

	CHECK(!chan_try_send(c, 1));
	CHECK(!chan_try_recv(c, &v, &ok));
	waitgroup_add(&wg, 2);
	go_with(recv_one_into_out, (struct worker){ .in = c, .out = out, .wg = &wg });
	wait_receivers(c.chan_, 1);
	CHECK(chan_try_send(c, 4));
	CHECK(chan_recv(out, &v));
	CHECK_EQ(v, 4);
	go_with(send_one_and_count,
		(struct worker){ .out = c, .first = 8, .wg = &wg, .counter = &n });
	wait_senders(c.chan_, 1);
	CHECK(chan_try_recv(c, &v, &ok));
	CHECK(ok);
	CHECK_EQ(v, 8);
	waitgroup_wait(&wg);
	chan_unref(c);
	chan_unref(out);
}

struct sending_timer {
	struct timer timer;
	int_chan c;
};

static void send_from_timer(struct timer *t)
{
	int_chan c = CONTAINER_OF(t, struct sending_timer, timer)->c;
	CHECK(chan_try_send(c, 11));
	CHECK(chan_try_send(c, 12));
	chan_close(c);
}

TEST_GO(chan_works_in_timer_callbacks)
{
	struct sending_timer s = { .c = chan_make(int_chan, 2) };
	int v = 0;
	timer_init(&s.timer, send_from_timer);
	timer_set(&s.timer, clock_now() + MILLISECOND);
	CHECK(chan_recv(s.c, &v));
	CHECK_EQ(v, 11);
	CHECK(chan_recv(s.c, &v));
	CHECK_EQ(v, 12);
	CHECK(!chan_recv(s.c, &v));
	timer_stop(&s.timer);
	chan_unref(s.c);
}
