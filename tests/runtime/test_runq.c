/* SPDX-License-Identifier: MIT
 *
 * Tests of runq.c: the order for the owner, and nothing lost or doubled between an owner and thieves on threads.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/rand.h"
#include "runtime/runq.h"
#include "runtime/sched.h"
#include "tests/harness.h"

static struct runq queue;
static struct g gs[1000];

TEST(the_ring_is_first_in_first_out)
{
	struct g_chain spill = { 0 };
	for (int i = 0; i < 200; i++)
		runq_put(&queue, &gs[i], &spill);
	CHECK_EQ(runq_len(&queue), 200);
	for (int i = 0; i < 200; i++)
		CHECK(runq_get(&queue, false) == &gs[i]);
	CHECK(runq_get(&queue, false) == NULL);
	CHECK_EQ(spill.len, 0);
}

TEST(runnext_comes_first_and_its_predecessor_goes_to_the_end)
{
	struct g_chain spill = { 0 };
	runq_put(&queue, &gs[0], &spill);
	runq_put_next(&queue, &gs[1], &spill);
	runq_put_next(&queue, &gs[2], &spill);
	CHECK(runq_get(&queue, false) == &gs[2]);
	CHECK(runq_get(&queue, false) == &gs[0]);
	CHECK(runq_get(&queue, false) == &gs[1]);
}

TEST(ring_first_leaves_runnext_for_last)
{
	struct g_chain spill = { 0 };
	runq_put(&queue, &gs[0], &spill);
	runq_put_next(&queue, &gs[1], &spill);
	CHECK(runq_get(&queue, true) == &gs[0]);
	CHECK(runq_get(&queue, true) == &gs[1]);
}

TEST(a_full_ring_spills_its_older_half_and_the_newcomer)
{
	struct g_chain spill = { 0 };
	for (int i = 0; i < 257; i++)
		runq_put(&queue, &gs[i], &spill);
	CHECK_EQ(spill.len, 129);
	for (int i = 0; i < 128; i++)
		CHECK(g_chain_pop(&spill) == &gs[i]);
	CHECK(g_chain_pop(&spill) == &gs[256]);
	CHECK(runq_get(&queue, false) == &gs[128]);
}

TEST(a_thief_takes_half_and_runnext_only_when_told)
{
	struct runq thief = { 0 };
	struct g_chain spill = { 0 };
	for (int i = 0; i < 10; i++)
		runq_put(&queue, &gs[i], &spill);
	CHECK(runq_steal(&thief, &queue, false) == &gs[4]);
	CHECK_EQ(runq_len(&thief), 4);
	CHECK_EQ(runq_len(&queue), 5);
	struct runq only_next = { 0 };
	runq_put_next(&only_next, &gs[20], &spill);
	CHECK(runq_steal(&thief, &only_next, false) == NULL);
	CHECK(runq_steal(&thief, &only_next, true) == &gs[20]);
	CHECK_EQ(runq_len(&only_next), 0);
}

/* --- owner and thieves --- */

enum {
	THIEVES = 3,
	TURNS = 200000
};

static _Atomic int taken[1000];
static _Atomic bool over;

/* Each g is in at most one queue at a time: whoever has taken one owns it. */
static void take(struct g *g)
{
	CHECK_EQ(atomic_fetch_add(&taken[g - gs], 1), 0);
}

static void *steal_until_over(void *arg)
{
	struct runq own = { 0 };
	struct g *g;
	(void)arg;
	while (!atomic_load(&over)) {
		if ((g = runq_steal(&own, &queue, rand_below(4) == 0)) == NULL)
			continue;
		take(g);
		while ((g = runq_get(&own, false)) != NULL)
			take(g);
	}
	return NULL;
}

static void put(struct g *g)
{
	struct g_chain spill = { 0 };
	struct g *spilt;
	atomic_store(&taken[g - gs], 0);
	if (rand_below(3) == 0)
		runq_put_next(&queue, g, &spill);
	else
		runq_put(&queue, g, &spill);
	while ((spilt = g_chain_pop(&spill)) != NULL)
		take(spilt);
}

static bool is_taken(int i)
{
	return atomic_load(&taken[i]) == 1;
}

TEST(nothing_is_lost_or_taken_twice_between_owner_and_thieves, .timeout_s = 60)
{
	pthread_t thieves[THIEVES];
	for (int i = 0; i < 1000; i++)
		taken[i] = 1;
	for (int i = 0; i < THIEVES; i++)
		CHECK_EQ(pthread_create(&thieves[i], NULL, steal_until_over, NULL), 0);
	for (int turn = 0; turn < TURNS; turn++) {
		int i = (int)rand_below(1000);
		if (is_taken(i))
			put(&gs[i]);
		struct g *g = rand_below(2) == 0 ? runq_get(&queue, rand_below(8) == 0) : NULL;
		if (g != NULL)
			take(g);
	}
	for (struct g *g; (g = runq_get(&queue, false)) != NULL;)
		take(g);
	atomic_store(&over, true);
	for (int i = 0; i < THIEVES; i++)
		CHECK_EQ(pthread_join(thieves[i], NULL), 0);
	for (int i = 0; i < 1000; i++)
		CHECK(is_taken(i));
}
