/* SPDX-License-Identifier: MIT
 *
 * Mutexes, alone and among goroutines that want the same one.
 */
#include "bench/runtime/bench.h"
#include "runtime/goroutine.h"
#include "runtime/mutex.h"
#include "runtime/rwmutex.h"
#include "runtime/waitgroup.h"

struct adder {
	struct mutex *mutex;
	int64_t *sum;
	int64_t n;
	struct waitgroup *wg;
};

BENCH(Mutex, "lock and unlock, nobody else")
{
	struct mutex m = { 0 };
	for (int64_t i = 0; i < n; i++) {
		mutex_lock(&m);
		mutex_unlock(&m);
	}
}

static void add(struct adder *a)
{
	for (int64_t i = 0; i < a->n; i++) {
		mutex_lock(a->mutex);
		++*a->sum;
		mutex_unlock(a->mutex);
	}
	waitgroup_done(a->wg);
}

static void add_among(int64_t n, int goroutines)
{
	struct mutex m = { 0 };
	int64_t sum = 0;
	struct waitgroup wg = { 0 };
	bench_report_cpu();
	waitgroup_add(&wg, goroutines);
	for (int i = 0; i < goroutines; i++)
		go_with(add, (struct adder){ &m, &sum, bench_share(n, i, goroutines), &wg });
	waitgroup_wait(&wg);
}

BENCH(MutexContended2, "lock, add, unlock; two goroutines")
{
	add_among(n, 2);
}

BENCH(MutexContended8, "the same, eight goroutines")
{
	add_among(n, 8);
}

BENCH(RWMutexRead, "read lock and unlock, nobody else")
{
	struct rwmutex m = { 0 };
	for (int64_t i = 0; i < n; i++) {
		rwmutex_read_lock(&m);
		rwmutex_read_unlock(&m);
	}
}

struct reader {
	struct rwmutex *mutex;
	int64_t n;
	struct waitgroup *wg;
};

static void read_often(struct reader *r)
{
	for (int64_t i = 0; i < r->n; i++) {
		rwmutex_read_lock(r->mutex);
		rwmutex_read_unlock(r->mutex);
	}
	waitgroup_done(r->wg);
}

BENCH(RWMutexRead8, "read lock and unlock, eight readers")
{
	struct rwmutex m = { 0 };
	struct waitgroup wg = { 0 };
	bench_report_cpu();
	waitgroup_add(&wg, 8);
	for (int i = 0; i < 8; i++)
		go_with(read_often, (struct reader){ &m, bench_share(n, i, 8), &wg });
	waitgroup_wait(&wg);
}
