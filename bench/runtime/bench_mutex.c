/* SPDX-License-Identifier: MIT */
#include "bench/runtime/bench.h"
#include "runtime/goroutine.h"
#include "runtime/mutex.h"
#include "runtime/rwmutex.h"
#include "runtime/sema.h"
#include "runtime/waitgroup.h"

struct shared {
	struct mutex mutex;
	struct waitgroup wg;
	int64_t each, sum;
};

BENCH(MutexUncontended)
{
	struct mutex m = { 0 };
	for (int64_t i = 0; i < n; i++) {
		mutex_lock(&m);
		mutex_unlock(&m);
	}
}

static void add(struct shared *s)
{
	for (int64_t i = 0; i < s->each; i++) {
		mutex_lock(&s->mutex);
		s->sum++;
		mutex_unlock(&s->mutex);
	}
	waitgroup_done(&s->wg);
}

BENCH(MutexContended8)
{
	struct shared s = { .each = n / 8 + 1 };
	waitgroup_add(&s.wg, 8);
	for (int i = 0; i < 8; i++)
		go(add, &s);
	waitgroup_wait(&s.wg);
}

BENCH(RWMutexReadUncontended)
{
	struct rwmutex m = { 0 };
	for (int64_t i = 0; i < n; i++) {
		rwmutex_read_lock(&m);
		rwmutex_read_unlock(&m);
	}
}

BENCH(SemaUncontended)
{
	struct sema s;
	sema_init(&s, 10);
	for (int64_t i = 0; i < n; i++) {
		sema_acquire(&s, 3);
		sema_release(&s, 3);
	}
}
