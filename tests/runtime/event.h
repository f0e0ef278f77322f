/* SPDX-License-Identifier: MIT
 *
 * event: the simplest use of park and ready: a place where one goroutine waits for one event, and one where it waits for the last of many.
 */
#ifndef TESTS_RUNTIME_EVENT_H
#define TESTS_RUNTIME_EVENT_H

#include <stdatomic.h>

#include "runtime/lock.h"
#include "runtime/proc.h"

struct event {
	struct lock lock;
	bool happened;
	struct g *waiter;
};

static inline void event_wait(struct event *e)
{
	lock_acquire(&e->lock);
	if (!e->happened) {
		e->waiter = g_self();
		g_park_unlock(WAIT_SEMAPHORE, &e->lock);
		lock_acquire(&e->lock);
	}
	e->happened = false;
	lock_release(&e->lock);
}

static inline void event_set(struct event *e)
{
	lock_acquire(&e->lock);
	struct g *g = e->waiter;
	e->waiter = NULL;
	e->happened = true;
	lock_release(&e->lock);
	if (g != NULL)
		g_ready(g);
}

struct countdown {
	_Atomic int left;
	struct event done;
};

static inline void count_down(struct countdown *c)
{
	if (atomic_fetch_sub(&c->left, 1) == 1)
		event_set(&c->done);
}

#endif
