/* SPDX-License-Identifier: MIT
 *
 * waitgroup: waits for a number of goroutines to be done. Go's sync.WaitGroup. Zero value ready.
 *
 *	struct waitgroup wg = { 0 };
 *	for (int i = 0; i < 10; i++) {
 *		waitgroup_add(&wg, 1);		// before the goroutine starts
 *		go(work, &wg);			// calls waitgroup_done at its end
 *	}
 *	waitgroup_wait(&wg);
 *
 * May be used again once every wait has returned; then its memory may go as well: the last done touches it no more.
 */
#ifndef RUNTIME_WAITGROUP_H
#define RUNTIME_WAITGROUP_H

#include "runtime/sema.h"

struct waitgroup {
	_Atomic uint64_t state; /* the counter in the high half, how many wait in the low one */
	struct sema sema;
};

/* Panics with "sync: negative WaitGroup counter", or "sync: WaitGroup misuse: ..." when it races with a wait. */
void waitgroup_add(struct waitgroup *wg, int n);
void waitgroup_done(struct waitgroup *wg);

/* The counter now. Any thread. */
int waitgroup_count(struct waitgroup *wg);

/* Parks until the counter is 0. */
void waitgroup_wait(struct waitgroup *wg);

#endif
