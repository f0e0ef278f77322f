/* SPDX-License-Identifier: MIT
 *
 * runq.c: one owner and thieves. Every goroutine that was put comes out exactly once, in whichever hands, and whoever has it sees what its
 * putter wrote into it.
 */
#include "runtime/sched.h"
#include "tests/model/model.h"

enum {
	GS = 300
};

static struct runq queue, own[2];
static struct g gs[GS];
static struct g_chain spilled;
static int put_n;		    /* gs[0 .. put_n - 1] have been put */
static bool taken[THREADS_MAX][GS]; /* by each thread */

static void note_taken(struct g *g)
{
	if (g == NULL)
		return;
	CHECK(g->wake == (uintptr_t)(g - gs) + 1);
	CHECK(!taken[model_self()][g - gs]);
	taken[model_self()][g - gs] = true;
}

static void put(int i)
{
	gs[i].wake = (uintptr_t)i + 1;
	runq_put(&queue, &gs[i], &spilled);
}

static void put_next(int i)
{
	gs[i].wake = (uintptr_t)i + 1;
	runq_put_next(&queue, &gs[i], &spilled);
}

static void steal_into(struct runq *own_queue, bool next)
{
	note_taken(runq_steal(own_queue, &queue, next));
}

/* Wherever each is now, it is in one place. */
static void each_once(void)
{
	int left[GS] = { 0 };
	struct g *g;
	struct runq *queues[] = { &queue, &own[0], &own[1] };
	for (int i = 0; i < GS; i++)
		for (int t = 0; t < THREADS_MAX; t++)
			left[i] += taken[t][i];
	for (int q = 0; q < 3; q++)
		while ((g = runq_get(queues[q], false)) != NULL)
			left[g - gs]++;
	while ((g = g_chain_pop(&spilled)) != NULL)
		left[g - gs]++;
	for (int i = 0; i < GS; i++)
		CHECK(left[i] == (i < put_n));
}

/* --- the ring --- */

static void setup_one(void)
{
	put_n = 3;
	put(0);
}

static void owner_puts_and_gets(void)
{
	put(1);
	note_taken(runq_get(&queue, false));
	put(2);
	for (int i = 0; i < model_depth(); i++)
		note_taken(runq_get(&queue, false));
}

static void thief(void)
{
	steal_into(&own[0], false);
	note_taken(runq_get(&own[0], false));
	steal_into(&own[0], false);
}

static void second_thief(void)
{
	steal_into(&own[1], false);
}

MODEL(a_goroutine_in_the_ring_comes_out_once, .setup = setup_one,
      .threads = { owner_puts_and_gets, thief }, .check = each_once)

static void setup_four(void)
{
	put_n = 4;
	for (int i = 0; i < put_n; i++)
		put(i);
}

static void thief_robbed(void)
{
	steal_into(&own[0], false);
	note_taken(runq_get(&own[0], false));
}

static void thief_of_thief(void)
{
	note_taken(runq_steal(&own[1], &own[0], false));
}

MODEL(what_was_stolen_may_be_stolen_again, .setup = setup_four,
      .threads = { thief_robbed, thief_of_thief }, .check = each_once)

MODEL(two_thieves_never_get_the_same, .setup = setup_one,
      .threads = { owner_puts_and_gets, thief, second_thief }, .check = each_once)

/* --- runnext --- */

static void setup_next(void)
{
	put_n = 3;
	put(0);
}

static void owner_puts_next(void)
{
	put_next(1);
	put_next(2);
	note_taken(runq_get(&queue, false));
}

static void thief_of_next(void)
{
	steal_into(&own[0], true);
	steal_into(&own[0], true);
}

MODEL(a_goroutine_in_runnext_comes_out_once, .setup = setup_next,
      .threads = { owner_puts_next, thief_of_next }, .check = each_once)

/* --- the full ring --- */

static void setup_full(void)
{
	put_n = (int)RUNQ_SIZE + 1;
	for (int i = 0; i < put_n - 1; i++)
		put(i);
}

static void owner_overfills(void)
{
	put((int)RUNQ_SIZE);
}

static void steal_once(void)
{
	steal_into(&own[0], false);
}

MODEL(a_full_ring_spills_beside_a_thief, .setup = setup_full,
      .threads = { owner_overfills, steal_once }, .check = each_once)

/* Only a read that is done after a later write of its own thread would show it: the engine has no load buffering. */
#define LOAD_BUFFERING "a slot is read before head is moved: load buffering"
#define OWNERS_OWN     "the owner reads what it has itself written"

MUTANTS(.of = "runq_put take_ring grab runq_steal take_next spill_half",
	.survivors = {
		{ "runq_put: load acquire 1: only relaxed", LOAD_BUFFERING },
		{ "grab: swap acq_rel 1: only release", "the load before it has acquired" },
		{ "spill_half: swap acq_rel 1: only acquire", LOAD_BUFFERING },
		{ "spill_half: swap acq_rel 1: only release", "runq_put has acquired" },
		{ "take_ring: load acquire 1: only relaxed", OWNERS_OWN },
		{ "take_ring: swap acq_rel 1: only release", OWNERS_OWN },
		{ "take_ring: swap acq_rel 1: relaxed when lost", OWNERS_OWN },
		{ "runq_put_next: change acq_rel 1: only release", OWNERS_OWN },
	});
