/* SPDX-License-Identifier: MIT
 *
 * Tests of timer.c: order, stopping, the race between stopping and firing.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/proc.h"
#include "runtime/rand.h"
#include "runtime/timer.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"

struct alarm {
	struct timer timer;
	_Atomic int rings;
	int64_t when_ns;
	_Atomic int64_t rang_ns; /* one set anew while it rings may ring twice at once */
	_Atomic int order;	 /* the how manieth to ring */
};

static _Atomic int order;

static void ring(struct timer *t)
{
	struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
	a->rang_ns = clock_now();
	a->order = atomic_fetch_add(&order, 1);
	atomic_fetch_add(&a->rings, 1);
}

static void wait_for_rings(struct alarm *a, int n)
{
	while (atomic_load(&a->rings) < n)
		goroutine_sleep(200 * MICROSECOND);
}

TEST_GO(a_timer_fires_once_and_not_early)
{
	struct alarm a = { .rings = 0 };
	timer_init(&a.timer, ring);
	int64_t when = clock_now() + 5 * MILLISECOND;
	timer_set(&a.timer, when);
	wait_for_rings(&a, 1);
	CHECK_LE(when, a.rang_ns);
	goroutine_sleep(5 * MILLISECOND);
	CHECK_EQ(a.rings, 1);
	CHECK(!timer_stop(&a.timer));
}

TEST_GO(a_timer_in_the_past_fires_soon)
{
	struct alarm a = { .rings = 0 };
	timer_init(&a.timer, ring);
	timer_set(&a.timer, 1);
	wait_for_rings(&a, 1);
	timer_set(&a.timer, INT64_MIN);
	wait_for_rings(&a, 2);
}

TEST_GO(a_stopped_timer_does_not_fire)
{
	struct alarm a = { .rings = 0 };
	timer_init(&a.timer, ring);
	timer_set(&a.timer, clock_now() + 2 * MILLISECOND);
	CHECK(timer_stop(&a.timer));
	CHECK(!timer_stop(&a.timer));
	goroutine_sleep(5 * MILLISECOND);
	CHECK_EQ(a.rings, 0);
}

TEST_GO(a_timer_can_be_moved_both_ways)
{
	struct alarm a = { .rings = 0 };
	timer_init(&a.timer, ring);
	int64_t now = clock_now();
	timer_set(&a.timer, now + 3600 * SECOND);
	timer_set(&a.timer, now + 5 * MILLISECOND);
	wait_for_rings(&a, 1);
	now = clock_now();
	timer_set(&a.timer, now + MILLISECOND);
	timer_set(&a.timer, now + 10 * MILLISECOND);
	wait_for_rings(&a, 2);
	CHECK_LE(now + 10 * MILLISECOND, a.rang_ns);
}

enum {
	MANY = 3000
};
static struct alarm many[MANY];

TEST_GO(many_timers_fire_none_early_whatever_the_order_of_setting)
{
	int64_t start = clock_now() + 5 * MILLISECOND;
	for (int i = 0; i < MANY; i++) {
		timer_init(&many[i].timer, ring);
		many[i].when_ns = start + rand_below(20000) * MICROSECOND;
		timer_set(&many[i].timer, many[i].when_ns);
	}
	for (int i = 0; i < MANY; i += 3)
		CHECK(timer_stop(&many[i].timer) || many[i].rings == 1);
	for (int i = 0; i < MANY; i++) {
		if (i % 3 == 0)
			continue;
		wait_for_rings(&many[i], 1);
		CHECK_LE(many[i].when_ns, many[i].rang_ns);
		CHECK_EQ(many[i].rings, 1);
	}
}

TEST_GO(timers_of_one_moment_all_fire)
{
	int64_t when = clock_now() + 5 * MILLISECOND;
	for (int i = 0; i < MANY; i++) {
		timer_init(&many[i].timer, ring);
		timer_set(&many[i].timer, when);
	}
	for (int i = 0; i < MANY; i++)
		wait_for_rings(&many[i], 1);
}

TEST_GO(earlier_timers_fire_before_later_ones)
{
	struct alarm a = { .rings = 0 }, b = { .rings = 0 };
	timer_init(&a.timer, ring);
	timer_init(&b.timer, ring);
	int64_t now = clock_now();
	timer_set(&b.timer, now + 20 * MILLISECOND);
	timer_set(&a.timer, now + 2 * MILLISECOND);
	wait_for_rings(&b, 1);
	CHECK_EQ(a.rings, 1);
	CHECK_LT(a.order, b.order);
}

struct periodic {
	struct timer timer;
	_Atomic int rings;
};

static void ring_again(struct timer *t)
{
	atomic_fetch_add(&CONTAINER_OF(t, struct periodic, timer)->rings, 1);
	timer_set(t, clock_now() + 50 * MICROSECOND);
}

TEST_GO(a_timer_that_sets_itself_anew_stays_stopped_after_stop)
{
	for (int i = 0; i < 50; i++) {
		struct periodic *p = calloc(1, sizeof(*p));
		timer_init(&p->timer, ring_again);
		timer_set(&p->timer, clock_now());
		while (atomic_load(&p->rings) < 3)
			goroutine_sleep(50 * MICROSECOND);
		timer_stop(&p->timer);
		free(p);
	}
}

