/* SPDX-License-Identifier: MIT
 *
 * waitgroup: one word with both counts, and a semaphore to wait on. The algorithm is that of Go's sync/waitgroup.go.
 */
#include "runtime/waitgroup.h"

#include "runtime/sanitizer.h"

static int32_t counter_of(uint64_t state)
{
	return (int32_t)(state >> 32);
}

static uint32_t waiters_of(uint64_t state)
{
	return (uint32_t)state;
}

void waitgroup_add(struct waitgroup *wg, int n)
{
	if (n < 0)
		HAPPENS_BEFORE(&wg->state);
	uint64_t delta = (uint64_t)(int64_t)n << 32;
	uint64_t state = atomic_fetch_add(&wg->state, delta) + delta;
	int32_t counter = counter_of(state);
	uint32_t waiters = waiters_of(state);
	if (n > 0 && counter == n)
		RACE_READ(&wg->sema, 1); /* the first add must be ordered with the first wait */
	if (counter < 0)
		panic("sync: negative WaitGroup counter");
	if (waiters && n > 0 && counter == n)
		panic("sync: WaitGroup misuse: Add called concurrently with Wait");
	if (counter > 0 || !waiters)
		return;
	/* The counter has come to 0 with somebody waiting: nobody else may change the state now. */
	if (atomic_load(&wg->state) != state)
		panic("sync: WaitGroup misuse: Add called concurrently with Wait");
	atomic_store(&wg->state, 0);
	sema__release(&wg->sema, waiters);
}

void waitgroup_done(struct waitgroup *wg)
{
	waitgroup_add(wg, -1);
}

int waitgroup_count(struct waitgroup *wg)
{
	return counter_of(atomic_load(&wg->state));
}

void waitgroup_wait(struct waitgroup *wg)
{
	uint64_t state = atomic_load(&wg->state);
	do {
		if (counter_of(state) == 0) {
			HAPPENS_AFTER(&wg->state);
			return;
		}
	} while (!atomic_compare_exchange_weak(&wg->state, &state, state + 1));
	if (waiters_of(state) == 0)
		RACE_WRITE(&wg->sema, 1);
	sema__acquire(&wg->sema, 1, WAIT_WAITGROUP);
	HAPPENS_AFTER(&wg->state);
	if (atomic_load(&wg->state) != 0)
		panic("sync: WaitGroup is reused before previous Wait has returned");
}
