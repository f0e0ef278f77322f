/* SPDX-License-Identifier: MIT
 *
 * note: one OS thread sleeps, another wakes it, once. The wake may come first; then the sleep returns at once. Zero value ready.
 *
 *	sleeper: note_sleep(&n); note_clear(&n);	waker: note_wake(&n);
 *
 * What the waker wrote before note_wake the sleeper sees after note_sleep. note_clear may run only when no wake is under way.
 * Never a goroutine: it would stop the processor. (Go's notes.)
 */
#ifndef RUNTIME_NOTE_H
#define RUNTIME_NOTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct note {
	_Atomic uint32_t woken;
};

void note_sleep(struct note *n);

/* As note_sleep, but at most until deadline_ns; false if nobody has woken it. */
bool note_sleep_until(struct note *n, int64_t deadline_ns);

void note_wake(struct note *n);
void note_clear(struct note *n);

#endif
