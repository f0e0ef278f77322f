/* SPDX-License-Identifier: MIT
 *
 * Tests of procs.c: GOMAXPROCS at the start and while the program runs.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/sched.h"
#include "runtime/timer.h"
#include "tests/harness.h"
#include "tests/runtime/event.h"

TEST_GO(set_procs_gives_what_was_and_only_asks_below_one)
{
	int before = runtime_procs();
	CHECK_EQ(runtime_set_procs(0), before);
	CHECK_EQ(runtime_set_procs(-1), before);
	CHECK_EQ(runtime_set_procs(3), before);
	CHECK_EQ(runtime_procs(), 3);
	CHECK_EQ(runtime_set_procs(100000), 3);
	CHECK_EQ(runtime_procs(), PROCS_MAX);
}

static int main_that_counts_procs(int argc, char **argv)
{
	(void)argc, (void)argv;
	return runtime_procs();
}

TEST(the_environment_sets_the_number_of_processors)
{
	setenv("GOMAXPROCS", "3", 1);
	CHECK_EQ(runtime_main(main_that_counts_procs, 0, NULL), 3);
}

TEST_DIES(a_bad_number_of_processors_is_refused, "GOMAXPROCS=many")
{
	setenv("GOMAXPROCS", "many", 1);
	runtime_main(main_that_counts_procs, 0, NULL);
}

struct meeting {
	_Atomic int here;
	int expected;
	struct countdown left;
};

/* Ends only if all of them run at the same time. */
static void meet(struct meeting *m)
{
	atomic_fetch_add(&m->here, 1);
	while (atomic_load(&m->here) < m->expected)
		;
	count_down(&m->left);
}

static void hold_meeting(int n)
{
	struct meeting m = { .expected = n, .left.left = n };
	for (int i = 0; i < n; i++)
		go(meet, &m);
	event_wait(&m.left.done);
}

static uint32_t count_retired(void)
{
	uint32_t n = 0;
	lock_acquire(&sched.lock);
	for (uint32_t i = 0; i < sched.procs; i++)
		n += sched.p[i].retired;
	lock_release(&sched.lock);
	return n;
}

static void await_procs(uint32_t n)
{
	while (sched.procs - count_retired() != n)
		goroutine_yield();
}

TEST_GO(added_processors_run_goroutines)
{
	runtime_set_procs(1);
	await_procs(1);
	runtime_set_procs(6);
	hold_meeting(6);
}

struct crowd {
	atomic_bool stop;
	_Atomic int inside, most;
	struct countdown left;
};

/* Counts how many run at once: none of them can lose its processor in between. */
static void work(struct crowd *c)
{
	while (!atomic_load(&c->stop)) {
		struct m *m = m_enter();
		int n = m->p != NULL ? atomic_fetch_add(&c->inside, 1) + 1 : 0;
		if (n > atomic_load(&c->most))
			atomic_store(&c->most, n);
		for (volatile int i = 0; i < 100; i++)
			;
		if (n > 0)
			atomic_fetch_sub(&c->inside, 1);
		m_exit(m);
		goroutine_yield();
	}
	count_down(&c->left);
}

TEST_GO(no_more_run_at_once_than_there_are_processors)
{
	struct crowd c = { .left.left = 8 };
	runtime_set_procs(4);
	for (int i = 0; i < 8; i++)
		go(work, &c);
	goroutine_sleep(5 * MILLISECOND);
	runtime_set_procs(1);
	await_procs(1);
	atomic_store(&c.most, 0);
	for (int i = 0; i < 200; i++)
		goroutine_yield();
	CHECK_LE(atomic_load(&c.most), 1);
	atomic_store(&c.stop, true);
	event_wait(&c.left.done);
}

static void hog_until(atomic_bool *stop)
{
	while (!atomic_load(stop))
		;
}

TEST_GO(a_processor_retires_although_a_hog_is_on_it)
{
	static atomic_bool stop;
	runtime_set_procs(3);
	for (int i = 0; i < 5; i++)
		go(hog_until, &stop);
	goroutine_sleep(MILLISECOND);
	runtime_set_procs(1);
	await_procs(1);
	atomic_store(&stop, true);
}

static void set_timer(struct timer *t)
{
	timer_set(t, clock_now() + 50 * MILLISECOND);
}

struct alarm_clock {
	struct timer timer;
	struct countdown *left;
};

static void ring(struct timer *t)
{
	count_down(CONTAINER_OF(t, struct alarm_clock, timer)->left);
}

TEST_GO(timers_of_a_retired_processor_fire)
{
	enum {
		TIMERS = 64
	};
	static struct alarm_clock clocks[TIMERS];
	struct countdown left = { .left = TIMERS };
	runtime_set_procs(4);
	for (int i = 0; i < TIMERS; i++) {
		clocks[i].left = &left;
		timer_init(&clocks[i].timer, ring);
		go(set_timer, &clocks[i].timer);
	}
	while (goroutine_count() > 1)
		goroutine_yield();
	runtime_set_procs(1);
	event_wait(&left.done);
	for (int i = 0; i < TIMERS; i++)
		timer_stop(&clocks[i].timer);
}

TEST_GO(a_retired_processor_keeps_no_stacks)
{
	runtime_set_procs(4);
	hold_meeting(4);
	for (int i = 0; i < 500; i++)
		hold_meeting(1);
	runtime_set_procs(1);
	await_procs(1);
	lock_acquire(&sched.lock);
	for (uint32_t i = 1; i < sched.procs; i++)
		CHECK_EQ(sched.p[i].stacks.len, 0);
	lock_release(&sched.lock);
}
