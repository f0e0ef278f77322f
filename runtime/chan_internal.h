/* SPDX-License-Identifier: MIT
 *
 * chan_internal: the inside of a channel, for chan.c, select.c and ticker.c alone.
 *
 * The lock guards everything but what is fixed at birth (cap, elem_size, destroy) and refs. closed, len and whether a queue
 * is empty may also be looked at without it. What holds whenever the lock is free, as in Go: at least one of the two queues
 * is empty, but for a select that both sends and receives here; receivers wait only while len is 0, senders only while
 * len is cap.
 *
 * chan__put and chan__take do one step under the lock. They wake nobody: the goroutine that they name is readied by the
 * caller once the lock is released, so that what wakes doesn't run into it.
 */
#ifndef RUNTIME_CHAN_INTERNAL_H
#define RUNTIME_CHAN_INTERNAL_H

#include "runtime/chan.h"
#include "runtime/lock.h"
#include "runtime/sanitizer.h"
#include "runtime/waitq.h"

struct chan {
	struct lock lock;
	_Atomic bool closed;
	size_t cap;
	uint32_t elem_size;
	_Atomic uint32_t refs; /* not in the first 16 bytes, which free() uses: see chan__lock */
	_Atomic size_t len;
	size_t head; /* the slot of the oldest element */
	struct waitq receivers, senders;
	void (*destroy)(struct chan *c); /* frees the memory that holds the channel */
	char slots[];
};

/* Finds a use of a freed one, in debug builds. Every use of a channel comes by here. */
static inline void chan__check(struct chan *c)
{
	if (IS_POISONED(c->refs))
		panic("use of a freed channel");
}

static inline void chan__lock(struct chan *c)
{
	chan__check(c);
	lock_acquire(&c->lock);
}

static inline void chan__unlock(struct chan *c)
{
	lock_release(&c->lock);
}

/* Makes a channel, with one reference, in memory of at least chan__size bytes. */
size_t chan__size(size_t capacity, size_t elem_size);
void chan__init(struct chan *c, size_t capacity, size_t elem_size, void (*destroy)(struct chan *c));

/* Under the lock: whether the value could be sent or received at once, and if so does it; *ret_wake is who must be readied
 * afterwards, or NULL. The channel of chan__put is open. */
bool chan__put(struct chan *c, const void *elem, struct g **ret_wake) MUST_USE;
bool chan__take(struct chan *c, void *ret_elem, bool *ret_ok, struct g **ret_wake) MUST_USE;

/* For the race detector: the caller has received into elem. */
static inline __attribute__((always_inline)) void chan__received(const struct chan *c,
								 const void *elem)
{
	if (elem != NULL)
		RACE_WRITE(elem, c->elem_size);
}

#endif
