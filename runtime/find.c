/* SPDX-License-Identifier: MIT
 *
 * find: what an m does next: the step of the scheduler's loop that finds a runnable goroutine.
 *
 * Where work is looked for, in order: runnext, own ring; then global queue, due timers, netpoller, other rings. Who sleeps and who is
 * woken: idle.c.
 *
 * Nothing runnable waits without bound, whatever the others do. Each 61st time, and when sysmon urges, the loop looks first at timers, netpoller and
 * global queue, of which it takes a few; every second time at the ring instead, where nothing but a chain through runnext has run since. A chain
 * that goes on for more than a slice is urged by sysmon, as is a loop that turns too seldom; a goroutine that doesn't let it turn loses its
 * p. Timers that are due again at once are left alone after 256 of a heap, so that goroutines have their turn.
 */
#include "runtime/clock.h"
#include "runtime/rand.h"
#include "runtime/sched.h"

/* A prime, so that it falls in with no pattern of the program. */
#define HOUSEKEEPING_TICKS 61
/* Of the housekeepings, those that have a goroutine's wait in the queue measured: two more readings of the clock. */
#define SAMPLE_EVERY 8
/* Under load the own queue is never empty: look at the netpoller this often. */
#define POLL_EVERY_NS	   (100 * MICROSECOND)
#define STEAL_PASSES	   4
#define STEAL_NEXT_WAIT_NS (3 * MICROSECOND)
/* From the global queue at each housekeeping: a few, so that they get on among goroutines that yield in a full ring; many would only overflow into
 * it again, where each costs a cold cache line. */
#define NEGLECTED_TAKEN 4

#ifdef RUNTIME_DEBUG
/* Debug and sanitizer builds now and then take the second in the queue first, to expose what counts on an order. (Go's randomizeScheduler.) */
static struct g *shuffle(struct p *p, struct g *g)
{
	struct g *second = g != NULL && rand_below(8) == 0 ? runq_get(&p->runq, false) : NULL;
	struct g_chain spill = { 0 };
	if (second == NULL)
		return g;
	runq_put(&p->runq, g, &spill);
	if (spill.len > 0)
		sched_spill(&spill);
	return second;
}
#else
static struct g *shuffle(struct p *p, struct g *g)
{
	(void)p;
	return g;
}
#endif

/* True if some are left. */
static bool run_timers(int64_t now_ns)
{
	bool more = false;
	for (uint32_t i = 0; i < sched.procs; i++) {
		struct timer_heap *h = &sched.p[i].timers;
		if (atomic_load_explicit(&h->first_ns, memory_order_acquire) <= now_ns)
			more = timer_heap_run(h, now_ns) || more;
	}
	return more;
}

static bool has_next(struct p *p)
{
	return atomic_load_explicit(&p->runq.next, memory_order_relaxed) != NULL;
}

/* Right but for a thief that is faster. */
static struct g *get_local(struct p *p)
{
	p->inherits = has_next(p);
	return shuffle(p, runq_get(&p->runq, false));
}

/* The global queue first. But where nothing has run since the last time but a chain through runnext, the ring is as badly off: in turns. */
static struct g *get_neglected(struct p *p)
{
	uint32_t slice = atomic_load_explicit(&p->slice, memory_order_relaxed);
	p->ring_first = slice == p->house_slice && !p->ring_first;
	p->house_slice = slice + 1; /* with what is got here */
	struct g *g = p->ring_first ? NULL : sched_take_global(p, NEGLECTED_TAKEN);
	if (g == NULL)
		g = runq_get(&p->runq, true);
	return g;
}

/* What must get its turn although the own queue never runs empty. */
static struct g *keep_house(struct p *p)
{
	atomic_store_explicit(&p->urged, false, memory_order_relaxed);
	p->now_ns = clock_now();
	uint32_t houses = atomic_load_explicit(&p->tick, memory_order_relaxed) / HOUSEKEEPING_TICKS;
	p->sample = houses % SAMPLE_EVERY == 0;
	run_timers(p->now_ns);
	if (p->now_ns - atomic_load_explicit(&sched.last_poll_ns, memory_order_relaxed) >
	    POLL_EVERY_NS)
		sched_poll(p->now_ns);
	return get_neglected(p);
}

