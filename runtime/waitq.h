/* SPDX-License-Identifier: MIT
 *
 * waitq: goroutines that wait in line, first in, first out. Internal to runtime/. Zero value ready.
 *
 * A waiter lives on the stack of the goroutine that parks; a lock of the queue's owner guards queue and waiters. Whoever
 * takes a waiter out owns it until g_ready: after that the stack that it lay on may be gone.
 * Only `first` may be looked at without the lock, to see whether somebody waits.
 */
#ifndef RUNTIME_WAITQ_H
#define RUNTIME_WAITQ_H

#include <stdatomic.h>

#include "runtime/base.h"

struct g;

struct waiter {
	struct waiter *next, *prev;
	struct g *g;
};

struct waitq {
	struct waiter *last;
	struct waiter *_Atomic first;
};

static inline struct waiter *waitq_first(struct waitq *q)
{
	return atomic_load_explicit(&q->first, memory_order_relaxed);
}

static inline void waitq_set_first(struct waitq *q, struct waiter *w)
{
	atomic_store_explicit(&q->first, w, memory_order_relaxed);
}

static inline bool waitq_empty(struct waitq *q)
{
	return waitq_first(q) == NULL;
}

static inline void waitq_push(struct waitq *q, struct waiter *w)
{
	w->next = NULL;
	w->prev = q->last;
	if (w->prev)
		w->prev->next = w;
	else
		waitq_set_first(q, w);
	q->last = w;
}

static inline void waitq_push_front(struct waitq *q, struct waiter *w)
{
	w->prev = NULL;
	w->next = waitq_first(q);
	if (w->next)
		w->next->prev = w;
	else
		q->last = w;
	waitq_set_first(q, w);
}

/* Takes w out. Nothing happens when it is out already: then it has no neighbours and isn't the first. */
static inline void waitq_remove(struct waitq *q, struct waiter *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else if (waitq_first(q) == w)
		waitq_set_first(q, w->next);
	else
		return;
	if (w->next)
		w->next->prev = w->prev;
	else
		q->last = w->prev;
	w->next = w->prev = NULL;
}

static inline struct waiter *waitq_pop(struct waitq *q)
{
	struct waiter *w = waitq_first(q);
	if (w)
		waitq_remove(q, w);
	return w;
}

#endif
