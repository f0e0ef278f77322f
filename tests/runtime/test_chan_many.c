/* SPDX-License-Identifier: MIT
 *
 * Channels between many goroutines at once. What one does alone is in test_chan.c.
 */
#include <stdatomic.h>

#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"

CHAN_OF(int, int_chan);

struct worker {
	int_chan in, out;
	int first, n;
	struct waitgroup *wg;
	_Atomic int *counter;
};

static void produce(struct worker *w)
{
	for (int i = 0; i < w->n; i++)
		chan_send(w->out, w->first + i);
	waitgroup_done(w->wg);
}

static void consume(struct worker *w)
{
	int v, last[16];
	memset(last, -1, sizeof(last));
	while (chan_recv(w->in, &v)) {
		int producer = v / w->n;
		CHECK_LT(last[producer], v); /* each producer's values come in order */
		last[producer] = v;
		atomic_fetch_add(w->counter, 1);
	}
	waitgroup_done(w->wg);
}

static void check_crowd(size_t capacity)
{
	enum {
		PRODUCERS = 8,
		CONSUMERS = 5,
		EACH = 1000
	};
	_Atomic int received = 0;
	struct waitgroup producers = { 0 }, consumers = { 0 };
	int_chan c = chan_make(int_chan, capacity);
	waitgroup_add(&producers, PRODUCERS);
	waitgroup_add(&consumers, CONSUMERS);
	for (int i = 0; i < CONSUMERS; i++)
		go_with(consume,
			(struct worker){
				.in = c, .n = EACH, .wg = &consumers, .counter = &received });
	for (int i = 0; i < PRODUCERS; i++)
		go_with(produce,
			(struct worker){
				.out = c, .first = i * EACH, .n = EACH, .wg = &producers });
	waitgroup_wait(&producers);
	chan_close(c);
	waitgroup_wait(&consumers);
	CHECK_EQ(received, PRODUCERS * EACH);
	chan_unref(c);
}

TEST_GO(chan_loses_and_doubles_nothing_between_many)
{
	check_crowd(0);
	check_crowd(1);
	check_crowd(64);
}

static void try_produce(struct worker *w)
{
	for (int i = 0; i < w->n; i++)
		while (!chan_try_send(w->out, i))
			goroutine_yield();
	waitgroup_done(w->wg);
}

static void try_consume(struct worker *w)
{
	bool ok = true;
	while (ok) {
		int v;
		if (!chan_try_recv(w->in, &v, &ok))
			goroutine_yield();
		else if (ok)
			atomic_fetch_add(w->counter, 1);
	}
	waitgroup_done(w->wg);
}

TEST_GO(chan_tries_lose_and_double_nothing_between_many)
{
	enum {
		PAIRS = 4,
		EACH = 1000
	};
	_Atomic int received = 0;
	struct waitgroup producers = { 0 }, consumers = { 0 };
	int_chan c = chan_make(int_chan, 3);
	waitgroup_add(&producers, PAIRS);
	waitgroup_add(&consumers, PAIRS);
	for (int i = 0; i < PAIRS; i++) {
		go_with(try_produce, (struct worker){ .out = c, .n = EACH, .wg = &producers });
		go_with(try_consume,
			(struct worker){ .in = c, .wg = &consumers, .counter = &received });
	}
	waitgroup_wait(&producers);
	chan_close(c);
	waitgroup_wait(&consumers);
	CHECK_EQ(received, PAIRS * EACH);
	chan_unref(c);
}

static void filter(struct worker *w)
{
	int v;
	while (chan_recv(w->in, &v))
		if (v % w->first != 0)
			chan_send(w->out, v);
	chan_close(w->out);
	chan_unref(w->in);
}

static void count_from_two(struct worker *w)
{
	for (int i = 2; i < w->n; i++)
		chan_send(w->out, i);
	chan_close(w->out);
}

/* Go's classic: a chain of filters, one goroutine a prime. */
TEST_GO(chan_chains_of_goroutines_sieve_primes)
{
	enum {
		LIMIT = 600,
		PRIMES = 109
	};
	int_chan c = chan_make(int_chan, 0);
	int prime, primes = 0, last = 0;
	go_with(count_from_two, (struct worker){ .out = c, .n = LIMIT });
	while (chan_recv(c, &prime)) {
		primes++;
		last = prime;
		int_chan next = chan_make(int_chan, 0);
		go_with(filter, (struct worker){ .in = c, .out = next, .first = prime });
		c = next;
	}
	chan_unref(c);
	CHECK_EQ(primes, PRIMES);
	CHECK_EQ(last, 599);
}

static void recv_until_closed(struct worker *w)
{
	int v;
	while (chan_recv(w->in, &v))
		atomic_fetch_add(w->counter, 1);
	CHECK_EQ(v, 0);
	waitgroup_done(w->wg);
}

/* Some are in line when it comes, some are on their way there: nobody stays behind, and what was sent before arrives. */
TEST_GO(chan_close_reaches_receivers_on_their_way)
{
	enum {
		N = 20,
		SENT = 5
	};
	for (int round = 0; round < 100; round++) {
		_Atomic int received = 0;
		struct waitgroup wg = { 0 };
		int_chan c = chan_make(int_chan, SENT);
		waitgroup_add(&wg, N);
		for (int i = 0; i < N; i++)
			go_with(recv_until_closed,
				(struct worker){ .in = c, .wg = &wg, .counter = &received });
		if (round % 2)
			goroutine_yield();
		for (int i = 0; i < SENT; i++)
			chan_send(c, 1);
		chan_close(c);
		waitgroup_wait(&wg);
		CHECK_EQ(received, SENT);
		chan_unref(c);
	}
}

static void send_numbers(struct worker *w)
{
	for (int i = 1; i <= w->n; i++)
		chan_send(w->out, i);
	waitgroup_done(w->wg);
}

TEST_GO(chan_keeps_the_order_while_its_ring_fills_and_empties)
{
	enum {
		N = 1000
	};
	static const size_t capacities[] = { 0, 1, 2, 5, 64 };
	for (size_t k = 0; k < ARRAY_LEN(capacities); k++) {
		struct waitgroup wg = { 0 };
		int_chan c = chan_make(int_chan, capacities[k]);
		waitgroup_add(&wg, 1);
		go_with(send_numbers, (struct worker){ .out = c, .n = N, .wg = &wg });
		for (int i = 1, v; i <= N; i++) {
			CHECK(chan_recv(c, &v));
			CHECK_EQ(v, i);
			if (i % 7 == 0)
				goroutine_yield();
		}
		waitgroup_wait(&wg);
		chan_unref(c);
	}
}
