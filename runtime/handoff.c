/* SPDX-License-Identifier: MIT
 *
 * handoff: taking a p from an m that is kept by its goroutine (it computes, or blocks in the kernel), and what becomes of that m.
 *
 * A goroutine can't be stopped, but its m needs its p only inside the runtime. So sysmon takes the p (lease.h) and gives it to another m, and the
 * goroutine goes on without. That m is `lost` from then on: its goroutine may call what never parks (g_ready, timer_set, ...), for which
 * m_enter gives it m->p == NULL: what it readies goes into the global queue. Where it would go on computing for long it has to stop:
 *
 * - where it parks or ends, of course: g_park works without a p, g_exit first waits for one;
 * - at safe points, g_give_way(): the beginning of every operation that may park (channels, select, locks, I/O, go). There no lock of the runtime is held, the goroutine stands in no queue, and the caller has to
 *   reckon with another OS thread afterwards anyway. What never parks is no safe point: it is called with locks held and from library
 *   callbacks.
 *
 * There it goes into the global queue, and its m comes to rest: it takes an idle p, or sleeps until it is given one.
 * A goroutine that comes to a safe point after it was asked and before it was taken from keeps its p and lets the others run first.
 *
 * Exact accounting: an m is counted in `running` or in `lost` or in neither, and changes under sched.lock. A lost one may still ready
 * others, so it is no deadlock while there is one; the last one to come to rest makes the poller look again.
 */
#include "runtime/poll.h"
#include "runtime/sched.h"

static void add(_Atomic uint32_t *counter, uint32_t n)
{
	uint32_t old = atomic_load_explicit(counter, memory_order_relaxed);
	atomic_store(counter, old + n);
}

/* Under the lock from before the taking: the m that has been taken from finds the count made. */
bool sched_hand_off(struct p *p)
{
	struct m *next = NULL;
	lock_acquire(&sched.lock);
	struct m *m = atomic_load_explicit(&p->m, memory_order_relaxed);
	if (m != NULL && !atomic_load(&sched.stopping) && lease_take(&m->lease)) {
		add(&sched.lost, 1);
		next = m_take(p);
	}
	lock_release(&sched.lock);
	if (next == NULL)
		return false;
	sched_count(NULL, COUNT_handoffs, 1);
	m_launch(next);
	return true;
}

/* Under sched.lock. Its own goroutine waits in the global queue, unless somebody was faster. While somebody polls, nobody runs: then he has been
 * woken for it. */
static struct p *find_p(struct m *m)
{
	struct p *p = sched.global.len > 0 && sched.poller == NULL ? sched_take_idle_p() : NULL;
	if (p != NULL)
		atomic_store_explicit(&p->m, m, memory_order_relaxed);
	return p;
}

void m_rest(struct m *m)
{
	lock_acquire(&sched.lock);
	if (atomic_load(&sched.stopping)) {
		lock_release(&sched.lock);
		return;
	}
	lease_regain(&m->lease);
	add(&sched.lost, -1u);
	m->p = find_p(m);
	if (m->p == NULL)
		m_lie_down(m);
	bool look_again = atomic_load(&sched.lost) == 0 && sched_claim_poller_wake();
	lock_release(&sched.lock);
	if (look_again)
		poll_interrupt();
	if (m->p != NULL)
		sysmon_rouse();
	else
		m_sleep(m);
}
