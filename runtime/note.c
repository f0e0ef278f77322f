/* SPDX-License-Identifier: MIT
 *
 * note: a word that goes from 0 to 1, with a futex for whoever waits for that.
 */
#include "runtime/note.h"

#include "runtime/base.h"
#include "runtime/clock.h"
#include "runtime/futex.h"

void note_sleep(struct note *n)
{
	while (atomic_load_explicit(&n->woken, memory_order_acquire) == 0)
		futex_wait(&n->woken, 0, NEVER);
}

bool note_sleep_until(struct note *n, int64_t deadline_ns)
{
	while (atomic_load_explicit(&n->woken, memory_order_acquire) == 0) {
		if (clock_now() >= deadline_ns)
			return false;
		futex_wait(&n->woken, 0, deadline_ns);
	}
	return true;
}

/* The sleeper may free the note as soon as it sees the word: the futex call then wakes nobody, or one that looks again. */
void note_wake(struct note *n)
{
	atomic_store_explicit(&n->woken, 1, memory_order_release);
	futex_wake(&n->woken, 1);
}

void note_clear(struct note *n)
{
	atomic_store_explicit(&n->woken, 0, memory_order_relaxed);
}
