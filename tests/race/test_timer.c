/* SPDX-License-Identifier: MIT
 *
 * Setting a timer happens before its function, alarm or tick; its function before the stop that finds it over.
 */
#include "runtime/alarm.h"
#include "runtime/clock.h"
#include "runtime/ticker.h"
#include "runtime/timer.h"
#include "tests/race/race.h"

static struct timer timer;

static void second_and_step(struct timer *t)
{
	(void)t;
	second();
	step();
}

TEST_GO(set_happens_before_the_function_of_a_timer)
{
	timer_init(&timer, second_and_step);
	first();
	timer_set(&timer, clock_now());
	await(1);
	timer_stop(&timer);
}

TEST_GO(the_function_of_a_timer_happens_before_the_end_of_stop)
{
	timer_init(&timer, second_and_step);
	timer_set(&timer, clock_now());
	await(1);
	timer_stop(&timer);
	first();
}

static void second_later(struct timer *t)
{
	(void)t;
	step();
	second();
	step();
}

RACE_BETWEEN(the_function_of_a_timer_races_with_what_follows_set, "second", "first")
{
	timer_init(&timer, second_later);
	timer_set(&timer, clock_now());
	await(2);
	first();
}

static void second_in_goroutine(void *arg)
{
	(void)arg;
	second();
	step();
}

TEST_GO(alarm_func_happens_before_its_goroutine)
{
	first();
	struct alarm *a = alarm_func(MILLISECOND, second_in_goroutine, NULL);
	await(1);
	alarm_unref(a);
}

RACE_BETWEEN(the_goroutine_of_an_alarm_races_with_what_follows_alarm_func, "second", "first")
{
	struct alarm *a = alarm_func(MILLISECOND, second_in_goroutine, NULL);
	await(1);
	first();
	alarm_unref(a);
}

TEST_GO(an_alarm_may_be_received_stopped_set_anew_and_freed)
{
	for (int i = 0; i < 20; i++) {
		struct alarm *a = alarm_new(MICROSECOND);
		chan_recv(alarm_chan(a), NULL);
		alarm_reset(a, i % 2 ? MICROSECOND : SECOND);
		goroutine_yield();
		alarm_stop(a);
		alarm_unref(a);
		chan_unref(time_after(MICROSECOND));
	}
}

TEST_GO(a_ticker_may_be_freed_while_it_ticks)
{
	for (int i = 0; i < 20; i++) {
		struct ticker *t = ticker_new(MICROSECOND);
		chan_recv(ticker_chan(t), NULL);
		ticker_free(t);
	}
}
