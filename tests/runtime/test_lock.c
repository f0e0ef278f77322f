/* SPDX-License-Identifier: MIT
 *
 * Tests of lock.c, note.c and rand.c, on plain threads.
 */
#include <pthread.h>

#include "runtime/base.h"
#include "runtime/clock.h"
#include "runtime/lock.h"
#include "runtime/note.h"
#include "runtime/rand.h"
#include "tests/harness.h"

enum {
	THREADS = 4,
	ROUNDS = 50000
};

static struct lock lock;
static int64_t counter;

static void *increment(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		lock_acquire(&lock);
		counter++;
		lock_release(&lock);
	}
	return NULL;
}

TEST(lock_excludes_threads)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, increment, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(counter, (int64_t)THREADS * ROUNDS);
}

TEST(try_acquire_fails_while_held)
{
	struct lock l = { 0 };
	CHECK(lock_try_acquire(&l));
	CHECK(!lock_try_acquire(&l));
	lock_release(&l);
	CHECK(lock_try_acquire(&l));
}

TEST(note_woken_before_the_sleep_does_not_sleep)
{
	struct note n = { 0 };
	note_wake(&n);
	note_sleep(&n);
	note_clear(&n);
	CHECK(!note_sleep_until(&n, clock_now() + MILLISECOND));
	note_wake(&n);
	CHECK(note_sleep_until(&n, NEVER));
}

struct relay {
	struct note there, back;
};

static void *bounce(void *arg)
{
	struct relay *r = arg;
	for (int i = 0; i < 5000; i++) {
		note_sleep(&r->there);
		note_clear(&r->there);
		note_wake(&r->back);
	}
	return NULL;
}

TEST(notes_lose_no_wakeups)
{
	struct relay r = { 0 };
	pthread_t thread;
	CHECK_EQ(pthread_create(&thread, NULL, bounce, &r), 0);
	for (int i = 0; i < 5000; i++) {
		note_wake(&r.there);
		note_sleep(&r.back);
		note_clear(&r.back);
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST(rand_below_stays_below_and_reaches_all)
{
	int seen[7] = { 0 };
	for (int i = 0; i < 7000; i++) {
		uint32_t n = rand_below(7);
		CHECK_LT(n, 7);
		seen[n]++;
	}
	for (int i = 0; i < 7; i++)
		CHECK_LT(700, seen[i]);
}

TEST(the_same_seed_gives_the_same_sequence)
{
	rand_seed(5);
	uint64_t a = rand_u64(), b = rand_u64();
	rand_seed(5);
	CHECK_EQ(rand_u64(), a);
	CHECK_EQ(rand_u64(), b);
	CHECK_NE(a, b);
}

TEST_DIES(panic_prints_its_message, "panic: cannot be: 42")
{
	panic("cannot be: %d", 42);
}

TEST_DIES(fatal_prints_its_message, "fatal error: no way")
{
	fatal("no way");
}
