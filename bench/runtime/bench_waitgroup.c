/* SPDX-License-Identifier: MIT
 *
 * Waitgroup and semaphore, when nobody has to wait. (Go's semaphore is no part of its standard library: no twin.)
 */
#include "bench/runtime/bench.h"
#include "runtime/sema.h"
#include "runtime/waitgroup.h"

BENCH(WaitGroup, "add, done, wait; nobody else")
{
	struct waitgroup wg = { 0 };
	for (int64_t i = 0; i < n; i++) {
		waitgroup_add(&wg, 1);
		waitgroup_done(&wg);
		waitgroup_wait(&wg);
	}
}

BENCH(Sema, "take and give 3 of 10, nobody else")
{
	struct sema s;
	sema_init(&s, 10);
	for (int64_t i = 0; i < n; i++) {
		sema_acquire(&s, 3);
		sema_release(&s, 3);
	}
}
