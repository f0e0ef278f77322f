/* SPDX-License-Identifier: MIT
 *
 * Timers that are set and stopped, and goroutines that sleep.
 */
#include "bench/runtime/bench.h"
#include "runtime/alarm.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/timer.h"
#include "runtime/waitgroup.h"

static void ignore(struct timer *t)
{
	(void)t;
}

BENCH(TimerSetStop, "set a timer for an hour, stop it")
{
	struct timer t;
	timer_init(&t, ignore);
	for (int64_t i = 0; i < n; i++) {
		timer_set(&t, clock_now() + 3600 * SECOND);
		timer_stop(&t);
	}
}

BENCH(AlarmResetStop, "an alarm with a channel, reset to an hour, stopped")
{
	struct alarm *a = alarm_new(3600 * SECOND);
	for (int64_t i = 0; i < n; i++) {
		alarm_reset(a, 3600 * SECOND);
		alarm_stop(a);
	}
	alarm_unref(a);
}

BENCH(TimeAfterDropped, "time_after that nobody waits for")
{
	for (int64_t i = 0; i < n; i++)
		chan_unref(time_after(3600 * SECOND));
}

BENCH(Sleep1ns, "the shortest sleep")
{
	for (int64_t i = 0; i < n; i++)
		goroutine_sleep(1);
}

static void nap(struct waitgroup *wg)
{
	goroutine_sleep(10 * MILLISECOND);
	waitgroup_done(wg);
}

static void storm(int64_t size)
{
	struct waitgroup wg = { 0 };
	waitgroup_add(&wg, (int)size);
	for (int64_t k = 0; k < size; k++)
		go(nap, &wg);
	waitgroup_wait(&wg);
}

BENCH(Sleepers100k, "start 100,000 that sleep 10 ms, wait for all; not the first such storm")
{
	int64_t size = bench_crowd(100000);
	if (!bench_fits(size))
		return;
	storm(size);
	bench_report_cpu();
	bench_start_timer();
	for (int64_t i = 0; i < n; i++)
		storm(size);
}
