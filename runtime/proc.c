/* SPDX-License-Identifier: MIT
 *
 * proc: the scheduler's loop, and the verbs of proc.h.
 *
 * Each m runs m_main on its OS thread's own stack, "the scheduler's stack": find a runnable goroutine, switch to it, and when it has
 * left its stack (parked, yielded, ended) do what it asked for. A goroutine is touched by one m at a time: whoever dequeues it
 * runs it; whoever has taken it out of where it was published, under that place's lock, readies it.
 *
 * Where work is looked for, in order: runnext, own ring; then global queue, due timers, netpoller, other rings. Who sleeps and who is
 * woken: idle.c.
 *
 * Nothing runnable waits without bound, whatever the others do. Each 61st time, and when sysmon urges, the loop looks first at timers, netpoller and
 * global queue, of which it takes a few; every second time at the ring instead, where nothing but a chain through runnext has run since. A chain
 * that goes on for more than a slice is urged by sysmon, as is a loop that turns too seldom; a goroutine that doesn't let it turn loses its
 * p. Timers that are due again at once are left alone after 256 of a heap, so that goroutines have their turn.
 */
#include "runtime/proc.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/label.h"
#include "runtime/rand.h"
#include "runtime/sched.h"
#include "runtime/switch.h"
#include "runtime/thread.h"

/* A prime, so that it falls in with no pattern of the program. */
#define HOUSEKEEPING_TICKS 61
/* Of the housekeepings, those that have a goroutine's wait in the queue measured: two more readings of the clock. */
#define SAMPLE_EVERY 8
/* Under load the own queue is never empty: look at the netpoller this often. */
#define POLL_EVERY_NS	   (100 * MICROSECOND)
#define STEAL_PASSES	   4
#define STEAL_NEXT_WAIT_NS (3 * MICROSECOND)
#define ID_BATCH	   16
/* From the global queue at each housekeeping: a few, so that they get on among goroutines that yield in a full ring; many would only overflow into
 * it again, where each costs a cold cache line. */
#define NEGLECTED_TAKEN 4

_Thread_local struct m *sched__current_m; /* m_self's alone, which knows it by name */

#ifndef __x86_64__
__attribute__((noinline)) struct m *m_self(void)
{
	struct m *m = sched__current_m;
	__asm__ volatile("" : "+r"(m)::"memory");
	return m;
}
#endif

struct g *g_self(void)
{
	struct m *m = m_self();
	return m == NULL ? NULL : atomic_load_explicit(&m->g, memory_order_relaxed);
}

static struct g *must_self(struct m *m)
{
	struct g *g = m == NULL ? NULL : atomic_load_explicit(&m->g, memory_order_relaxed);
	if (UNLIKELY(g == NULL))
		panic("this call parks, and there is no goroutine here to park");
	return g;
}

/* --- leaving and entering a goroutine's stack --- */

/* Not instrumented: TSan must not see one function begin on one fiber and end on another. */
NO_TSAN static void leave_stack(struct m *m, struct g *g)
{
	fiber_leave(&g->fiber, &m->fiber);
	switch_leave(&g->sp, m->sp);
	fiber_arrive(&g->fiber);
}

/* Between m_enter and m_exit, at whatever depth. Gives the m on which g goes on, at the same depth. */
static struct m *leave_to_scheduler(struct m *m, struct g *g)
{
	uint32_t depth = lease_depth(&m->lease);
	leave_stack(m, g);
	m = m_self();
	lease_resume(&m->lease, depth);
	return m;
}

NO_TSAN static _Noreturn void leave_for_good(struct m *m, struct g *g)
{
	fiber_leave_last(&m->fiber);
	switch_leave(&g->sp, m->sp);
	__builtin_unreachable();
}

NO_TSAN static void enter_goroutine(struct m *m, struct g *g)
{
	fiber_leave(&m->fiber, &g->fiber);
	switch_enter(&m->sp, g->sp);
	fiber_arrive(&m->fiber);
}

void g_exit(void)
{
	struct m *m = m_enter_with_p();
	m->leave = LEAVE_EXIT;
	leave_for_good(m, must_self(m));
}

static void g_main(void)
{
	struct g *g = g_self();
	fiber_arrive(&g->fiber);
	lease_resume(&m_self()->lease, 0);
	g->fn(g->arg);
	g_exit();
}

/* --- park and ready --- */