static void stop_and_free(struct timer *t)
{
	struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
	_Atomic int *done = (void *)(uintptr_t)a->when_ns;
	timer_stop(t);
	free(a);
	atomic_fetch_add(done, 1);
}

TEST_GO(a_timer_may_be_freed_by_its_own_function)
{
	_Atomic int done = 0;
	for (int i = 0; i < 100; i++) {
		struct alarm *a = calloc(1, sizeof(*a));
		a->when_ns = (int64_t)(uintptr_t)&done;
		timer_init(&a->timer, stop_and_free);
		timer_set(&a->timer, clock_now() + i * 10 * MICROSECOND);
	}
	while (atomic_load(&done) < 100)
		goroutine_sleep(100 * MICROSECOND);
}

static void set_and_stop(struct waitgroup *wg)
{
	for (int i = 0; i < 500; i++) {
		struct alarm *a = calloc(1, sizeof(*a));
		timer_init(&a->timer, ring);
		timer_set(&a->timer, clock_now() + rand_below(20) * MICROSECOND);
		if (rand_below(2) == 0)
			goroutine_yield();
		bool kept = timer_stop(&a->timer);
		CHECK_EQ(kept,
			 a->rings ==
				 0); /* kept from running, or has run: never both, never neither */
		free(a);
	}
	waitgroup_done(wg);
}

TEST_GO(stop_either_prevents_the_run_or_waits_for_its_end, .timeout_s = 60)
{
	struct waitgroup wg = { 0 };
	waitgroup_add(&wg, 20);
	for (int i = 0; i < 20; i++)
		go(set_and_stop, &wg);
	waitgroup_wait(&wg);
}

struct shared {
	struct alarm *alarm;
	struct waitgroup *wg;
};

static void set_and_stop_shared(struct shared *s)
{
	for (int i = 0; i < 1000; i++) {
		timer_set(&s->alarm->timer, clock_now() + rand_below(10) * MICROSECOND);
		if (rand_below(3) == 0)
			timer_stop(&s->alarm->timer);
		if (rand_below(3) == 0)
			goroutine_yield();
	}
	waitgroup_done(s->wg);
}

TEST_GO(one_timer_may_be_set_and_stopped_by_many_goroutines, .timeout_s = 60)
{
	struct waitgroup wg = { 0 };
	struct alarm a = { .rings = 0 };
	timer_init(&a.timer, ring);
	waitgroup_add(&wg, 8);
	for (int i = 0; i < 8; i++)
		go_with(set_and_stop_shared, (struct shared){ &a, &wg });
	waitgroup_wait(&wg);
	timer_stop(&a.timer);
}

static void sleep_a_little(struct waitgroup *wg)
{
	for (int i = 0; i < 10; i++) {
		int64_t ns = rand_below(2000) * MICROSECOND, before = clock_now();
		goroutine_sleep(ns);
		CHECK_LE(ns, clock_now() - before);
	}
	waitgroup_done(wg);
}

TEST_GO(a_thousand_sleepers_all_wake_in_time)
{
	struct waitgroup wg = { 0 };
	waitgroup_add(&wg, 1000);
	for (int i = 0; i < 1000; i++)
		go(sleep_a_little, &wg);
	waitgroup_wait(&wg);
}

TEST_GO(a_sleep_of_no_time_or_less_returns_at_once)
{
	int64_t begin = clock_now();
	goroutine_sleep(0);
	goroutine_sleep(-SECOND);
	goroutine_sleep(INT64_MIN);
	CHECK_LT(clock_now() - begin, 10 * SECOND);
}

/* The threads that sleep until a timer is due: the kernel may not make them late on purpose. */
TEST_GO(threads_that_run_goroutines_have_no_timer_slack)
{
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 1);
}

static void sleep_for_ever(void *arg)
{
	(void)arg;
	goroutine_sleep(NEVER);
}

TEST_GO_DIES(a_sleep_without_end_is_a_deadlock, "all goroutines are asleep - deadlock!")
{
	go(sleep_for_ever, NULL);
	goroutine_sleep(NEVER);
}

/* --- a timer that sets itself again, on whichever thread --- */

struct again {
	struct timer timer;
	_Atomic bool gone;
	_Atomic int64_t runs;
};

static void set_again(struct timer *t)
{
	struct again *a = CONTAINER_OF(t, struct again, timer);
	CHECK(!atomic_load(&a->gone));
	timer_set(t, clock_now() + 1);
	atomic_fetch_add(&a->runs, 1);
	CHECK(!atomic_load(&a->gone));
}

TEST_GO(after_a_stop_a_timer_that_sets_itself_again_runs_nowhere, .timeout_s = 60)
{
	struct again a = { 0 };
	for (int i = 0; i < 200; i++) {
		timer_init(&a.timer, set_again);
		atomic_store(&a.gone, false);
		timer_set(&a.timer, 0);
		for (int64_t runs = atomic_load(&a.runs); atomic_load(&a.runs) < runs + 3;)
			goroutine_sleep(20 * MICROSECOND);
		timer_stop(&a.timer);
		atomic_store(&a.gone, true);
		goroutine_yield();
	}
}
