/* SPDX-License-Identifier: MIT
 *
 * timer: "call fn at time t", on 4-ary heaps, one a processor. No system call to set or stop one.
 *
 * fn runs on a scheduler stack: it must not park, and must be short (ready a goroutine, try a channel send, cancel). Embedded
 * in its owner's struct: the owner calls timer_stop before it frees it. timer_stop returns only when fn is not running (so that
 * the memory may go), or when it is called from fn itself: then fn may free the
 * timer after it, too.
 */
#ifndef RUNTIME_TIMER_H
#define RUNTIME_TIMER_H

#include <stdatomic.h>

#include "runtime/base.h"
#include "runtime/lock.h"
#include "runtime/sanitizer.h"

struct timer_heap;

struct timer {
	void (*fn)(struct timer *t);
	int64_t when_ns;		 /* under the heap's lock */
	struct timer_heap *_Atomic heap; /* where it is queued; NULL = not queued */
	uint32_t index;			 /* place in that heap */
	_Atomic uint32_t runs;		 /* of fn: see timer.c */
};

/* Sets fn. The timer is stopped. */
void timer_init(struct timer *t, void (*fn)(struct timer *t));

/* (Re)arms t for when_ns (absolute); in the past = as soon as possible. Any thread of the runtime. */
static inline void timer_set(struct timer *t, int64_t when_ns);

/* Disarms t; true if that kept fn from running. After return fn is not running. */
static inline bool timer_stop(struct timer *t);

/* Without edges for the race detector: for timers whose fn runs nobody's code but the runtime's. */
void timer__set(struct timer *t, int64_t when_ns);
bool timer__stop(struct timer *t);

static inline void timer_set(struct timer *t, int64_t when_ns)
{
	CALLER_HAPPENS_BEFORE(t);
	timer__set(t, when_ns);
}

static inline bool timer_stop(struct timer *t)
{
	bool kept = timer__stop(t);
	CALLER_HAPPENS_AFTER(t);
	return kept;
}

/* --- for the scheduler --- */

struct timer_entry;

/* One a processor. Entries keep their time beside the pointer, so that sifting touches no timer. */
struct timer_heap {
	struct lock
		lock; /* guards the entries, and when_ns, heap and index of the timers in them */
	struct timer_entry *entries;
	uint32_t len, cap;
	_Atomic int64_t
		first_ns; /* the earliest entry, NEVER if none; written under lock, read by any */
};

void timer_heap_init(struct timer_heap *h);

/* Runs what is due at now_ns, but not for ever: true if there may be more. On the scheduler's stack. */
bool timer_heap_run(struct timer_heap *h, int64_t now_ns);

#endif
