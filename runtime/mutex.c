/* SPDX-License-Identifier: MIT
 *
 * mutex: one compare-and-swap when nobody contends; else a line of waiters under a lock. The policy is Go's sync.Mutex.
 *
 * Normal mode: unlock wakes the first in line, who then competes with whoever comes by; those are running already and mostly
 * win, which is fast. A woken waiter that loses goes back to the head of the line. One that has waited for more than 1 ms
 * switches to starvation mode: unlock hands the mutex over to the first in line, newcomers queue. The one who gets it
 * switches back if it is the last in line or has waited for less than 1 ms.
 *
 * state is changed without the lock only from 0 to LOCKED and back. So whoever holds the lock and has set any other bit has state
 * to himself. While the lock is free: QUEUED if and only if the line isn't empty.
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

static void set_state(struct mutex *m, uint32_t state)
{
	atomic_store_explicit(&m->state, state, memory_order_release);
}

static uint32_t queued(struct mutex *m)
{
	return waitq_empty(&m->line) ? 0 : QUEUED;
}

static bool swap(struct mutex *m, uint32_t from, uint32_t to, memory_order order)
{
	return atomic_compare_exchange_strong_explicit(&m->state, &from, to, order, memory_order_relaxed);
}

static bool is_starved(const struct mutex_waiter *w)
{
	return w->since_ns && clock_now() - w->since_ns > STARVED_NS;
}

/* One try, under the lock, by a newcomer or a woken waiter. Else w is in line. */
static bool take_or_queue(struct mutex *m, struct mutex_waiter *w)
{
	uint32_t old = atomic_fetch_or_explicit(&m->state, QUEUED, memory_order_acquire);
	if (w->woken)
		old &= ~AWAKE;
	if (!(old & LOCKED)) {
		set_state(m, LOCKED | (old & AWAKE) | queued(m));
		return true;
	}
	if (is_starved(w))
		old |= STARVING;
	if (w->woken)
		waitq_push_front(&m->line, &w->waiter);
	else
		waitq_push(&m->line, &w->waiter);
	set_state(m, old | QUEUED);
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
	if (UNLIKELY(!swap(m, 0, LOCKED, memory_order_acquire)))
		lock_slow(m);
	HAPPENS_AFTER(m);
}

bool mutex_try_lock(struct mutex *m)
{
	bool taken = swap(m, 0, LOCKED, memory_order_acquire);
	if (!taken && !(get_state(m) & LOCKED)) {
		lock_acquire(&m->lock);
		uint32_t old = atomic_fetch_or_explicit(&m->state, LOCKED, memory_order_acquire);
		taken = !(old & LOCKED);
		lock_release(&m->lock);
	}
	if (taken)
		HAPPENS_AFTER(m);
	return taken;
}

/* Under the lock. The one to wake, or NULL. */
static struct waiter *pass_on(struct mutex *m)
{
	uint32_t state = get_state(m) & ~LOCKED;
	struct waiter *first = NULL;
	if (!(state & AWAKE))
		first = waitq_pop(&m->line);
	if (!first) {
		set_state(m, state);
		return NULL;
	}
	bool owner = state & STARVING;
	CONTAINER_OF(first, struct mutex_waiter, waiter)->owner = owner;
	set_state(m, (state & STARVING) | queued(m) | (owner ? LOCKED : AWAKE));
	return first;
}

static __attribute__((noinline)) void unlock_slow(struct mutex *m)
{
	lock_acquire(&m->lock);
	if (!(get_state(m) & LOCKED)) {
		lock_release(&m->lock);
		fatal("sync: unlock of unlocked mutex");
	}
	struct waiter *woken = pass_on(m);
	lock_release(&m->lock);
	if (woken)
		g_ready(woken->g);
}

void mutex_unlock(struct mutex *m)
{
	HAPPENS_BEFORE(m);
	if (UNLIKELY(!swap(m, LOCKED, 0, memory_order_release)))
		unlock_slow(m);
}
