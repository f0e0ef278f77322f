/* SPDX-License-Identifier: MIT
 *
 * Switch: goroutines that only give way. Ours go to the end of their processor's queue, Go's Gosched to that of the global one.
 */
#include "bench/runtime/bench.h"
#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"

struct yielder {
	int64_t n;
	struct waitgroup *wg;
};

static void yield(struct yielder *y)
{
	for (int64_t i = 0; i < y->n; i++)
		goroutine_yield();
	waitgroup_done(y->wg);
}

static void yield_among(int64_t n, int goroutines)
{
	struct waitgroup wg = { 0 };
	waitgroup_add(&wg, goroutines);
	for (int i = 0; i < goroutines; i++)
		go_with(yield, (struct yielder){ bench_share(n, i, goroutines), &wg });
	waitgroup_wait(&wg);
}

BENCH(Yield2, "a switch, two goroutines giving way to each other")
{
	yield_among(n, 2);
}

BENCH(Yield1000, "the same among 1,000")
{
	yield_among(n, 1000);
}
