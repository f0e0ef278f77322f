/* SPDX-License-Identifier: MIT
 *
 * What starting and ending a goroutine order, and what yielding, sleeping and stack reuse don't.
 */
#include "tests/race/race.h"

WRITES(first)
WRITES(second)

static void write_first(void *arg)
{
	(void)arg;
	first();
	step();
}

static void write_second(void *arg)
{
	(void)arg;
	second();
	step();
}

TEST_GO(go_happens_before_its_goroutine)
{
	first();
	go(write_second, NULL);
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

static void write_second_later(void *arg)
{
	(void)arg;
	await(1);
	second();
	step();
}

RACE(what_follows_go_is_not_ordered, first, second)
{
	go(write_second_later, NULL);
	first();
	step();
	await(2);
}

RACE(the_end_of_a_goroutine_orders_nothing, first, second)
{
	go(write_first, NULL);
	while (goroutine_count() > 1)
		goroutine_yield();
	second();
}

/* The second one gets the stack of the first, which has ended; on one processor they also share the thread. */
RACE(two_goroutines_that_share_a_stack_one_after_the_other_race, first, second)
{
	go(write_first, NULL);
	while (goroutine_count() > 1)
		goroutine_yield();
	go(write_second, NULL);
	await(2);
}

RACE(two_goroutines_on_one_processor_race, first, second)
{
	go(write_first, NULL);
	go(write_second_later, NULL);
	await(2);
}

RACE(yielding_orders_nothing, first, second)
{
	go(write_second_later, NULL);
	for (int i = 0; i < 100; i++)
		goroutine_yield();
	first();
	step();
	for (int i = 0; i < 100; i++)
		goroutine_yield();
	await(2);
}

static void sleep_and_write_second(void *arg)
{
	(void)arg;
	await(1);
	goroutine_sleep(2 * MILLISECOND);
	second();
	step();
}

RACE(sleeping_orders_nothing, first, second)
{
	go(sleep_and_write_second, NULL);
	first();
	step();
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
	(void)arg;
	for (int i = 0; i < 50; i++)
		go(use_stack, NULL);
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
