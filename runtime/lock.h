/* SPDX-License-Identifier: MIT
 *
 * lock: a mutex for OS threads, for critical sections of some tens of instructions that never park. Zero value ready.
 *
 * Spins a little, then sleeps on a futex. Held across a park it would stop the whole processor: goroutines that need a lock
 * across a park use runtime/mutex.h. Any thread. TSan sees acquire and release.
 */
#ifndef RUNTIME_LOCK_H
#define RUNTIME_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
	_Atomic uint32_t state; /* 0 free, 1 held, 2 held and somebody sleeps */
};

void lock_acquire(struct lock *l);
bool lock_try_acquire(struct lock *l);
void lock_release(struct lock *l);

#endif
