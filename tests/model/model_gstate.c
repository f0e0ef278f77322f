/* SPDX-License-Identifier: MIT
 *
 * gstate.h: a goroutine that parks, whoever readies it, and the shrinker, which wants its stack. It is queued once for each park, what was
 * written before the ready is seen after the park, and the shrinker is never at a stack that runs.
 *
 * The stack is a plain word: whoever uses it without having it is a data race.
 */
#include "runtime/base.h"
#include "runtime/gstate.h"
#include "tests/model/model.h"

static struct gstate state;
static int stack;	      /* written while running and while claimed */
static int message;	      /* from the readier, as g_set_wake */
static _Atomic int published; /* the lock under which it may be found by its readier */
static _Atomic int queued;    /* the run queue: how often it was put there */
static int resumed, shrunk;

static void setup(void)
{
	gstate_set(&state, G_RUNNING);
}

/* The m: the goroutine leaves its stack, is published, and runs again when the queue has it. */
static void park_and_resume(void)
{
	for (int i = 1; i <= model_depth(); i++) {
		stack++;
		gstate_park(&state);
		atomic_store_explicit(&published, i, memory_order_release);
		while (atomic_load_explicit(&queued, memory_order_acquire) != i)
			model_await();
		gstate_set(&state, G_RUNNING);
		CHECK(message == i);
		stack++;
		resumed = i;
	}
}

static void make_ready(void)
{
	for (int i = 1; i <= model_depth(); i++) {
		while (atomic_load_explicit(&published, memory_order_acquire) != i)
			model_await();
		message = i;
		switch (gstate_ready(&state)) {
		case READY_QUEUE:
			atomic_fetch_add_explicit(&queued, 1, memory_order_release);
			break;
		case READY_LEFT:
			break;
		case READY_MISUSED:
			model_fail("readied, but not parked");
		}
	}
}

static void shrink(void)
{
	for (int i = 0; i < 2; i++) {
		if (!gstate_claim(&state))
			continue;
		stack += 100;
		shrunk++;
		if (gstate_release(&state))
			atomic_fetch_add_explicit(&queued, 1, memory_order_release);
	}
}

static void resumed_once_each(void)
{
	CHECK(resumed == model_depth());
	CHECK(queued == model_depth());
	CHECK(stack == 2 * model_depth() + 100 * shrunk);
	model_outcome((uint64_t)shrunk);
}

MODEL(a_parked_goroutine_is_resumed_once_and_never_shrunk_while_it_runs, .setup = setup,
      .threads = { park_and_resume, make_ready, shrink }, .check = resumed_once_each)

/* Somebody else readies it a second time: that is told, whatever the shrinker does meanwhile. */
static _Atomic int readied;

static void make_ready_too(void)
{
	if (gstate_ready(&state) != READY_MISUSED)
		atomic_fetch_add_explicit(&readied, 1, memory_order_relaxed);
}

static void setup_parked(void)
{
	gstate_park(&state);
}

static void claim_and_release(void)
{
	if (gstate_claim(&state))
		gstate_release(&state);
}

static void readied_once(void)
{
	CHECK(readied == 1);
	CHECK(state.word == G_RUNNABLE);
}

MODEL(a_second_ready_is_told, .setup = setup_parked,
      .threads = { make_ready_too, make_ready_too, claim_and_release }, .check = readied_once)

#define FOR_DUMPS                                                                                  \
	"what is RUNNABLE and what is RUNNING is told apart by dumps alone; the run queue passes " \
	"the rest"

MUTANTS(.of = "gstate_", .survivors = {
				 { "gstate_set: store release 1: only relaxed", FOR_DUMPS },
				 { "gstate_set: store release 1: left out", FOR_DUMPS },
			 });
