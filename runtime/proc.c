/* SPDX-License-Identifier: MIT
 *
 * proc: the scheduler's loop, and the verbs of proc.h.
 *
 * Each m runs m_main on its OS thread's own stack, "the scheduler's stack": find a runnable goroutine, switch to it, and when it has
 * left its stack (parked, yielded, ended) do what it asked for. A goroutine is touched by one m at a time: whoever dequeues it
 * runs it; whoever has taken it out of where it was published, under that place's lock, readies it. Where work is looked for: find.c.
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

#define ID_BATCH 16

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
/* Debug and sanitizer builds send every fourth readied goroutine to another thread, to expose what is kept across a park. */
static bool migrate(struct g *g)
{
	if (rand_below(4) != 0)
		return false;
	sched_inject(g);
	m_wake();
	return true;
}
#else
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
		run(m, sched_find(m));
}