void g_park(enum wait_reason reason, bool (*commit)(struct g *g, void *arg), void *arg)
{
	struct m *m = m_enter();
	struct g *g = must_self(m);
	atomic_store_explicit(&g->reason, reason, memory_order_relaxed);
	int64_t now_ns = LIKELY(m->p != NULL) ? m->p->now_ns : clock_now();
	atomic_store_explicit(&g->since_ns, now_ns, memory_order_relaxed);
	sched_count(m->p, COUNT_parks, 1);
	atomic_store_explicit(&g->shrunk, false, memory_order_relaxed);
	m->leave = LEAVE_PARK;
	m->commit = commit;
	m->commit_arg = arg;
	m_exit(leave_to_scheduler(m, g));
}

static bool unlock(struct g *g, void *lock)
{
	(void)g;
	lock_release(lock);
	return true;
}

void g_park_unlock(enum wait_reason reason, struct lock *l)
{
	g_park(reason, unlock, l);
}

void g_yield(void)
{
	struct m *m = m_enter();
	struct g *g = must_self(m);
	m->leave = LEAVE_YIELD;
	m_exit(leave_to_scheduler(m, g));
}

void m_answer(struct m *m)
{
	if (!lease_answer(&m->lease))
		m->p = NULL;
}

struct m *m_enter_with_p(void)
{
	for (;;) {
		struct m *m = m_enter();
		if (LIKELY(m != NULL && m->p != NULL))
			return m;
		m_exit(m);
		g_yield();
	}
}

/* On the scheduler's stack there is no goroutine that could; inside, the caller is in the middle of something. */
static __attribute__((noinline)) void give_way(struct m *m)
{
	if (atomic_load_explicit(&m->g, memory_order_relaxed) != NULL &&
	    lease_depth(&m->lease) == 0)
		g_yield();
}

void g_give_way(void)
{
	struct m *m = m_self();
	if (UNLIKELY(m != NULL && lease_is_asked_for(&m->lease)))
		give_way(m);
}

void p_put(struct p *p, struct g *g, bool next)
{
	if (UNLIKELY(p->sample)) {
		p->sample = false;
		g->queued_ns = clock_now();
	}
	struct g_chain spill = { 0 };
	if (next)
		runq_put_next(&p->runq, g, &spill);
	else
		runq_put(&p->runq, g, &spill);
	if (UNLIKELY(spill.len > 0))
		sched_spill(&spill);
	sched_queued(&p->runq);
}

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

/* They send every fourth readied goroutine to another thread, to expose what is kept across a park. */
static bool migrate(struct g *g)
{
	if (rand_below(4) != 0)
		return false;
	sched_inject(g);
	m_wake();
	return true;
}
#else
static struct g *shuffle(struct p *p, struct g *g)
{
	(void)p;
	return g;
}

static bool migrate(struct g *g)
{
	(void)g;
	return false;
}
#endif

/* False if the shrinker is at its stack, and will queue it. */
static bool may_queue(struct g *g)
{
	enum gstate_ready answer = gstate_ready(&g->state);
	if (UNLIKELY(answer == READY_MISUSED))
		panic("goroutine %llu readied, but it is not parked", (unsigned long long)g->id);
	return answer == READY_QUEUE;
}

static void ready(struct g *g, bool next)
{
	if (UNLIKELY(!may_queue(g)))
		return;
	struct m *m = m_enter();
	if (UNLIKELY(m == NULL || m->p == NULL))
		sched_inject(g);
	else if (!migrate(g))
		p_put(m->p, g, next && atomic_load_explicit(&m->g, memory_order_relaxed) != NULL);
	m_exit(m);
}

void g_ready(struct g *g)
{
	ready(g, true);
}

void g_ready_tail(struct g *g)
{
	ready(g, false);
}

void g_set_wake(struct g *g, uintptr_t value)
{
	g->wake = value;
}

uintptr_t g_wake(struct g *g)
{
	return g->wake;
}

void g_pass(struct g *g, const void *addr)
{
	fiber_pass(&g->fiber, addr);
}

/* For the race detector each use has a buffer of its own. */
static void renew_scratch(struct m *m)
{
	HIDDEN_BEGIN();
	free(m->read_buf);
	m->read_buf = xmalloc(G_SCRATCH_SIZE);
	HIDDEN_END();
}

void *g_scratch(void)
{
	struct m *m = m_enter();
	if (UNLIKELY(m->read_buf == NULL) || RACE_LANE)
		renew_scratch(m);
	void *buf = m->read_buf;
	m_exit(m);
	return buf;
}

