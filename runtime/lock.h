/* SPDX-License-Identifier: MIT
 *
 * lock: a mutex for OS threads, for critical sections of some tens of instructions that never park. Zero value ready.
 *
 * Spins a little, then sleeps on a futex. Held across a park it would stop the whole processor: goroutines that need a lock
 * across a park use runtime/mutex.h. Any thread. To the race detector the runtime's own locks order nothing (sanitizer.h).
 */
#ifndef RUNTIME_LOCK_H
#define RUNTIME_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/sanitizer.h"

struct lock {
	_Atomic uint32_t state; /* 0 free, 1 held, 2 held and somebody sleeps */
};

void lock__acquire(struct lock *l);
bool lock__try_acquire(struct lock *l);
void lock__release(struct lock *l);

static inline void lock_acquire(struct lock *l)
{
	lock__acquire(l);
	CALLER_HAPPENS_AFTER(l);
}

static inline bool lock_try_acquire(struct lock *l)
{
	bool taken = lock__try_acquire(l);
	if (taken)
		CALLER_HAPPENS_AFTER(l);
	return taken;
}

static inline void lock_release(struct lock *l)
{
	CALLER_HAPPENS_BEFORE(l);
	lock__release(l);
}

#endif
