/* SPDX-License-Identifier: MIT */
#include "runtime/chan.h"
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

struct turns {
	struct shared shared;
	done_chan go_on; /* the first in line holds the mutex until this is closed */
};

static void note_turn_and_hold(struct turns *t)
{
	mutex_lock(&t->shared.mutex);
	t->shared.order[t->shared.ordered++] = 0;
	chan_recv(t->go_on, NULL);
	mutex_unlock(&t->shared.mutex);
	waitgroup_done(&t->shared.wg);
}

enum {
	STARVING = 4, /* mutex.c's */
	STARVED = 8
};

/* With the mutex held: a line of goroutines that have waited for more than a millisecond, and the mode on. False when the first of
 * them was faster than we, who unlock and lock again to make it lose: then nobody waits any more. */
static bool make_starving(struct turns *t)
{
	struct shared *s = &t->shared;
	waitgroup_add(&s->wg, STARVED);
	go(note_turn_and_hold, t);
	for (int i = 1; i <= STARVED; i++) {
		wait_line(&s->mutex.lock, &s->mutex.line, i);
		if (i < STARVED)
			go_with(note_turn, (struct turn){ .s = s, .number = i });
	}
	goroutine_sleep(2 * MILLISECOND);
	mutex_unlock(&s->mutex);
	if (!mutex_try_lock(&s->mutex)) {
		chan_close(t->go_on);
		waitgroup_wait(&s->wg);
		return false;
	}
	while (!(s->mutex.state & STARVING))
		goroutine_yield();
	return true;
}

TEST_GO(mutex_in_starvation_mode_is_handed_over_in_order_and_nobody_overtakes)
{
	struct turns t;
	struct shared *s = &t.shared;
	for (bool starving = false; !starving;) {
		t = (struct turns){ .go_on = chan_make(done_chan, 0) };
		mutex_lock(&s->mutex);
		starving = make_starving(&t);
		if (!starving)
			chan_unref(t.go_on);
	}
	mutex_unlock(&s->mutex);
	CHECK(!mutex_try_lock(&s->mutex)); /* it was never free */
	CHECK(s->mutex.state & STARVING);
	chan_close(t.go_on);
	mutex_lock(&s->mutex); /* gets in line behind all of them */
	CHECK_EQ(s->ordered, STARVED);
	for (int i = 0; i < STARVED; i++)
		CHECK_EQ(s->order[i], i);
	mutex_unlock(&s->mutex);
	waitgroup_wait(&s->wg);
	CHECK_EQ(s->mutex.state, 0);
	chan_unref(t.go_on);
}

TEST_GO_DIES(mutex_locked_twice_is_a_deadlock, "fatal error: all goroutines are asleep - deadlock!")
{
	struct mutex m = { 0 };
	mutex_lock(&m);
	mutex_lock(&m);
}

TEST_GO_DIES(mutex_is_named_in_the_deadlock_report, "sync.Mutex.Lock")
{
	struct mutex m = { 0 };
	mutex_lock(&m);
	mutex_lock(&m);
}

TEST_GO_DIES(mutex_unlock_of_a_zero_value_is_fatal, "fatal error: sync: unlock of unlocked mutex")
{
	struct mutex m = { 0 };
	mutex_unlock(&m);
}

static void lock_and_unlock(struct shared *s)
{
	mutex_lock(&s->mutex);
	mutex_unlock(&s->mutex);
	waitgroup_done(&s->wg);
}

TEST_GO(mutex_try_lock_fails_while_another_holds_it)
{
	struct shared s = { .n = 0 };
	mutex_lock(&s.mutex);
	waitgroup_add(&s.wg, 1);
	go(lock_and_unlock, &s);
	wait_line(&s.mutex.lock, &s.mutex.line, 1);
	for (int i = 0; i < 100; i++)
		CHECK(!mutex_try_lock(&s.mutex));
	mutex_unlock(&s.mutex);
	waitgroup_wait(&s.wg);
	CHECK(mutex_try_lock(&s.mutex));
	mutex_unlock(&s.mutex);
}
