/* SPDX-License-Identifier: MIT
 *
 * Tests of proc.c: park and ready, yielding, and who gets his turn.
 */
#include <stdatomic.h>

#include "runtime/goroutine.h"
#include "runtime/proc.h"
#include "runtime/sched.h"
#include "tests/harness.h"
#include "tests/runtime/event.h"

static void arrive(struct countdown *c)
{
	count_down(c);
}

static void use_floats(struct countdown *c)
{
	double x = 0;
	for (int i = 0; i < 1000; i++) {
		x += 0.5;
		goroutine_yield();
	}
	CHECK(x == 500.0);
	count_down(c);
}

TEST_GO(registers_survive_switches)
{
	struct countdown c = { .left = 50 };
	for (int i = 0; i < 50; i++)
		go(use_floats, &c);
	event_wait(&c.done);
}

#if defined(__x86_64__)
static unsigned read_mxcsr(void)
{
	unsigned value;
	__asm__ volatile("stmxcsr %0" : "=m"(value));
	return value;
}

static void change_rounding(struct countdown *c)
{
	unsigned up = (read_mxcsr() & ~0x6000u) | 0x4000u;
	__asm__ volatile("ldmxcsr %0" ::"m"(up));
	for (int i = 0; i < 100; i++) {
		goroutine_yield();
		CHECK_EQ(read_mxcsr() & 0x6000u, 0x4000u);
	}
	count_down(c);
}

static void keep_rounding(struct countdown *c)
{
	for (int i = 0; i < 100; i++) {
		goroutine_yield();
		CHECK_EQ(read_mxcsr() & 0x6000u, 0);
	}
	count_down(c);
}

TEST_GO(floating_point_control_belongs_to_the_goroutine)
{
	struct countdown c = { .left = 20 };
	for (int i = 0; i < 10; i++) {
		go(change_rounding, &c);
		go(keep_rounding, &c);
	}
	event_wait(&c.done);
}
#endif

struct ping_pong {
	struct event ping, pong;
	int rounds;
	struct countdown *c;
};

static void answer(struct ping_pong *p)
{
	for (int i = 0; i < p->rounds; i++) {
		event_wait(&p->ping);
		event_set(&p->pong);
	}
	count_down(p->c);
}

static void ask(struct ping_pong *p)
{
	for (int i = 0; i < p->rounds; i++) {
		event_set(&p->ping);
		event_wait(&p->pong);
	}
	count_down(p->c);
}

TEST_GO(park_and_ready_lose_nothing_between_many_pairs)
{
	enum {
		PAIRS = 40
	};
	static struct ping_pong pairs[PAIRS];
	struct countdown c = { .left = 2 * PAIRS };
	for (int i = 0; i < PAIRS; i++) {
		pairs[i] = (struct ping_pong){ .rounds = 2000, .c = &c };
		go(answer, &pairs[i]);
		go(ask, &pairs[i]);
	}
	event_wait(&c.done);
}

static void spin_pair(struct ping_pong *p)
{
	go(answer, p);
	ask(p);
}

TEST_GO(a_ping_pong_does_not_starve_the_others)
{
	struct countdown pair_done = { .left = 2 }, others = { .left = 100 };
	struct ping_pong pair = { .rounds = 200000, .c = &pair_done };
	go(spin_pair, &pair);
	for (int i = 0; i < 100; i++)
		go(arrive, &others);
	event_wait(&others.done);
	event_wait(&pair_done.done);
}

static bool refuse(struct g *g, void *arg)
{
	(void)g;
	++*(int *)arg;
	return false;
}

TEST_GO(a_refused_park_goes_on_at_once)
{
	int calls = 0;
	for (int i = 0; i < 1000; i++)
		g_park(WAIT_SEMAPHORE, refuse, &calls);
	CHECK_EQ(calls, 1000);
}

TEST_GO_DIES(ready_of_a_running_goroutine_panics, "it is not parked")
{
	g_ready(g_self());
}

TEST_DIES(parking_outside_of_a_goroutine_panics, "no goroutine here")
{
	g_park(WAIT_SEMAPHORE, NULL, NULL);
}

static void yield_many(struct countdown *c)
{
	for (int i = 0; i < 500; i++)
		goroutine_yield();
	count_down(c);
}

TEST_GO(rings_overflow_into_the_global_queue_and_back)
{
	struct countdown c = { .left = 2000 };
	for (int i = 0; i < 2000; i++)
		go(yield_many, &c);
	event_wait(&c.done);
}

/* --- several threads --- */

struct meeting {
	_Atomic int here;
	int expected;
	struct countdown *c;
};

/* Ends only if all of them run at the same time: each holds its thread. */
static void meet(struct meeting *m)
{
	atomic_fetch_add(&m->here, 1);
	while (atomic_load(&m->here) < m->expected)
		;
	count_down(m->c);
}

TEST_GO(goroutines_that_hog_their_threads_run_on_all_processors)
{
	int n = runtime_procs();
	struct countdown c = { .left = n };
	struct meeting m = { .expected = n, .c = &c };
	for (int i = 0; i < n; i++)
		go(meet, &m);
	event_wait(&c.done);
}
