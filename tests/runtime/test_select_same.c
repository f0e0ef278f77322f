/* SPDX-License-Identifier: MIT
 *
 * Selects in which a channel stands more than once, and what selects do at their limits.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "runtime/select.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

struct big {
	char bytes[CHAN_ELEM_MAX];
};

CHAN_OF(int, int_chan);
CHAN_OF(struct big, big_chan);

struct worker {
	int_chan a, b;
	struct waitgroup *wg;
	_Atomic int *counter;
};

TEST_GO_DIES(select_never_meets_itself, "all goroutines are asleep - deadlock!")
{
	int_chan a = chan_make(int_chan, 0);
	int v;
	struct select_case cases[] = { on_send(a, 1), on_recv(a, &v) };
	select_wait(cases);
}

TEST_GO(select_try_never_meets_itself)
{
	int_chan a = chan_make(int_chan, 0);
	int v = 5;
	struct select_case cases[] = { on_send(a, 1), on_recv(a, &v), on_send(a, 2) };
	for (int i = 0; i < 100; i++)
		CHECK_EQ(select_try(cases), -1);
	CHECK_EQ(v, 5);
	chan_unref(a);
}

static void recv_by_three_cases(struct worker *w)
{
	int v[3] = { 0 };
	struct select_case cases[] = { on_recv(w->a, &v[0]), on_recv(w->a, &v[1]),
				       on_recv(w->a, &v[2]) };
	int chosen = select_wait(cases);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(v[i], i == chosen ? 9 : 0);
	atomic_fetch_add(w->counter, 1);
	waitgroup_done(w->wg);
}

TEST_GO(select_parked_with_duplicates_takes_one_value)
{
	for (int round = 0; round < 100; round++) {
		_Atomic int taken = 0;
		struct waitgroup wg = { 0 };
		int_chan a = chan_make(int_chan, 0);
		waitgroup_add(&wg, 1);
		go_with(recv_by_three_cases,
			(struct worker){ .a = a, .wg = &wg, .counter = &taken });
		wait_receivers(a.chan_, 3);
		CHECK(chan_try_send(a, 9));
		CHECK(!chan_try_send(a, 10)); /* its other cases are still in line, and dead */
		waitgroup_wait(&wg);
		CHECK_EQ(taken, 1);
		CHECK_EQ(line_len(&a.chan_->lock, &a.chan_->receivers), 0);
		chan_unref(a);
	}
}

static void send_by_three_cases(struct worker *w)
{
	struct select_case cases[] = { on_send(w->a, 1), on_send(w->a, 2), on_send(w->a, 3) };
	atomic_store(w->counter, 1 + select_wait(cases));
	waitgroup_done(w->wg);
}

TEST_GO(select_parked_with_duplicates_gives_one_value)
{
	bool seen[4] = { false };
	int kinds = 0;
	while (kinds < 3) { /* any of them may be the first in line */
		_Atomic int sent = 0;
		struct waitgroup wg = { 0 };
		int_chan a = chan_make(int_chan, 0);
		int v = 0;
		waitgroup_add(&wg, 1);
		go_with(send_by_three_cases,
			(struct worker){ .a = a, .wg = &wg, .counter = &sent });
		wait_senders(a.chan_, 3);
		CHECK(chan_recv(a, &v));
		CHECK(!chan_try_recv(a, NULL, NULL));
		waitgroup_wait(&wg);
		CHECK_EQ(v, sent);
		kinds += !seen[v];
		seen[v] = true;
		chan_unref(a);
	}
}

static void close_by_duplicates(struct worker *w)
{
	int v = 4, u = 4;
	struct select_case cases[] = { on_recv(w->a, &v), on_recv(w->a, &u), on_recv(w->b, NULL) };
	int chosen = select_wait(cases);
	CHECK(chosen == 0 || chosen == 1);
	CHECK(!cases[chosen].ok);
	CHECK_EQ(v + u, 4);
	waitgroup_done(w->wg);
}

TEST_GO(select_parked_with_duplicates_is_closed_once)
{
	struct waitgroup wg = { 0 };
	int_chan a = chan_make(int_chan, 0), b = chan_make(int_chan, 0);
	waitgroup_add(&wg, 1);
	go_with(close_by_duplicates, (struct worker){ .a = a, .b = b, .wg = &wg });
	wait_receivers(b.chan_, 1);
	wait_receivers(a.chan_, 2);
	chan_close(a);
	waitgroup_wait(&wg);
	CHECK(!chan_try_send(b, 1));
	chan_unref(a);
	chan_unref(b);
}

