/* SPDX-License-Identifier: MIT
 *
 * Tests of metrics.c and counter.h.
 */
#include "runtime/metrics.h"

#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/sched.h"
#include "tests/runtime/loopback.h"

static struct runtime_metrics now(void)
{
	struct runtime_metrics m;
	runtime_metrics_read(&m);
	return m;
}

struct place {
	done_chan chan;
};

static void wait_here(struct place *p)
{
	chan_recv(p->chan, NULL);
}

TEST_GO(metrics_count_goroutines_by_state_and_those_ever_created)
{
	struct place p = { .chan = chan_make(done_chan, 0) };
	struct runtime_metrics before = now(), m;
	CHECK_EQ(before.goroutines, 1);
	CHECK_EQ(before.running, 1);
	for (int i = 0; i < 10; i++)
		go(wait_here, &p);
	CHECK_EQ(now().goroutines, 11);
	while ((m = now()).waiting != 10)
		goroutine_yield();
	CHECK_EQ(m.running + m.runnable, 1);
	CHECK_EQ(m.created - before.created, 10);
	CHECK_LE(10, m.parks - before.parks);
	chan_close(p.chan);
	while (goroutine_count() > 1)
		goroutine_yield();
	CHECK_EQ(now().created, m.created);
	chan_unref(p.chan);
}

TEST_GO(metrics_know_processors_and_threads)
{
	struct runtime_metrics m = now();
	CHECK_EQ(m.processors, runtime_procs());
	CHECK_LE(1, m.threads_running);
	CHECK_LE(m.threads_running, m.threads);
	CHECK_LE(m.threads, m.processors + 2); /* at the start nobody has lost a processor often */
}

TEST_GO(metrics_count_timers_that_fire)
{
	uint64_t before = now().timers_fired;
	for (int i = 0; i < 3; i++)
		goroutine_sleep(MICROSECOND);
	CHECK_EQ(now().timers_fired - before, 3);
}

TEST_GO(metrics_count_waits_in_the_netpoller_and_what_it_brings)
{
	struct pair p = connected_pair();
	char byte;
	struct runtime_metrics before = now();
	do /* the last to find nothing sleeps there, unless the time is over before that */
		goroutine_sleep(MILLISECOND);
	while (now().poll_waits == before.poll_waits);
	do {
		CHECK_EQ(conn_write(p.client, "x", 1), 1);
		CHECK_EQ(conn_read(p.server, &byte, 1), 1);
	} while (now().poll_events == before.poll_events);
	conn_close(p.client);
	conn_close(p.server);
}

static void yield_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++)
		goroutine_yield();
}

static uint64_t measured(const struct runtime_metrics *m)
{
	uint64_t n = 0;
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		n += m->latency[i];
	return n;
}

TEST_GO(metrics_measure_a_share_of_all_waits_for_a_processor)
{
	struct runtime_metrics before = now(), m;
	for (int i = 0; i < 10; i++)
		go(yield_often, NULL);
	while (goroutine_count() > 1)
		goroutine_yield();
	m = now();
	CHECK_LT(measured(&before) + 10000 / 61 / 8 / 2, measured(&m));
	CHECK_LT(before.latency_sum_ns, m.latency_sum_ns);
}

static void hog_until(_Atomic bool *stop)
{
	while (!atomic_load(stop))
		;
}

static void do_nothing(void *arg)
{
	(void)arg;
}

/* A goroutine that waits behind a hog of a processor waits for milliseconds; the hog loses its processor meanwhile. */
TEST_GO(metrics_count_processors_taken_from_hogs)
{
	_Atomic bool stop = false;
	uint64_t before = now().handoffs;
	for (int i = 0; i < runtime_procs(); i++)
		go(hog_until, &stop);
	go(do_nothing, NULL);
	while (now().handoffs == before)
		goroutine_yield();
	atomic_store(&stop, true);
	while (goroutine_count() > 1)
		goroutine_yield();
}

TEST_GO(metrics_measure_the_memory_of_stacks)
{
	struct place p = { .chan = chan_make(done_chan, 0) };
	struct runtime_metrics before = now(), m;
	CHECK_LT(0, before.stack_bytes_in_use);
	for (int i = 0; i < 100; i++)
		go(wait_here, &p);
	while ((m = now()).waiting != 100)
		goroutine_yield();
	CHECK_LE(before.stack_bytes_in_use + 100 * 4096, m.stack_bytes_in_use);
	chan_close(p.chan);
	while (goroutine_count() > 1)
		goroutine_yield();
	chan_unref(p.chan);
	CHECK_LT(now().stack_bytes_in_use, m.stack_bytes_in_use);
	CHECK_LE(50 * 4096, now().stack_bytes_free); /* kept warm */
}

TEST(latency_buckets_are_powers_of_two_and_hold_all_times)
{
	CHECK_EQ(latency_bucket(-5), 0);
	CHECK_EQ(latency_bucket(0), 0);
	for (int i = 0; i + 1 < LATENCY_BUCKETS; i++) {
		CHECK_EQ(latency_bucket(latency_bound_ns(i) - 1), i);
		CHECK_EQ(latency_bucket(latency_bound_ns(i)), i + 1);
	}
	CHECK_EQ(latency_bucket(INT64_MAX), LATENCY_BUCKETS - 1);
}
