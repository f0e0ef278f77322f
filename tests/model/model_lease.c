/* SPDX-License-Identifier: MIT
 *
 * lease.h: an m that enters and leaves its p, and sysmon, which asks for the p, takes it, and gives it to a second m. Never are two ms in one p,
 * and who is in it sees what the one before did there.
 *
 * The p is a plain counter: two in it at once, or one without what the other wrote, are a data race or a lost increment.
 */
#include "runtime/base.h"
#include "runtime/lease.h"
#include "tests/model/model.h"

enum {
	NOTHING_YET,
	GIVEN,
	NOT_TAKEN
};

static struct lease leases[2];
static int p; /* whoever has it increments it */
static int turns[THREADS_MAX];
static _Atomic int to_second; /* what sysmon has come to */
static _Atomic int to_first;  /* what the second m has */

static void tell(_Atomic int *whom, int what)
{
	atomic_store_explicit(whom, what, memory_order_release);
}

static int hear(_Atomic int *from)
{
	int what;
	while ((what = atomic_load_explicit(from, memory_order_acquire)) == NOTHING_YET)
		model_await();
	return what;
}

static void use_p(void)
{
	p++;
	turns[model_self()]++;
}

/* Goroutine code calls the runtime, which calls itself. False: the p has gone, and the m is still inside. */
static bool enter_and_leave(struct lease *l)
{
	if (!lease_enter(l) && !lease_answer(l))
		return false;
	use_p();
	CHECK(lease_enter(l));
	use_p();
	lease_leave(l);
	lease_leave(l);
	return true;
}

/* Who has lost its p leaves its goroutine, inside; regains; and goes on with another goroutine on the p that it is given: here the same. */
static void first_m(void)
{
	use_p();
	lease_resume(&leases[0], 0);
	for (int i = 0; i < model_depth(); i++) {
		if (enter_and_leave(&leases[0]))
			continue;
		uint32_t depth = lease_depth(&leases[0]);
		lease_regain(&leases[0]);
		CHECK(hear(&to_first) == GIVEN);
		use_p();
		lease_resume(&leases[0], depth - 1);
		CHECK(enter_and_leave(&leases[0]));
		return;
	}
}

/* It may try for as long as the request stands, with no other barrier. */
static bool take_from(struct lease *l)
{
	lease_request(l);
	barrier_heavy();
	return lease_take(l) || (lease_is_asked_for(l) && lease_take(l));
}

static void sysmon(void)
{
	tell(&to_second, take_from(&leases[0]) ? GIVEN : NOT_TAKEN);
}

static void second_m(void)
{
	if (hear(&to_second) != GIVEN)
		return;
	CHECK(enter_and_leave(&leases[1]));
	tell(&to_first, GIVEN);
}

static void setup(void)
{
	leases[0].inside = 1; /* the scheduler's stack */
}

static void none_lost(void)
{
	CHECK(p == turns[0] + turns[1] + turns[2]);
	CHECK(leases[0].inside == 0 && leases[1].inside == 0);
}

MODEL(never_are_two_ms_in_one_p, .setup = setup, .threads = { first_m, sysmon, second_m },
      .check = none_lost)

/* Without membarrier both barriers are fences. */
static void without_membarrier(void)
{
	setup();
	barrier_reaches_all = false;
}

MODEL(never_are_two_ms_in_one_p_without_membarrier, .setup = without_membarrier,
      .threads = { first_m, sysmon, second_m }, .check = none_lost)

#define PASSES_NOTHING "what the m did is passed by `inside`; the state says only whose the p is"

MUTANTS(.of = "lease_ take_from",
	.survivors = {
		{ "lease_request: swap relaxed 1: not atomic", "only sysmon changes OWNED" },
		{ "lease_take: swap acq_rel 1: only acquire", PASSES_NOTHING },
		{ "lease_take: swap acq_rel 1: only release", PASSES_NOTHING },
		{ "lease_answer: swap acq_rel 1: only acquire", PASSES_NOTHING },
		{ "lease_answer: swap acq_rel 1: only release", PASSES_NOTHING },
		{ "lease_answer: swap acq_rel 1: relaxed when lost", PASSES_NOTHING },
	});
