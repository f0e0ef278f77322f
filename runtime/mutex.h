/* SPDX-License-Identifier: MIT
 *
 * mutex: a lock for goroutines, which may be held across a park. Go's sync.Mutex. Zero value ready.
 *
 *	struct mutex m = { 0 };
 *	mutex_lock(&m);
 *	...
 *	mutex_unlock(&m);
 *
 * Not owned: another goroutine may unlock. Not recursive. Unlocking an unlocked one ends the process: "sync: unlock of unlocked
 * mutex". Who has waited for more than 1 ms gets it in turn; before that a running goroutine may take it first.
 */
#ifndef RUNTIME_MUTEX_H
#define RUNTIME_MUTEX_H

#include "runtime/base.h"
#include "runtime/lock.h"
#include "runtime/waitq.h"

struct mutex {
	_Atomic uint32_t state;
	struct lock lock;
	struct waitq line;
};

void mutex_lock(struct mutex *m); /* Parks. */
bool mutex_try_lock(struct mutex *m) MUST_USE;
void mutex_unlock(struct mutex *m);

#endif
