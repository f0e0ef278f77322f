/* SPDX-License-Identifier: MIT
 *
 * timer: 4-ary heaps, indexed: each timer knows its place, so that stopping takes O(log n) and no search.
 *
 * A timer's owner is the heap in t->heap, and only under that heap's lock does t->heap change: from NULL to h under h's lock by compare-and-swap
 * (two threads may set the same timer at once), to NULL under h's lock. Whoever wants to change a queued timer reads t->heap, takes
 * that lock, and looks again. fn runs without any lock; t->runs counts that, so that timer_stop can wait for its end.
 *
 * Nobody needs waking for a timer set by a running m: it looks at all heaps before it sleeps. Only when the poller sleeps meanwhile (set by
 * a thread without a p) is it woken. Either the poller sees the new first_ns, or the setter sees poller_until: both publish, fence, look.
 */
#include "runtime/timer.h"

#include <sched.h>
#include <stdlib.h>

#include "runtime/sched.h"

#define ARITY 4u
#define RUN_MAX \
	256 /* then goroutines have their turn: timers may be due again as soon as they have fired */

/* t->runs: how many threads are in fn, and, above that, how many runs there were. */
#define RUN_BEGINS 0x10001u
#define RUN_ENDS   0x1u
#define RUNNING	   0xffffu

struct timer_entry {
	int64_t when_ns;
	struct timer *timer;
};

void timer_heap_init(struct timer_heap *h)
{
	atomic_store(&h->first_ns, NEVER);
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .fn = fn };
}

static void place(struct timer_heap *h, uint32_t i, struct timer_entry e)
{
	h->entries[i] = e;
	e.timer->index = i;
}

static void sift_up(struct timer_heap *h, uint32_t i, struct timer_entry e)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / ARITY;
		if (h->entries[parent].when_ns <= e.when_ns)
			break;
		place(h, i, h->entries[parent]);
		i = parent;
	}
	place(h, i, e);
}

static uint32_t earliest_child(const struct timer_heap *h, uint32_t i)
{
	uint32_t best = i * ARITY + 1;
	uint32_t end = best + ARITY < h->len ? best + ARITY : h->len;
	for (uint32_t child = best + 1; child < end; child++)
		if (h->entries[child].when_ns < h->entries[best].when_ns)
			best = child;
	return best;
}

static void sift_down(struct timer_heap *h, uint32_t i, struct timer_entry e)
{
	while (i * ARITY + 1 < h->len) {
		uint32_t child = earliest_child(h, i);
		if (h->entries[child].when_ns >= e.when_ns)
			break;
		place(h, i, h->entries[child]);
		i = child;
	}
	place(h, i, e);
}

static void publish_first(struct timer_heap *h)
{
	int64_t first = h->len > 0 ? h->entries[0].when_ns : NEVER;
	if (first != atomic_load_explicit(&h->first_ns, memory_order_relaxed))
		atomic_store_explicit(&h->first_ns, first, memory_order_release);
}

static void heap_insert(struct timer_heap *h, struct timer *t, int64_t when_ns)
{
	if (h->len == h->cap) {
		h->cap = h->cap > 0 ? h->cap * 2 : 64;
		HIDDEN_BEGIN();
		h->entries = realloc(h->entries, h->cap * sizeof(*h->entries));
		HIDDEN_END();
		if (h->entries == NULL)
			fatal("out of memory: %u timers", h->cap);
	}
	t->when_ns = when_ns;
	sift_up(h, h->len++, (struct timer_entry){ when_ns, t });
	publish_first(h);
}

static void heap_move(struct timer_heap *h, struct timer *t, int64_t when_ns)
{
	bool later = when_ns > t->when_ns;
	t->when_ns = when_ns;
	(later ? sift_down : sift_up)(h, t->index, (struct timer_entry){ when_ns, t });
	publish_first(h);
}

static void heap_remove(struct timer_heap *h, struct timer *t)
{
	uint32_t i = t->index;
	struct timer_entry last = h->entries[--h->len];
	if (last.timer != t) {
		if (last.when_ns > t->when_ns)
			sift_down(h, i, last);
		else
			sift_up(h, i, last);
	}
	atomic_store_explicit(&t->heap, NULL, memory_order_release);
	publish_first(h);
}

