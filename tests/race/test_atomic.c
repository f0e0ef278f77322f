/* SPDX-License-Identifier: MIT
 *
 * C's atomics order as their memory order says; those of Go are all sequentially consistent.
 */
#include <stdatomic.h>

#include "tests/race/race.h"

static atomic_int flag;

static void first_and_publish(void *arg)
{
	(void)arg;
	first();
	atomic_store(&flag, 1);
}

TEST_GO(an_atomic_store_happens_before_a_load_that_sees_it)
{
	go(first_and_publish, NULL);
	while (!atomic_load(&flag))
		goroutine_yield();
	second();
}

static void first_and_publish_relaxed(void *arg)
{
	(void)arg;
	first();
	atomic_store_explicit(&flag, 1, memory_order_relaxed);
}

RACE(a_relaxed_store_orders_nothing)
{
	go(first_and_publish_relaxed, NULL);
	while (!atomic_load(&flag))
		goroutine_yield();
	second();
}