/* A victim's runnext is about to run there in most cases: leave it a moment, as Go does. */
static struct g *steal_from(struct p *p, struct p *victim, bool steal_next)
{
	struct g *g = runq_steal(&p->runq, &victim->runq, false);
	if (g != NULL || !steal_next || runq_len(&victim->runq) == 0)
		return g;
	int64_t until = clock_now() + STEAL_NEXT_WAIT_NS;
	while (clock_now() < until)
		;
	return runq_steal(&p->runq, &victim->runq, true);
}

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* Visits all processors in a random order: from a random one in steps of a random number that is coprime to theirs. */
static struct g *steal(struct p *p)
{
	uint32_t procs = sched.procs;
	for (int pass = 0; pass < STEAL_PASSES; pass++) {
		uint32_t at = rand_below(procs), step = 1 + rand_below(procs);
		while (greatest_common_divisor(step, procs) != 1)
			step++;
		for (uint32_t i = 0; i < procs; i++, at = (at + step) % procs) {
			struct p *victim = &sched.p[at];
			struct g *g = victim == p ? NULL
						  : steal_from(p, victim, pass == STEAL_PASSES - 1);
			if (g != NULL) {
				sched_count(p, COUNT_steals, 1);
				return g;
			}
		}
	}
	return NULL;
}

static bool others_run(void)
{
	return atomic_load_explicit(&sched.running, memory_order_relaxed) > 1;
}

static struct g *look_elsewhere(struct p *p)
{
	p->inherits = false;
	struct g *g = sched_take_global(p, RUNQ_SIZE / 2);
	if (g != NULL)
		return g;
	p->now_ns = clock_now();
	p->timers_left = run_timers(p->now_ns);
	/* The last m running would find the netpoller empty and then sleep in it: it does only that. */
	bool others_poll = atomic_load_explicit(&sched.knobs.others_poll, memory_order_relaxed);
	if (runq_len(&p->runq) == 0 && (p->timers_left || (others_run() && others_poll)))
		sched_poll(p->now_ns);
	g = get_local(p);
	if (g == NULL && others_run())
		g = steal(p);
	return g;
}

/* A step of the loop; NULL if there is nothing to do. */
static struct g *find(struct p *p)
{
	uint32_t tick = atomic_load_explicit(&p->tick, memory_order_relaxed);
	atomic_store_explicit(&p->tick, tick + 1, memory_order_relaxed);
	struct g *g = NULL;
	p->inherits = false;
	if (UNLIKELY(tick % HOUSEKEEPING_TICKS == 0 ||
		     atomic_load_explicit(&p->urged, memory_order_relaxed)))
		g = keep_house(p);
	if (g == NULL)
		g = get_local(p);
	if (g == NULL)
		g = look_elsewhere(p);
	if (!p->inherits)
		atomic_store_explicit(&p->slice,
				      atomic_load_explicit(&p->slice, memory_order_relaxed) + 1,
				      memory_order_relaxed);
	return g;
}

struct g *sched_find(struct m *m)
{
	for (;;) {
		if (UNLIKELY(atomic_load_explicit(&sched.stopping, memory_order_relaxed)))
			m_stop(m);
		if (UNLIKELY(m->p == NULL)) {
			m_rest(m);
			continue;
		}
		m_check_owner(m);
		if (UNLIKELY(m->p->index >=
			     atomic_load_explicit(&sched.maxprocs, memory_order_relaxed))) {
			m_retire_p(m);
			continue;
		}
		struct g *g = find(m->p);
		if (g == NULL) {
			if (LIKELY(!m->p->timers_left))
				m_idle(m);
			continue;
		}
		if (UNLIKELY(m->spinning))
			m_found_work(m);
		return g;
	}
}
