/* SPDX-License-Identifier: MIT
 *
 * cond: a line and its lock. The waiter stands in line before it unlocks the mutex, so no signal sent after that is lost.
 */
#include "runtime/cond.h"

#include "runtime/proc.h"
#include "runtime/sanitizer.h"

void cond_wait(struct cond *c, struct mutex *m)
{
	struct waiter w = { .g = g_self() };
	lock_acquire(&c->lock);
	waitq_push(&c->line, &w);
	mutex_unlock(m);
	g_park_unlock(WAIT_COND, &c->lock);
	HAPPENS_AFTER(&w);
	mutex_lock(m);
}

void cond_signal(struct cond *c)
{
	lock_acquire(&c->lock);
	struct waiter *w = waitq_pop(&c->line);
	lock_release(&c->lock);
	if (w == NULL)
		return;
	HAPPENS_BEFORE(w);
	g_ready(w->g);
}

void cond_broadcast(struct cond *c)
{
	lock_acquire(&c->lock);
	struct waitq all = c->line;
	c->line = (struct waitq){ 0 };
	lock_release(&c->lock);
	for (struct waiter *w; (w = waitq_pop(&all)) != NULL;) {
		HAPPENS_BEFORE(w);
		g_ready_tail(w->g);
	}
}
