/* SPDX-License-Identifier: MIT */
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/mutex.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

struct shared {
	struct mutex mutex;
	struct waitgroup wg;
	int n, rounds;
	int order[16], ordered;
	bool stop;
};

static void add_many(struct shared *s)
{
	for (int i = 0; i < s->rounds; i++) {
		mutex_lock(&s->mutex);
		int n = s->n;
		if (i % 64 == 0)
			goroutine_yield(); /* held across a park */
		s->n = n + 1;
		mutex_unlock(&s->mutex);
	}
	waitgroup_done(&s->wg);
}

TEST_GO(mutex_excludes)
{
	enum {
		N = 10
	};
	struct shared s = { .rounds = 2000 };
	waitgroup_add(&s.wg, N);
	for (int i = 0; i < N; i++)
		go(add_many, &s);
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.n, N * s.rounds);
}

TEST_GO(mutex_zero_value_is_unlocked)
{
	struct mutex m = { 0 };
	CHECK(mutex_try_lock(&m));
	CHECK(!mutex_try_lock(&m));
	mutex_unlock(&m);
	mutex_lock(&m);
	mutex_unlock(&m);
	CHECK(mutex_try_lock(&m));
	mutex_unlock(&m);
}

static void unlock_it(struct shared *s)
{
	mutex_unlock(&s->mutex);
}

TEST_GO(mutex_may_be_unlocked_by_another_goroutine)
{
	struct shared s = { .n = 0 };
	mutex_lock(&s.mutex);
	go(unlock_it, &s);
	mutex_lock(&s.mutex);
	mutex_unlock(&s.mutex);
}

TEST_GO_DIES(mutex_unlock_of_unlocked_is_fatal, "fatal error: sync: unlock of unlocked mutex")
{
	struct mutex m = { 0 };
	mutex_lock(&m);
	mutex_unlock(&m);
	mutex_unlock(&m);
}

struct turn {
	struct shared *s;
	int number;
};

static void note_turn(struct turn *t)
{
	mutex_lock(&t->s->mutex);
	t->s->order[t->s->ordered++] = t->number;
	mutex_unlock(&t->s->mutex);
	waitgroup_done(&t->s->wg);
}

TEST_GO(mutex_wakes_waiters_in_order)
{
	enum {
		N = 10
	};
	struct shared s = { .n = 0 };
	mutex_lock(&s.mutex);
	waitgroup_add(&s.wg, N);
	for (int i = 0; i < N; i++) {
		go_with(note_turn, (struct turn){ .s = &s, .number = i });
		wait_line(&s.mutex.lock, &s.mutex.line, i + 1);
	}
	mutex_unlock(&s.mutex);
	waitgroup_wait(&s.wg);
	for (int i = 0; i < N; i++)
		CHECK_EQ(s.order[i], i);
}

static void hog(struct shared *s)
{
	bool stop = false;
	while (!stop) {
		mutex_lock(&s->mutex);
		int64_t until = clock_now() + 200 * MICROSECOND;
		while (clock_now() < until)
			;
		goroutine_yield(); /* lets the others come and wait */
		stop = s->stop;
		s->n++;
		mutex_unlock(&s->mutex);
	}
	waitgroup_done(&s->wg);
}

/* Without starvation mode a hog, running as it unlocks and coming back at once, could keep us out for as long as it likes. */
TEST_GO(mutex_is_handed_to_who_has_waited_for_a_millisecond)
{
	enum {
		HOGS = 2,
		ROUNDS = 10
	};
	struct shared s = { .n = 0 };
	waitgroup_add(&s.wg, HOGS);
	for (int i = 0; i < HOGS; i++)
		go(hog, &s);
	for (int i = 0; i < ROUNDS; i++) {
		goroutine_sleep(100 * MICROSECOND);
		mutex_lock(&s.mutex);
		s.stop = i == ROUNDS - 1;
		mutex_unlock(&s.mutex);
	}
	waitgroup_wait(&s.wg);
	CHECK(mutex_try_lock(&s.mutex)); /* nothing of starvation mode is left */
	mutex_unlock(&s.mutex);
	CHECK_EQ(s.mutex.state, 0);
}

static void try_many(struct shared *s)
{
	for (int done = 0; done < s->rounds;) {
		if (!mutex_try_lock(&s->mutex)) {
			goroutine_yield();
			continue;
		}
		s->n++;
		done++;
		mutex_unlock(&s->mutex);
	}
	waitgroup_done(&s->wg);
}

TEST_GO(mutex_try_lock_excludes_beside_lock)
{
	enum {
		PAIRS = 3
	};
	struct shared s = { .rounds = 1000 };
	waitgroup_add(&s.wg, 2 * PAIRS);
	for (int i = 0; i < PAIRS; i++) {
		go(add_many, &s);
		go(try_many, &s);
	}
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.n, 2 * PAIRS * s.rounds);
}
