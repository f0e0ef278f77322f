/* SPDX-License-Identifier: MIT
 *
 * cond: wait until something that a mutex guards has changed. Go's sync.Cond. Zero value ready.
 *
 *	mutex_lock(&m);
 *	while (!ready)
 *		cond_wait(&c, &m);
 *	...
 *	mutex_unlock(&m);
 *
 * Woken in the order of waiting, never without a signal; but another may have taken the mutex before: hence the loop.
 */
#ifndef RUNTIME_COND_H
#define RUNTIME_COND_H

#include "runtime/lock.h"
#include "runtime/mutex.h"
#include "runtime/waitq.h"

struct cond {
	struct lock lock;
	struct waitq line;
};

/* Unlocks m, parks until signalled, locks m again. */
void cond_wait(struct cond *c, struct mutex *m);

/* Wakes the one who has waited longest, if any; or all. The caller may hold the mutex or not. */
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

#endif
