/* SPDX-License-Identifier: MIT
 *
 * mutex: one compare-and-swap when nobody waits; else a line of waiters under a lock. The policy is Go's sync.Mutex.
 *
 * Normal mode: unlock wakes the first in line, who then competes with whoever comes by; those are running already and mostly
 * win, which is fast. A woken waiter that loses goes back to the head of the line. One that has waited for more than 1 ms
 * switches to starvation mode: unlock hands the mutex over to the first in line, newcomers queue. The one who gets it
 * switches back if it is the last in line or has waited for less than 1 ms.
 *
 * LOCKED is set by anybody who finds it clear and cleared by the holder, without the lock. The other bits change under the lock
 * alone, in one step with what was seen of LOCKED. So the holder who has the lock too has all of state to himself. Nobody is
 * forgotten: a waiter sets QUEUED in the same step in which he sees LOCKED, and who clears LOCKED wakes one if QUEUED is set,
 * unless an AWAKE one is about to try. STARVING is never seen without LOCKED.
 */
#include "runtime/mutex.h"

#include "runtime/clock.h"
#include "runtime/proc.h"
#include "runtime/sanitizer.h"

#define LOCKED	 1u
#define QUEUED	 2u
#define STARVING 4u
#define AWAKE	 8u /* a woken waiter competes: unlock needn't wake another */

#define STARVED_NS (1 * MILLISECOND)

struct mutex_waiter {
	struct waiter waiter;
	int64_t since_ns; /* waits since then; 0 = hasn't waited yet */
	bool woken;	  /* competes, with AWAKE set for it */
	bool owner;	  /* it was handed over to us */
};

static uint32_t get_state(struct mutex *m)
{
	return atomic_load_explicit(&m->state, memory_order_relaxed);
}

/* By the holder, under the lock. */
static void set_state(struct mutex *m, uint32_t state)
{
	atomic_store_explicit(&m->state, state, memory_order_release);
}

/* *from is what is there instead when it fails. */
static bool swap(struct mutex *m, uint32_t *from, uint32_t to, memory_order order)
{
	return atomic_compare_exchange_strong_explicit(&m->state, from, to, order,
						       memory_order_relaxed);
}

static bool is_starved(const struct mutex_waiter *w)
{
	return w->since_ns && clock_now() - w->since_ns > STARVED_NS;
}

/* Setting what is set already changes nothing. (On x86 a bit test-and-set, a fifth faster than compare-and-swap.) */
static bool take_if_free(struct mutex *m)
{
	return !(atomic_fetch_or_explicit(&m->state, LOCKED, memory_order_acquire) & LOCKED);
}

/* Under the lock: takes the mutex, or gets in line. */
static bool take_or_queue(struct mutex *m, struct mutex_waiter *w)
{
	uint32_t starving = is_starved(w) ? STARVING : 0;
	uint32_t old = get_state(m), new;
	do {
		new = w->woken ? old & ~AWAKE : old;
		new |= old &LOCKED ? QUEUED | starving : LOCKED;
	} while (!swap(m, &old, new, memory_order_acquire));
	if (!(old & LOCKED))
		return true;
	if (w->woken)
		waitq_push_front(&m->line, &w->waiter);
	else
		waitq_push(&m->line, &w->waiter);
	return false;
}

/* It was handed to us in starvation mode: ends the mode if nobody else starves. */
static void settle_owner(struct mutex *m, const struct mutex_waiter *w)
{
	bool starved = is_starved(w);
	lock_acquire(&m->lock);
	if (!starved || waitq_empty(&m->line))
		set_state(m, get_state(m) & ~STARVING);
	lock_release(&m->lock);
}

static __attribute__((noinline)) void lock_slow(struct mutex *m)
{
	struct mutex_waiter w = { .waiter.g = g_self() };
	for (;;) {
		lock_acquire(&m->lock);
		if (take_or_queue(m, &w)) {
			lock_release(&m->lock);
			return;
		}
		if (!w.since_ns)
			w.since_ns = clock_now();
		g_park_unlock(WAIT_MUTEX, &m->lock);
		if (w.owner) {
			settle_owner(m, &w);
			return;
		}
		w.woken = true;
	}
}

void mutex_lock(struct mutex *m)
{
	g_give_way_if_asked();
	if (UNLIKELY(!take_if_free(m)))
		lock_slow(m);
	HAPPENS_AFTER(m);
}

bool mutex_try_lock(struct mutex *m)
{
	bool taken = take_if_free(m);
	if (taken)
		HAPPENS_AFTER(m);
	return taken;
}

/* By the holder, under the lock, with somebody in line and nobody awake. Gives the one to wake. */
static struct waiter *pass_on(struct mutex *m)
{
	uint32_t state = get_state(m);
	struct waiter *first = waitq_pop(&m->line);
	bool owner = state & STARVING;
	CONTAINER_OF(first, struct mutex_waiter, waiter)->owner = owner;
	set_state(m, (state & STARVING) | (waitq_empty(&m->line) ? 0 : QUEUED) |
			     (owner ? LOCKED : AWAKE));
	return first;
}

static void wake_first(struct mutex *m)
{
	lock_acquire(&m->lock);
	struct waiter *woken = pass_on(m);
	lock_release(&m->lock);
	g_ready(woken->g);
}

static __attribute__((noinline)) void unlock_slow(struct mutex *m, uint32_t old)
{
	do {
		if (!(old & LOCKED))
			fatal("sync: unlock of unlocked mutex");
		if (old & QUEUED && !(old & AWAKE)) {
			wake_first(m);
			return;
		}
	} while (!swap(m, &old, old & ~LOCKED, memory_order_release));
}

void mutex_unlock(struct mutex *m)
{
	HAPPENS_BEFORE(m);
	uint32_t old = LOCKED;
	if (UNLIKELY(!swap(m, &old, 0, memory_order_release)))
		unlock_slow(m, old);
}
