/* SPDX-License-Identifier: MIT */
#include "bench/runtime/bench.h"
#include "runtime/errgroup.h"
#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"

static void done(struct waitgroup *wg)
{
	waitgroup_done(wg);
}

/* Start one, wait for its end. */
BENCH(SpawnJoin)
{
	struct waitgroup wg = { 0 };
	for (int64_t i = 0; i < n; i++) {
		waitgroup_add(&wg, 1);
		go(done, &wg);
		waitgroup_wait(&wg);
	}
}

BENCH(SpawnJoin1000)
{
	struct waitgroup wg = { 0 };
	for (int64_t i = 0; i < n; i += 1000) {
		int some = n - i < 1000 ? (int)(n - i) : 1000;
		waitgroup_add(&wg, some);
		for (int k = 0; k < some; k++)
			go(done, &wg);
		waitgroup_wait(&wg);
	}
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

BENCH(ErrgroupGoLimit100)
{
	struct errgroup *g = errgroup_new(NULL);
	errgroup_set_limit(g, 100);
	for (int64_t i = 0; i < n; i++)
		errgroup_go(g, nothing, NULL);
	if (errgroup_wait(g))
		return;
}