static void exchange(struct worker *w)
{
	int v = 0;
	struct select_case cases[] = { on_send(w->a, 1), on_recv(w->a, &v) };
	int chosen = select_wait(cases);
	CHECK_EQ(v, chosen);
	atomic_fetch_add(w->counter, chosen ? 1 : 100);
	waitgroup_done(w->wg);
}

/* Two that both send and receive on one channel meet each other, each in one role. */
TEST_GO(select_meets_another_on_the_same_channel)
{
	for (int round = 0; round < 200; round++) {
		_Atomic int roles = 0;
		struct waitgroup wg = { 0 };
		int_chan a = chan_make(int_chan, 0);
		waitgroup_add(&wg, 2);
		for (int i = 0; i < 2; i++)
			go_with(exchange, (struct worker){ .a = a, .wg = &wg, .counter = &roles });
		waitgroup_wait(&wg);
		CHECK_EQ(roles, 101);
		chan_unref(a);
	}
}

/* --- all of a select's lines are left, however it ends --- */

static void wait_on_both(struct worker *w)
{
	struct select_case cases[] = { on_recv(w->a, NULL), on_send(w->b, 1) };
	select_wait(cases);
	waitgroup_done(w->wg);
}

/* A waiter that a select has left behind in the middle of a line would be lost memory for its neighbours. */
TEST_GO(select_leaves_the_middle_of_a_line)
{
	enum {
		N = 9
	};
	struct waitgroup wg = { 0 };
	int_chan a[N], b = chan_make(int_chan, 0);
	waitgroup_add(&wg, N);
	for (int i = 0; i < N; i++) {
		a[i] = chan_make(int_chan, 0);
		go_with(wait_on_both, (struct worker){ .a = a[i], .b = b, .wg = &wg });
		wait_senders(b.chan_, i + 1);
	}
	for (int i = 0; i < N; i++) { /* 0, 5, 1, 6, 2, 7, ... */
		chan_send(a[i % 2 ? N / 2 + 1 + i / 2 : i / 2], 1);
		wait_senders(b.chan_, N - 1 - i);
	}
	waitgroup_wait(&wg);
	for (int i = 0; i < N; i++)
		chan_unref(a[i]);
	chan_unref(b);
}

/* --- values --- */

static int next_number(int *n)
{
	return ++*n;
}

TEST_GO(select_evaluates_each_case_once_and_in_order)
{
	int_chan a = chan_make(int_chan, 1), nil = { .tx = NULL };
	int n = 0, v = 0;
	struct select_case cases[] = { on_send(nil, next_number(&n)), on_send(a, next_number(&n)),
				       on_send(nil, next_number(&n)) };
	CHECK_EQ(n, 3);
	CHECK_EQ(select_wait(cases), 1);
	CHECK(chan_recv(a, &v));
	CHECK_EQ(v, 2);
	CHECK_EQ(n, 3);
	chan_unref(a);
}

static void send_big_by_select(big_chan *c)
{
	static struct big b;
	memset(&b, 'x', sizeof(b));
	struct select_case cases[] = { { .chan = c->tx, .node = { .elem = &b }, .is_send = true } };
	select_wait(cases);
	chan_unref(*c);
}

static void check_big(size_t capacity)
{
	static struct big got, want;
	big_chan c = chan_make(big_chan, capacity);
	go_with(send_big_by_select, chan_ref(c));
	struct select_case cases[] = { on_recv(c, &got) };
	CHECK_EQ(select_wait(cases), 0);
	memset(&want, 'x', sizeof(want));
	CHECK_MEM(&got, &want, sizeof(got));
	chan_unref(c);
}

TEST_GO(select_moves_large_elements)
{
	check_big(0);
	check_big(1);
}

static void signal_by_select(done_chan *c)
{
	struct select_case cases[] = { on_send(*c, NOTHING) };
	select_wait(cases);
	chan_unref(*c);
}

