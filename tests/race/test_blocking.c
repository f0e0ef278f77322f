/* SPDX-License-Identifier: MIT
 *
 * A call on another thread is as if its caller had made it himself.
 */
#include "runtime/blocking.h"
#include "tests/race/race.h"

static void call_second(void *arg)
{
	(void)arg;
	second();
	step();
}

TEST_GO(what_precedes_a_blocking_call_happens_before_it_and_it_before_what_follows)
{
	first();
	blocking_call(call_second, NULL);
	first();
}

TEST_GO(the_same_on_a_thread_of_ones_own)
{
	struct blocking_thread *t = blocking_thread_new("test");
	for (int i = 0; i < 3; i++) {
		first();
		blocking_thread_call(t, call_second, NULL);
	}
	first();
	blocking_thread_free(t);
}

static void call(void *arg)
{
	blocking_call(call_second, arg);
}

RACE_BETWEEN(a_blocking_call_races_with_other_goroutines, "second", "first")
{
	go(call, NULL);
	await(1);
	first();
}
