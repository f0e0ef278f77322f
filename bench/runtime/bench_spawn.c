/* SPDX-License-Identifier: MIT
 *
 * Spawn: what a goroutine's birth and end cost.
 */
#include "bench/runtime/bench.h"
#include "runtime/errgroup.h"
#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"

static void done(struct waitgroup *wg)
{
	waitgroup_done(wg);
}

BENCH(SpawnJoin, "start one goroutine, wait for its end")
{
	struct waitgroup wg = { 0 };
	for (int64_t i = 0; i < n; i++) {
		waitgroup_add(&wg, 1);
		go(done, &wg);
		waitgroup_wait(&wg);
	}
}

static void storm(int64_t size)
{
	struct waitgroup wg = { 0 };
	waitgroup_add(&wg, (int)size);
	for (int64_t k = 0; k < size; k++)
		go(done, &wg);
	waitgroup_wait(&wg);
}

BENCH(Spawn100k, "start 100,000, wait for all; not the first such storm")
{
	int64_t size = bench_crowd(100000);
	if (!bench_fits(size))
		return;
	storm(size);
	bench_report_cpu();
	bench_start_timer();
	for (int64_t i = 0; i < n; i++)
		storm(size);
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

BENCH(ErrgroupLimit100, "errgroup_go, at most 100 at once")
{
	struct errgroup *g = errgroup_new(NULL);
	errgroup_set_limit(g, 100);
	for (int64_t i = 0; i < n; i++)
		errgroup_go(g, nothing, NULL);
	if (errgroup_wait(g))
		return;
}