/* The heap that t is queued in, locked; or NULL. */
static struct timer_heap *lock_heap_of(struct timer *t)
{
	for (;;) {
		struct timer_heap *h = atomic_load_explicit(&t->heap, memory_order_acquire);
		if (h == NULL)
			return NULL;
		lock_acquire(&h->lock);
		if (atomic_load_explicit(&t->heap, memory_order_relaxed) == h)
			return h;
		lock_release(&h->lock);
	}
}

/* A thread without a p uses the first one's heap. No m_enter: a p that is being taken meanwhile still has its heap. */
static struct timer_heap *own_heap(void)
{
	struct m *m = m_self();
	return m != NULL && m->p != NULL ? &m->p->timers : &sched.p[0].timers;
}

/* t claimed for the own heap, locked; or NULL if somebody else has queued it meanwhile. */
static struct timer_heap *claim(struct timer *t)
{
	struct timer_heap *h = own_heap(), *nobody = NULL;
	lock_acquire(&h->lock);
	if (atomic_compare_exchange_strong_explicit(&t->heap, &nobody, h, memory_order_acq_rel,
						    memory_order_relaxed))
		return h;
	lock_release(&h->lock);
	return NULL;
}

void timer__set(struct timer *t, int64_t when_ns)
{
	struct timer_heap *h;
	for (;;) {
		if ((h = lock_heap_of(t)) != NULL) {
			heap_move(h, t, when_ns);
			break;
		}
		if ((h = claim(t)) != NULL) {
			heap_insert(h, t, when_ns);
			break;
		}
	}
	bool first = h->entries[0].timer == t;
	lock_release(&h->lock);
	if (first)
		sched_poll_before(when_ns);
}

static void end_run(struct m *m, struct timer *t)
{
	HAPPENS_BEFORE(t);
	m->timer = NULL;
	atomic_fetch_sub_explicit(&t->runs, RUN_ENDS, memory_order_release);
}

/* Gives t->runs as it was when fn was not running. From fn itself: this run counts as ended now, so that fn may free the timer; one before
 * it that has set the timer anew may still be about to return, on another thread. */
static uint32_t wait_while_running(struct timer *t)
{
	struct m *m = m_self();
	if (UNLIKELY(m != NULL && m->timer == t))
		end_run(m, t);
	uint32_t runs;
	while (UNLIKELY(((runs = atomic_load_explicit(&t->runs, memory_order_acquire)) & RUNNING) !=
			0))
		sched_yield();
	return runs;
}

/* fn may have set the timer anew before it ended, and that may have been taken to run, again: only when t was out of its heap and no run has begun
 * since the last one was seen to have ended is it over. */
bool timer__stop(struct timer *t)
{
	bool kept = false;
	uint32_t runs;
	do {
		struct timer_heap *h = lock_heap_of(t);
		if (h != NULL) {
			heap_remove(h, t);
			lock_release(&h->lock);
			kept = true;
		}
		runs = wait_while_running(t);
	} while (UNLIKELY(atomic_load_explicit(&t->heap, memory_order_acquire) != NULL ||
			  atomic_load_explicit(&t->runs, memory_order_relaxed) != runs));
	return kept;
}

/* Takes the first timer if it is due. The run begins before the timer is out of its heap: who sees that sees this. */
static struct timer *pop_due(struct timer_heap *h, int64_t now_ns)
{
	struct timer *t = NULL;
	lock_acquire(&h->lock);
	if (h->len > 0 && h->entries[0].when_ns <= now_ns) {
		t = h->entries[0].timer;
		atomic_fetch_add_explicit(&t->runs, RUN_BEGINS, memory_order_relaxed);
		heap_remove(h, t);
	}
	lock_release(&h->lock);
	return t;
}

bool timer_heap_run(struct timer_heap *h, int64_t now_ns)
{
	struct m *m = m_self();
	struct timer *t;
	for (int left = RUN_MAX; atomic_load_explicit(&h->first_ns, memory_order_relaxed) <= now_ns;
	     left--) {
		if (left == 0)
			return true;
		if ((t = pop_due(h, now_ns)) == NULL)
			break;
		m->timer = t;
		sched_count(m->p, COUNT_timers_fired, 1);
		HAPPENS_AFTER(t);
		t->fn(t);
		if (m->timer == t)
			end_run(m, t);
	}
	return false;
}
