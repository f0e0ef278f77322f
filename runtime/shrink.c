/* SPDX-License-Identifier: MIT
 *
 * shrink: sysmon's sweep over the goroutines that have been parked for a while.
 *
 * A goroutine is claimed (gstate.h), then what lies below its stack pointer goes back by MADV_DONTNEED; the page of the stack pointer stays. Who
 * readies a claimed one goes on at once, and it is queued here afterwards. Each is shrunk once a park.
 *
 * No list of parked goroutines is kept, for that would cost each park: a round visits all slots, some at each tick (1,024 slots take 50 µs, and
 * 0.6 µs more for each that is shrunk for nothing; asking mincore first costs twice that). A round is due when
 * - pages were touched since the last one began: the process took page faults; a few don't count, for a program that wakes up once in a while
 *   must be able to come to rest;
 * - or goroutines were started: theirs may be the stacks of deep ones that have ended;
 * - or the last round met goroutines that could not be judged yet: running, or parked just now.
 * None of these: nothing is left to do, and sysmon may sleep for good.
 *
 * `shrink.lock` is held while a goroutine is claimed, so that the deadlock check can wait for it: else a goroutine that was readied and
 * is not queued yet would be overlooked. All other fields are sysmon's.
 */
#include "runtime/shrink.h"

#include <sys/resource.h>

#include "runtime/goroutine.h"
#include "runtime/sched.h"

#define SHRINK_AFTER_NS	  (2 * SECOND)
#define ROUND_EVERY_NS	  (1 * SECOND)
#define SLOTS_A_TICK	  1024
#define SLOTS_A_TICK_IDLE 16384
#define FAULTS_IGNORED	  8

static struct {
	struct lock lock;
	uint32_t at, end;	/* of the round under way; equal: there is none */
	int64_t begun_ns;	/* the last round */
	int64_t due_ns;		/* when those may be judged that it couldn't; NEVER: it met none */
	int64_t faults, starts; /* so far, when it began */
} shrink;

bool shrink_one(struct g *g)
{
	lock_acquire(&shrink.lock);
	bool claimed = gstate_claim(&g->state);
	if (claimed) {
		stack_shrink(g, g->sp);
		atomic_store_explicit(&g->shrunk, true, memory_order_relaxed);
		if (gstate_release(&g->state))
			sched_inject(g);
	}
	lock_release(&shrink.lock);
	return claimed;
}

void shrink_wait(void)
{
	lock_acquire(&shrink.lock);
	lock_release(&shrink.lock);
}

static void look_again(int64_t when_ns)
{
	if (when_ns < shrink.due_ns)
		shrink.due_ns = when_ns;
}

static void visit(struct g *g, int64_t now_ns)
{
	enum g_state state = gstate_get(&g->state);
	if (state == G_FREE ||
	    (state == G_PARKED && atomic_load_explicit(&g->shrunk, memory_order_relaxed)))
		return;
	int64_t since_ns = atomic_load_explicit(&g->since_ns, memory_order_relaxed);
	if (state != G_PARKED)
		look_again(now_ns + SHRINK_AFTER_NS);
	else if (now_ns - since_ns < SHRINK_AFTER_NS)
		look_again(since_ns + SHRINK_AFTER_NS);
	else if (!shrink_one(g))
		look_again(now_ns + SHRINK_AFTER_NS);
}

static int64_t count_faults(void)
{
	struct rusage usage;
	return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_minflt : 0;
}

static int64_t count_starts(void)
{
	int64_t n = 0;
	for (uint32_t i = 0; i < sched.procs; i++)
		n += atomic_load_explicit(&sched.p[i].started, memory_order_relaxed);
	return n;
}

static int64_t next_round(void)
{
	int64_t soonest = shrink.begun_ns + ROUND_EVERY_NS;
	if (count_faults() - shrink.faults > FAULTS_IGNORED || count_starts() != shrink.starts)
		return soonest;
	return shrink.due_ns > soonest ? shrink.due_ns : soonest;
}

static void begin_round(int64_t now_ns)
{
	shrink.begun_ns = now_ns;
	shrink.due_ns = NEVER;
	shrink.faults = count_faults();
	shrink.starts = count_starts();
	shrink.at = 0;
	shrink.end = stack_used();
}

int64_t shrink_tick(int64_t now_ns, bool idle)
{
	if (shrink.at == shrink.end) {
		int64_t next_ns = next_round();
		if (now_ns < next_ns)
			return next_ns;
		begin_round(now_ns);
	}
	uint32_t left = idle ? SLOTS_A_TICK_IDLE : SLOTS_A_TICK;
	for (; shrink.at < shrink.end && left > 0; shrink.at++, left--)
		if (!stack_is_listed(shrink.at))
			visit(stack_slot(shrink.at), now_ns);
	return shrink.at < shrink.end ? now_ns : next_round();
}
