/* SPDX-License-Identifier: MIT
 *
 * Tests of sysmon.c. What it does about hogs: test_handoff.c.
 */
#include <stdatomic.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "tests/harness.h"
#include "tests/runtime/event.h"

static void rest_in_crowd(void *arg)
{
	goroutine_sleep(5 * MILLISECOND);
	count_down(arg);
}

static void note_time(void *ret_ns)
{
	atomic_store((_Atomic int64_t *)ret_ns, clock_now());
}

/* A crowd that ends leaves stacks behind, which sysmon trims later: it must not be blind until then. */
TEST_GO(work_behind_a_hog_is_shared_soon_after_a_crowd_has_ended, .timeout_s = 60)
{
	struct countdown crowd = { .left = 9000 };
	_Atomic int64_t ran_ns[2] = { 0, 0 };
	for (int i = 0; i < 9000; i++)
		go(rest_in_crowd, &crowd);
	event_wait(&crowd.done);
	goroutine_sleep(100 * MILLISECOND); /* sysmon goes to sleep */
	go(note_time, &ran_ns[0]);
	go(note_time, &ran_ns[1]);
	while (atomic_load(&ran_ns[0]) == 0 || atomic_load(&ran_ns[1]) == 0)
		;
}
