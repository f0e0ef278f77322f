/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>

#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/timer.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

struct point {
	int x, y;
};
struct big {
	char bytes[CHAN_ELEM_MAX];
};

CHAN_OF(int, int_chan);
CHAN_OF(char, char_chan);
CHAN_OF(double, double_chan);
CHAN_OF(struct point, point_chan);
CHAN_OF(struct big, big_chan);
CHAN_OF(const char *, text_chan);
CHAN_OF(int_chan, chan_chan);

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

/* --- nil, sizes, types --- */

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

static void close_done(done_chan *done)
{
	chan_send(*done, NOTHING);
	chan_close(*done);
}

TEST_GO(chan_elements_may_have_no_size)
{
	done_chan buffered = chan_make(done_chan, 3), unbuffered = chan_make(done_chan, 0);
	for (int i = 0; i < 3; i++)
		chan_send(buffered, NOTHING);
	CHECK_EQ(chan_len(buffered), 3);
	CHECK(!chan_try_send(buffered, NOTHING));
	for (int i = 0; i < 3; i++)
		CHECK(chan_recv(buffered, NULL));

	go(close_done, &unbuffered);
	struct empty e;
	CHECK(chan_recv(unbuffered, &e));
	CHECK(!chan_recv(unbuffered, NULL));
	chan_unref(buffered);
	chan_unref(unbuffered);
}

/* 1, 3, 7, 12, 16 and 100 bytes: what lies beside an element must stay as it is. */
#define CHECK_ELEMENTS_OF(bytes_)                                  \
	do {                                                       \
		struct elem {                                      \
			char bytes[bytes_];                        \
		} got[3], want[3];                                 \
		CHAN_OF(struct elem, elem_chan);                   \
		elem_chan c = chan_make(elem_chan, 2);             \
		memset(got, 0x55, sizeof(got));                    \
		memset(want, 0x55, sizeof(want));                  \
		for (int round_ = 0; round_ < 5; round_++) {       \
			memset(&want[1], round_, sizeof(want[1])); \
			CHECK(chan_try_send(c, want[0]));          \
			CHECK(chan_try_send(c, want[1]));          \
			CHECK(chan_recv(c, &got[0]));              \
			CHECK(chan_recv(c, &got[1]));              \
			CHECK_MEM(got, want, sizeof(got));         \
		}                                                  \
		chan_unref(c);                                     \
	} while (0)

TEST_GO(chan_elements_may_have_odd_sizes)
{
	CHECK_ELEMENTS_OF(1);
	CHECK_ELEMENTS_OF(3);
	CHECK_ELEMENTS_OF(7);
	CHECK_ELEMENTS_OF(12);
	CHECK_ELEMENTS_OF(16);
	CHECK_ELEMENTS_OF(100);
}

static void send_big(big_chan *c)
{
	for (int i = 0; i < 3; i++) {
		static struct big b[3];
		memset(&b[i], 'a' + i, sizeof(b[i]));
		chan__send(c->tx, &b[i]);
	}
}

static void check_big(size_t capacity)
{
	static struct big got, want;
	big_chan c = chan_make(big_chan, capacity);
	go(send_big, &c);
	for (int i = 0; i < 3; i++) {
		CHECK(chan_recv(c, &got));
		memset(&want, 'a' + i, sizeof(want));
		CHECK_MEM(&got, &want, sizeof(got));
	}
	chan_unref(c);
}

TEST_GO(chan_elements_may_have_64_kib)
{
	check_big(0);
	check_big(2);
}

TEST_GO(chan_values_may_be_scalars_structs_pointers_and_channels)
{
	point_chan points = chan_make(point_chan, 4);
	text_chan texts = chan_make(text_chan, 4);
	double_chan doubles = chan_make(double_chan, 4);
	char_chan chars = chan_make(char_chan, 4);
	chan_chan chans = chan_make(chan_chan, 1);
	int_chan ints = chan_make(int_chan, 1), same;
	struct point p = { .x = 5 };
	const char *text;
	double d;
	char c;

	chan_send(points, (struct point){ 1, 2 });
	chan_send(points, p);
	CHECK(chan_recv(points, &p) && p.x == 1 && p.y == 2);
	CHECK(chan_recv(points, &p) && p.x == 5 && p.y == 0);
	chan_send(texts, "hello");
	chan_send(texts, NULL);
	CHECK(chan_recv(texts, &text));
	CHECK_STR(text, "hello");
	CHECK(chan_recv(texts, &text));
	CHECK(text == NULL);
	chan_send(doubles, 1.5);
	chan_send(doubles, 2);
	CHECK(chan_recv(doubles, &d) && d == 1.5);
	CHECK(chan_recv(doubles, &d) && d == 2);
	chan_send(chars, 'x');
	chan_send(chars, 127);
	CHECK(chan_recv(chars, &c) && c == 'x');
	CHECK(chan_recv(chars, &c) && c == 127);
	chan_send(chans, ints);
	chan_send(ints, 9);
	int v;
	CHECK(chan_recv(chans, &same) && chan_recv(same, &v) && v == 9);

	chan_unref(points);
	chan_unref(texts);
	chan_unref(doubles);
	chan_unref(chars);
	chan_unref(chans);
	chan_unref(ints);
}

static int next_number(int *n)
{
	return ++*n;
}

static int_chan counted(int_chan c, int *n)
{
	++*n;
	return c;
}

TEST_GO(chan_macros_evaluate_their_arguments_once)
{
	int_chan c = chan_make(int_chan, 8);
	int n = 0, calls = 0, v[2], *at = v, i = 40;
	chan_send(counted(c, &calls), next_number(&n));
	CHECK_EQ(calls, 1);
	CHECK_EQ(n, 1);
	chan_send(c, i++);
	CHECK_EQ(i, 41);
	CHECK(chan_recv(counted(c, &calls), at++));
	CHECK_EQ(calls, 2);
	CHECK_EQ(at - v, 1);
	CHECK_EQ(v[0], 1);
	CHECK(chan_recv(c, at));
	CHECK_EQ(v[1], 40);
	chan_unref(chan_ref(counted(c, &calls)));
	CHECK_EQ(calls, 3);
	chan_unref(c);
}

TEST_GO(chan_macros_nest)
{
	int_chan a = chan_make(int_chan, 2), b = chan_make(int_chan, 2);
	int v;
	chan_send(a, chan_try_send(b, chan_try_send(a, 1) ? 2 : 3) ? 4 : 5);
	CHECK(chan_recv(b, &v) && v == 2);
	CHECK(chan_recv(a, &v) && v == 1);
	CHECK(chan_recv(a, &v) && v == 4);
	chan_unref(a);
	chan_unref(b);
}

static int take_directed(int_chan_rx in, int_chan_tx out)
{
	int v = 0;
	chan_send(out, 6);
	CHECK(chan_recv(in, &v));
	CHECK_EQ(chan_len(in), 0);
	CHECK_EQ(chan_cap(out), 1);
	chan_close(out);
	chan_unref(chan_ref(in));
	return v;
}

TEST_GO(chan_directions_are_views_of_one_channel)
{
	int_chan c = chan_make(int_chan, 1);
	CHECK_EQ(take_directed(c.as_rx, c.as_tx), 6);
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
