/* SPDX-License-Identifier: MIT */
#include "runtime/cond.h"
#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

struct shared {
	struct mutex mutex;
	struct cond changed;
	struct waitgroup wg;
	int order[16], ordered, permits;
};

struct turn {
	struct shared *s;
	int number;
};

static void wait_and_note(struct turn *t)
{
	struct shared *s = t->s;
	mutex_lock(&s->mutex);
	while (s->permits == 0)
		cond_wait(&s->changed, &s->mutex);
	s->permits--;
	s->order[s->ordered++] = t->number;
	mutex_unlock(&s->mutex);
	waitgroup_done(&s->wg);
}

static void start_waiters(struct shared *s, int n)
{
	waitgroup_add(&s->wg, n);
	for (int i = 0; i < n; i++) {
		go_with(wait_and_note, (struct turn){ .s = s, .number = i });
		wait_line(&s->changed.lock, &s->changed.line, i + 1);
	}
}

static int noted(struct shared *s)
{
	mutex_lock(&s->mutex);
	int n = s->ordered;
	mutex_unlock(&s->mutex);
	return n;
}

TEST_GO(cond_signal_wakes_one_at_a_time_in_order)
{
	enum {
		N = 8
	};
	struct shared s = { .permits = 0 };
	start_waiters(&s, N);
	for (int i = 0; i < N; i++) {
		mutex_lock(&s.mutex);
		s.permits++;
		cond_signal(&s.changed);
		mutex_unlock(&s.mutex);
		while (noted(&s) != i + 1)
			goroutine_yield();
		CHECK_EQ(line_len(&s.changed.lock, &s.changed.line), N - 1 - i);
	}
	waitgroup_wait(&s.wg);
	for (int i = 0; i < N; i++)
		CHECK_EQ(s.order[i], i);
}

TEST_GO(cond_broadcast_wakes_all)
{
	enum {
		N = 8
	};
	struct shared s = { .permits = 0 };
	start_waiters(&s, N);
	mutex_lock(&s.mutex);
	s.permits = N;
	mutex_unlock(&s.mutex);
	cond_broadcast(&s.changed);
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.ordered, N);
}

TEST_GO(cond_signal_without_waiters_is_nothing)
{
	struct cond c = { 0 };
	cond_signal(&c);
	cond_broadcast(&c);
}

struct queue {
	struct mutex mutex;
	struct cond not_empty, not_full;
	struct waitgroup wg;
	int len, produced, consumed, want;
};

enum {
	QUEUE_CAP = 3
};

static void produce(struct queue *q)
{
	mutex_lock(&q->mutex);
	while (q->produced < q->want) {
		if (q->len == QUEUE_CAP) {
			cond_wait(&q->not_full, &q->mutex);
			continue;
		}
		q->len++;
		q->produced++;
		cond_signal(&q->not_empty);
	}
	cond_broadcast(&q->not_full); /* the other producers are done too */
	mutex_unlock(&q->mutex);
	waitgroup_done(&q->wg);
}

static void consume(struct queue *q)
{
	mutex_lock(&q->mutex);
	while (q->consumed < q->want) {
		if (q->len == 0) {
			cond_wait(&q->not_empty, &q->mutex);
			continue;
		}
		q->len--;
		q->consumed++;
		cond_signal(&q->not_full);
	}
	cond_broadcast(&q->not_empty);
	mutex_unlock(&q->mutex);
	waitgroup_done(&q->wg);
}

TEST_GO(cond_makes_a_bounded_queue)
{
	enum {
		PAIRS = 4
	};
	struct queue q = { .want = 5000 };
	waitgroup_add(&q.wg, 2 * PAIRS);
	for (int i = 0; i < PAIRS; i++) {
		go(produce, &q);
		go(consume, &q);
	}
	waitgroup_wait(&q.wg);
	CHECK_EQ(q.produced, q.want);
	CHECK_EQ(q.consumed, q.want);
}

static void wait_once(struct turn *t)
{
	struct shared *s = t->s;
	mutex_lock(&s->mutex);
	cond_wait(&s->changed, &s->mutex);
	s->order[s->ordered++] = t->number; /* the mutex is ours again */
	mutex_unlock(&s->mutex);
	waitgroup_done(&s->wg);
}

TEST_GO(cond_broadcast_wakes_all_at_once_and_each_gets_the_mutex)
{
	enum {
		N = 8
	};
	struct shared s = { .permits = 0 };
	waitgroup_add(&s.wg, N);
	for (int i = 0; i < N; i++) {
		go_with(wait_once, (struct turn){ .s = &s, .number = i });
		wait_line(&s.changed.lock, &s.changed.line, i + 1);
	}
	mutex_lock(&s.mutex);
	cond_broadcast(&s.changed);
	CHECK_EQ(line_len(&s.changed.lock, &s.changed.line), 0);
	CHECK_EQ(s.ordered, 0); /* woken, but we hold the mutex */
	mutex_unlock(&s.mutex);
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.ordered, N);
}

TEST_GO(cond_wait_unlocks_while_it_waits_and_locks_before_it_returns)
{
	struct shared s = { .permits = 0 };
	waitgroup_add(&s.wg, 1);
	go_with(wait_once, (struct turn){ .s = &s });
	wait_line(&s.changed.lock, &s.changed.line, 1);
	mutex_lock(&s.mutex); /* or this would wait for ever */
	cond_signal(&s.changed);
	for (int i = 0; i < 20; i++)
		goroutine_yield();
	CHECK_EQ(s.ordered, 0);
	mutex_unlock(&s.mutex);
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.ordered, 1);
}

/* A signal wakes somebody who waits already; it isn't kept for who comes later. */
TEST_GO_DIES(cond_signal_before_the_wait_is_lost, "sync.Cond.Wait")
{
	struct shared s = { .permits = 0 };
	cond_signal(&s.changed);
	mutex_lock(&s.mutex);
	cond_wait(&s.changed, &s.mutex);
}

TEST_GO_DIES(cond_wait_without_the_mutex_is_fatal, "fatal error: sync: unlock of unlocked mutex")
{
	struct shared s = { .permits = 0 };
	cond_wait(&s.changed, &s.mutex);
}
