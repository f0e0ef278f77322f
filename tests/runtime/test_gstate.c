/* SPDX-License-Identifier: MIT
 *
 * Tests of gstate.h: each transition, and three threads that attack one goroutine's state.
 */
#include <pthread.h>
#include <sched.h>

#include "runtime/gstate.h"
#include "tests/harness.h"

static struct gstate parked(void)
{
	struct gstate s = { 0 };
	gstate_set(&s, G_RUNNING);
	gstate_park(&s);
	return s;
}

TEST(ready_of_a_parked_goroutine_is_for_the_caller_to_queue)
{
	struct gstate s = parked();
	CHECK_EQ(gstate_ready(&s), READY_QUEUE);
	CHECK_EQ(gstate_get(&s), G_RUNNABLE);
}

TEST(ready_of_what_is_not_parked_is_a_misuse)
{
	struct gstate s = { 0 };
	for (enum g_state state = G_FREE; state < G_PARKED; state++) {
		gstate_set(&s, state);
		CHECK_EQ(gstate_ready(&s), READY_MISUSED);
		CHECK_EQ(gstate_get(&s), state);
	}
}

TEST(only_a_parked_goroutine_can_be_claimed_and_only_once)
{
	struct gstate s = { 0 };
	for (enum g_state state = G_FREE; state < G_PARKED; state++) {
		gstate_set(&s, state);
		CHECK(!gstate_claim(&s));
	}
	gstate_park(&s);
	CHECK(gstate_claim(&s));
	CHECK(!gstate_claim(&s));
	CHECK_EQ(gstate_get(&s), G_PARKED);
}

TEST(a_claim_that_nobody_disturbs_leaves_the_goroutine_parked)
{
	struct gstate s = parked();
	CHECK(gstate_claim(&s));
	CHECK(!gstate_release(&s));
	CHECK_EQ(gstate_ready(&s), READY_QUEUE);
}

TEST(ready_of_a_claimed_goroutine_is_for_the_claimer_to_queue)
{
	struct gstate s = parked();
	CHECK(gstate_claim(&s));
	CHECK_EQ(gstate_ready(&s), READY_LEFT);
	CHECK_EQ(gstate_get(&s), G_RUNNABLE);
	CHECK_EQ(gstate_ready(&s), READY_MISUSED);
	CHECK(gstate_release(&s));
	CHECK_EQ(gstate_get(&s), G_RUNNABLE);
}

/* The goroutine is a thread that parks and waits to be queued; a second one readies it, a third claims it. What it has on its stack is a plain
 * variable, which TSan watches. */
#define PARKS 5000

static struct {
	struct gstate state;
	_Atomic int parks, queued, stop;
	int on_stack, claims;
} one;

static void wait_for(_Atomic int *counter, int value)
{
	while (atomic_load(counter) < value)
		sched_yield();
}

static void *be_readied(void *arg)
{
	for (int i = 1; i <= PARKS; i++) {
		gstate_set(&one.state, G_RUNNING);
		one.on_stack++;
		gstate_park(&one.state);
		atomic_store(&one.parks, i);
		wait_for(&one.queued, i);
		CHECK_EQ(gstate_get(&one.state), G_RUNNABLE);
	}
	return arg;
}

static void *make_ready(void *arg)
{
	for (int i = 1; i <= PARKS; i++) {
		wait_for(&one.parks, i);
		enum gstate_ready answer = gstate_ready(&one.state);
		CHECK_NE(answer, READY_MISUSED);
		if (answer == READY_QUEUE)
			atomic_fetch_add(&one.queued, 1);
	}
	return arg;
}

static void *claim(void *arg)
{
	while (!atomic_load(&one.stop)) {
		if (!gstate_claim(&one.state)) {
			sched_yield();
			continue;
		}
		one.claims++;
		one.on_stack++;
		if (gstate_release(&one.state))
			atomic_fetch_add(&one.queued, 1);
	}
	return arg;
}

TEST(each_park_is_readied_once_and_a_claimed_stack_is_left_alone, .timeout_s = 60)
{
	void *(*const roles[])(void *) = { be_readied, make_ready, claim };
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, roles[i], NULL), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	atomic_store(&one.stop, 1);
	pthread_join(threads[2], NULL);
	CHECK_EQ(atomic_load(&one.queued), PARKS);
	CHECK_EQ(one.on_stack, PARKS + one.claims);
}
