/* SPDX-License-Identifier: MIT
 *
 * What starting a goroutine orders; and that ending, yielding, sleeping, a shared thread and a stack used again order nothing.
 */
#include "tests/race/race.h"

static void do_second(void *arg)
{
	(void)arg;
	second();
	step();
}

TEST_GO(go_happens_before_its_goroutine)
{
	first();
	go(do_second, NULL);
	await(1);
}

static void check_value(const int *value)
{
	CHECK_EQ(*value, 7);
	step();
}

TEST_GO(go_with_carries_its_argument_over)
{
	go_with(check_value, (int){ 7 });
	await(1);
}

RACE(what_follows_go_is_not_ordered)
{
	go(do_second_after_1, NULL);
	do_first(NULL);
	await(2);
}

static void await_ended(void)
{
	while (goroutine_count() > 1)
		goroutine_yield();
}

RACE(the_end_of_a_goroutine_orders_nothing)
{
	go(do_first, NULL);
	await_ended();
	second();
}

RACE(a_goroutine_races_with_the_one_that_had_its_stack_before)
{
	go(do_first, NULL);
	await_ended();
	go(do_second, NULL);
	await(2);
}

RACE(goroutines_that_share_a_thread_race)
{
	go(do_first, NULL);
	go(do_second_after_1, NULL);
	await(2);
}

static void sleep_and_do_second(void *arg)
{
	await(1);
	goroutine_sleep(2 * MILLISECOND);
	do_second(arg);
}

RACE(sleeping_orders_nothing)
{
	go(sleep_and_do_second, NULL);
	do_first(NULL);
	goroutine_sleep(MILLISECOND);
	await(2);
}

static void use_stack(void *arg)
{
	volatile char local[8192];
	(void)arg;
	for (size_t i = 0; i < sizeof(local); i++)
		local[i] = (char)i;
	step();
}

static void start_users(void *arg)
{
	for (int i = 0; i < 50; i++)
		go(use_stack, arg);
	step();
}

TEST_GO(a_stack_that_is_used_again_is_no_race)
{
	for (int round = 1; round <= 3; round++) {
		go(start_users, NULL);
		go(start_users, NULL);
		await(round * 102);
	}
}
