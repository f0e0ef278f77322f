/* SPDX-License-Identifier: MIT
 *
 * procs: how many processors there are, from the start and while the program runs.
 *
 * A p is never freed. sched.procs are made (it only grows), those with an index below sched.maxprocs are in use. One that is not retires: an idle one at
 * once, under sched.lock; one that an m owns when that m next comes to its loop (or has come to rest, if it was taken from it): nobody has to stop
 * for it. Its goroutines move to the global queue and its stacks to the arena. Its timers stay in its heap, for every m looks at all heaps, and its
 * counters (goroutines, I/O waits, metrics) stay where they are, for only sums over all that are made have a meaning. Its m goes on
 * with an idle p in use, if there is one: so if none runs any more, somebody still becomes the poller.
 *
 * `retired` is guarded by sched.lock; maxprocs is written under it and read anywhere.
 */
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/cpus.h"
#include "runtime/goroutine.h"
#include "runtime/poll.h"
#include "runtime/sched.h"

static void make_p(uint32_t index)
{
	struct p *p = &sched.p[index];
	*p = (struct p){ .index = index, .now_ns = clock_now(), .retired = true };
	timer_heap_init(&p->timers);
}

static void push_idle(struct p *p)
{
	p->next_idle = sched.idle_ps;
	sched.idle_ps = p;
	atomic_store(&sched.idle_count, atomic_load(&sched.idle_count) + 1);
}

/* Puts all p below n into use. */
static void add_procs(uint32_t n)
{
	for (uint32_t i = sched.procs; i < n; i++)
		make_p(i);
	if (n > sched.procs)
		atomic_store(&sched.procs, n);
	for (uint32_t i = n; i-- > 0;) {
		struct p *p = &sched.p[i];
		if (p->retired) {
			p->retired = false;
			push_idle(p);
		}
	}
}

static void retire(struct p *p)
{
	stack_cache_flush(&p->stacks);
	p->retired = true;
}

void p_put_idle(struct p *p)
{
	if (UNLIKELY(p->index >= atomic_load(&sched.maxprocs)))
		retire(p);
	else
		push_idle(p);
}

/* Retires the idle ones that are too many. */
static void sort_out_idle(void)
{
	struct p *next = sched.idle_ps;
	sched.idle_ps = NULL;
	atomic_store(&sched.idle_count, 0);
	for (struct p *p; (p = next) != NULL;) {
		next = p->next_idle;
		p_put_idle(p);
	}
}

void procs_init(uint32_t n)
{
	sched.p = aligned_alloc(64, PROCS_MAX * sizeof(*sched.p));
	if (sched.p == NULL)
		fatal("out of memory: %d processors", PROCS_MAX);
	atomic_store(&sched.maxprocs, n);
	add_procs(n);
}

/* Under sched.lock. True if the caller must call poll_interrupt(): the poller's own p is to go. */
static bool set_procs(uint32_t n)
{
	atomic_store(&sched.maxprocs, n);
	add_procs(n);
	sort_out_idle();
	return sched.poller != NULL && sched.poller->p->index >= n && sched_claim_poller_wake();
}

int runtime_set_procs(int n)
{
	lock_acquire(&sched.lock);
	int before = (int)atomic_load(&sched.maxprocs);
	bool interrupt = n >= 1 && set_procs(n < PROCS_MAX ? (uint32_t)n : PROCS_MAX);
	lock_release(&sched.lock);
	if (interrupt)
		poll_interrupt();
	if (n > before)
		m_wake();
	else if (n >= 1 && n < before && g_self() != NULL)
		g_yield(); /* the caller's own p may be the one to go */
	return before;
}

int runtime_procs(void)
{
	return (int)atomic_load(&sched.maxprocs);
}

/* --- an m whose p is to go --- */

static void spill_queue(struct p *p)
{
	struct g_chain all = { 0 };
	struct g *g;
	while ((g = runq_get(&p->runq, false)) != NULL)
		g_chain_push(&all, g);
	sched_spill(&all);
}

/* To sysmon, which doesn't take the lock, it may look as if nobody ran between the two p. */
void m_retire_p(struct m *m)
{
	spill_queue(m->p);
	lock_acquire(&sched.lock);
	if (atomic_load(&sched.stopping)) { /* in m_stop it is counted out */
		lock_release(&sched.lock);
		return;
	}
	m_give_up_p(m);
	m->p = sched_take_idle_p();
	if (m->p != NULL)
		atomic_store_explicit(&m->p->m, m, memory_order_relaxed);
	bool was_spinning = m->spinning;
	if (m->p == NULL) {
		m->spinning = false;
		m_lie_down(m);
	}
	bool sleeps = m->p == NULL;
	lock_release(&sched.lock);
	if (!sleeps) {
		sysmon_rouse();
		return;
	}
	if (was_spinning)
		atomic_store(&sched.spinning, 0);
	m_sleep(m);
}