/* --- birth and death --- */

static uint64_t new_id(struct p *p)
{
	if (p->id_next == p->id_end) {
		p->id_next =
			atomic_fetch_add_explicit(&sched.next_id, ID_BATCH, memory_order_relaxed);
		p->id_end = p->id_next + ID_BATCH;
	}
	return p->id_next++;
}

/* Counters of a p have one writer. */
static void bump(_Atomic int64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static void note_creator(struct g *g)
{
	struct g *creator = g_self();
	g->creator_id = creator == NULL ? 0 : creator->id;
	label__inherit(g, creator);
}

struct g *g_new(struct p *p, void (*fn)(void *), const void *args, size_t size, const char *name,
		const struct go_site *site)
{
	struct g *g = stack_alloc(&p->stacks);
	char *low = stack_low(g);
	fiber_stack_begin(low, (size_t)((char *)(g + 1) - low));
	char *top = (char *)g - (size + 15) / 16 * 16;
	if (size > 0)
		args = memcpy(top, args, size);
	g->fn = fn;
	g->arg = (void *)(uintptr_t)args;
	g->name = name;
	g->site = site;
	g->queued_ns = 0;
	g->sp = switch_prepare(top, g_main);
	atomic_store_explicit(&g->id, new_id(p), memory_order_relaxed);
	note_creator(g);
	fiber_init(&g->fiber, low, (size_t)((char *)g - low));
	fiber_set_name(&g->fiber, g->id, name);
	bump(&p->started);
	gstate_set(&g->state, G_RUNNABLE);
	return g;
}

static void g_free(struct p *p, struct g *g)
{
	gstate_set(&g->state, G_FREE);
	label__drop(g);
	fiber_done(&g->fiber);
	fiber_stack_end(stack_low(g), (size_t)((char *)(g + 1) - stack_low(g)));
	bump(&p->ended);
	stack_free(&p->stacks, g);
}

/* --- finding work --- */

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

static struct g *find_runnable(struct m *m)
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

/* --- the loop --- */

/* Puts g, which can go on, into the queue. */
static void requeue(struct m *m, struct g *g)
{
	gstate_set(&g->state, G_RUNNABLE);
	if (LIKELY(m->p != NULL))
		p_put(m->p, g, false);
	else
		sched_inject(g);
}

/* Gives g back if it wants to go on at once. m->p may have been taken meanwhile, but for LEAVE_EXIT. */
static struct g *after_leave(struct m *m, struct g *g)
{
	if (UNLIKELY(stack_checked))
		stack_check(g, g->sp);
	switch (m->leave) {
	case LEAVE_PARK:
		gstate_park(&g->state);
		if (m->commit == NULL || m->commit(g, m->commit_arg))
			return NULL;
		if (!may_queue(g))
			return NULL;
		if (LIKELY(m->p != NULL))
			return g;
		requeue(m, g);
		return NULL;
	case LEAVE_YIELD:
		requeue(m, g);
		return NULL;
	case LEAVE_EXIT:
		g_free(m->p, g);
		return NULL;
	}
	return NULL;
}

static void end_sample(struct p *p, struct g *g)
{
	latency_add(&p->counters, clock_now() - g->queued_ns);
	g->queued_ns = 0;
}

static void run(struct m *m, struct g *g)
{
	while (g != NULL) {
		if (UNLIKELY(g->queued_ns != 0))
			end_sample(m->p, g);
		gstate_set(&g->state, G_RUNNING);
		atomic_store_explicit(&m->g, g, memory_order_relaxed);
		enter_goroutine(m, g);
		atomic_store_explicit(&m->g, NULL, memory_order_relaxed);
		g = after_leave(m, g);
	}
}

static void learn_own_stack(struct m *m)
{
	pthread_attr_t attr;
	void *low = NULL;
	size_t size = 0;
	if (pthread_getattr_np(pthread_self(), &attr) == 0) {
		pthread_attr_getstack(&attr, &low, &size);
		pthread_attr_destroy(&attr);
	}
	m->stack_low = low;
	m->stack_size = size;
	fiber_init_thread(&m->fiber, low, size);
}

void *m_main(void *arg)
{
	struct m *m = arg;
	sched__current_m = m;
	switch_init_thread();
	thread_be_punctual();
	learn_own_stack(m);
	m_sleep(m);
	for (;;)
		run(m, find_runnable(m));
}