TEST_GO(select_moves_elements_without_size)
{
	done_chan c = chan_make(done_chan, 0);
	go_with(signal_by_select, chan_ref(c));
	struct empty e;
	struct select_case cases[] = { on_recv(c, &e) };
	CHECK_EQ(select_wait(cases), 0);
	CHECK(cases[0].ok);
	chan_unref(c);
}

TEST_GO(select_drops_the_value_of_a_case_without_a_place_for_it)
{
	int_chan c = chan_make(int_chan, 2);
	chan_send(c, 1);
	struct select_case cases[] = { on_recv(c, NULL) };
	CHECK_EQ(select_wait(cases), 0);
	CHECK(cases[0].ok);
	CHECK_EQ(chan_len(c), 0);
	chan_unref(c);
}

/* --- limits and misuse --- */

TEST_GO_DIES(select_without_cases_is_named_in_the_report, "select (no cases)")
{
	select_wait_n(NULL, 0);
}

TEST_GO_DIES(select_of_too_many_cases_panics, "panic: select: too many cases")
{
	struct select_case *cases = calloc(SELECT_CASES_MAX + 1, sizeof(*cases));
	CHECK(cases != NULL);
	select_try_n(cases, SELECT_CASES_MAX + 1);
}

TEST_GO(select_may_have_as_many_cases_as_go_lets_it)
{
	struct select_case *cases = calloc(SELECT_CASES_MAX, sizeof(*cases));
	int_chan c = chan_make(int_chan, 1);
	int v = 0;
	CHECK(cases != NULL);
	for (int i = 0; i < SELECT_CASES_MAX; i++)
		cases[i] = on_recv(c, &v);
	CHECK_EQ(select_try_n(cases, SELECT_CASES_MAX), -1);
	chan_send(c, 3);
	CHECK_LE(0, select_wait_n(cases, SELECT_CASES_MAX));
	CHECK_EQ(v, 3);
	chan_unref(c);
	free(cases);
}

TEST_GO_DIES(select_try_panics_on_a_send_to_a_closed_channel, "panic: send on closed channel")
{
	int_chan a = chan_make(int_chan, 1);
	chan_close(a);
	struct select_case cases[] = { on_send(a, 1) };
	select_try(cases);
}

/* --- fairness --- */

static void recv_until_closed(struct worker *w)
{
	while (chan_recv(w->a, NULL))
		;
	waitgroup_done(w->wg);
}

/* A channel in two of three cases gets two of three turns; a send is as likely as a receive. */
TEST_GO(select_gives_each_case_its_turn_also_where_they_share_a_channel)
{
	enum {
		ROUNDS = 6000,
		SLACK = 300 /* 8 sigma */
	};
	int_chan closed = chan_make(int_chan, 0), roomy = chan_make(int_chan, ROUNDS);
	int chosen[3] = { 0 };
	chan_close(closed);
	for (int i = 0; i < ROUNDS; i++) {
		struct select_case cases[] = { on_recv(closed, NULL), on_send(roomy, 1),
					       on_recv(closed, NULL) };
		chosen[select_wait(cases)]++;
	}
	for (int i = 0; i < 3; i++) {
		CHECK_LT(ROUNDS / 3 - SLACK, chosen[i]);
		CHECK_LT(chosen[i], ROUNDS / 3 + SLACK);
	}
	CHECK_EQ(chan_len(roomy), chosen[1]);
	chan_unref(closed);
	chan_unref(roomy);
}

/* One side always ready doesn't shut the other out. */
TEST_GO(select_serves_a_quiet_channel_beside_a_busy_one)
{
	struct waitgroup wg = { 0 };
	int_chan busy = chan_make(int_chan, 0), quiet = chan_make(int_chan, 1);
	int turns = 0;
	waitgroup_add(&wg, 1);
	go_with(recv_until_closed, (struct worker){ .a = busy, .wg = &wg });
	chan_send(quiet, 1);
	for (bool served = false; !served; turns++) {
		wait_receivers(busy.chan_, 1);
		struct select_case cases[] = { on_send(busy, 1), on_recv(quiet, NULL) };
		served = select_wait(cases) == 1;
	}
	CHECK_LT(turns, 100); /* 2^-100 */
	chan_close(busy);
	waitgroup_wait(&wg);
	chan_unref(busy);
	chan_unref(quiet);
}
