/* SPDX-License-Identifier: MIT
 *
 * What the locks, once, cond, the waitgroup and the semaphore order, as Go's package sync documents it, and what they don't.
 */
#include "runtime/cond.h"
#include "runtime/lock.h"
#include "runtime/mutex.h"
#include "runtime/once.h"
#include "runtime/rwmutex.h"
#include "runtime/sema.h"
#include "runtime/waitgroup.h"
#include "tests/race/race.h"

static void settle(void)
{
	for (int i = 0; i < 200; i++)
		goroutine_yield();
}

/* --- mutex --- */

static struct mutex mutex;

static void locked_first(void *arg)
{
	(void)arg;
	mutex_lock(&mutex);
	first();
	goroutine_yield();
	mutex_unlock(&mutex);
	step();
}

TEST_GO(unlock_happens_before_the_next_lock)
{
	for (int i = 0; i < 10; i++)
		go(locked_first, NULL);
	mutex_lock(&mutex);
	second();
	mutex_unlock(&mutex);
	await(10);
}

TEST_GO(unlock_happens_before_a_try_that_locks)
{
	go(locked_first, NULL);
	await(1);
	CHECK(mutex_try_lock(&mutex));
	second();
	mutex_unlock(&mutex);
}

static void unlock_and_first(void *arg)
{
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
	do_first(arg);
}

RACE(what_follows_unlock_is_not_ordered)
{
	go(unlock_and_first, NULL);
	await(1);
	mutex_lock(&mutex);
	second();
}

static void first_and_lock(void *arg)
{
	mutex_lock(&mutex);
	do_first(arg);
	await(2);
	mutex_unlock(&mutex);
}

RACE(a_try_that_finds_the_mutex_locked_orders_nothing)
{
	go(first_and_lock, NULL);
	await(1);
	CHECK(!mutex_try_lock(&mutex));
	second();
}

/* --- rwmutex --- */

static struct rwmutex rwmutex;

static void write_first(void *arg)
{
	(void)arg;
	rwmutex_lock(&rwmutex);
	first();
	goroutine_yield();
	rwmutex_unlock(&rwmutex);
	step();
}

static void read_first(void *arg)
{
	(void)arg;
	rwmutex_read_lock(&rwmutex);
	first();
	goroutine_yield();
	rwmutex_read_unlock(&rwmutex);
	step();
}

TEST_GO(writers_are_ordered)
{
	for (int i = 0; i < 10; i++)
		go(write_first, NULL);
	await(10);
}

TEST_GO(a_reader_comes_after_the_writer_before_it)
{
	go(write_first, NULL);
	await(1);
	rwmutex_read_lock(&rwmutex);
	second();
	rwmutex_read_unlock(&rwmutex);
}

TEST_GO(a_reader_that_waits_comes_after_the_writer)
{
	go(write_first, NULL);
	goroutine_yield();
	rwmutex_read_lock(&rwmutex);
	second();
	rwmutex_read_unlock(&rwmutex);
	await(1);
}

TEST_GO(a_writer_comes_after_the_readers_before_it)
{
	go(read_first, NULL);
	await(1);
	rwmutex_lock(&rwmutex);
	second();
	rwmutex_unlock(&rwmutex);
}

TEST_GO(a_writer_that_waits_comes_after_the_readers)
{
	go(read_first, NULL);
	goroutine_yield();
	rwmutex_lock(&rwmutex);
	second();
	rwmutex_unlock(&rwmutex);
	await(1);
}

RACE(readers_are_not_ordered)
{
	go(read_first, NULL);
	await(1);
	rwmutex_read_lock(&rwmutex);
	second();
}

/* --- once --- */

static struct once once;

static void make_first(void *arg)
{
	(void)arg;
	first();
	goroutine_yield();
}

static void do_once(void *arg)
{
	once_do(&once, make_first, arg);
	step();
}

TEST_GO(the_one_call_happens_before_every_return)
{
	go(do_once, NULL);
	await(1);
	once_do(&once, make_first, NULL);
	second();
}

TEST_GO(the_one_call_happens_before_the_return_of_one_who_waits)
{
	go(do_once, NULL);
	goroutine_yield();
	once_do(&once, make_first, NULL);
	second();
	await(1);
}

RACE(who_does_not_call_once_is_not_ordered)
{
	go(do_once, NULL);
	await(1);
	second();
}

/* --- cond --- */

static struct cond cond;

static void wait_and_second(void *arg)
{
	mutex_lock(&mutex);
	step();
	cond_wait(&cond, &mutex);
	mutex_unlock(&mutex);
	do_second_after_1(arg);
}

/* Gives when somebody waits. */
static void await_waiter(void)
{
	await(1);
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
}

TEST_GO(signal_happens_before_the_return_of_the_wait)
{
	go(wait_and_second, NULL);
	await_waiter();
	first();
	cond_signal(&cond);
	await(2);
}

TEST_GO(broadcast_happens_before_the_return_of_the_wait)
{
	go(wait_and_second, NULL);
	await_waiter();
	first();
	cond_broadcast(&cond);
	await(2);
}

static void wait_and_second_later(void *arg)
{
	mutex_lock(&mutex);
	step();
	cond_wait(&cond, &mutex);
	mutex_unlock(&mutex);
	do_second_after_2(arg);
}

RACE(what_follows_signal_is_not_ordered)
{
	go(wait_and_second_later, NULL);
	await_waiter();
	cond_signal(&cond);
	do_first(NULL);
	await(3);
}

/* --- waitgroup --- */

static struct waitgroup group;

static void first_and_done(void *arg)
{
	(void)arg;
	first();
	waitgroup_done(&group);
}

TEST_GO(done_happens_before_the_wait_that_it_ends)
{
	waitgroup_add(&group, 1);
	go(first_and_done, NULL);
	waitgroup_wait(&group);
	second();
}

TEST_GO(done_happens_before_a_wait_that_finds_all_done)
{
	waitgroup_add(&group, 1);
	go(first_and_done, NULL);
	settle();
	waitgroup_wait(&group);
	second();
}

static void done_and_first(void *arg)
{
	waitgroup_done(&group);
	do_first(arg);
}

RACE(what_follows_done_is_not_ordered)
{
	waitgroup_add(&group, 1);
	go(done_and_first, NULL);
	waitgroup_wait(&group);
	await(1);
	second();
}

static void done_after_first(void *arg)
{
	do_first(arg);
	waitgroup_done(&group);
}

RACE(the_goroutines_of_a_group_are_not_ordered)
{
	waitgroup_add(&group, 2);
	go(done_after_first, NULL);
	await(1);
	settle();
	waitgroup_done(&group);
	second();
}

static void add_and_done(void *arg)
{
	(void)arg;
	waitgroup_add(&group, 1);
	step();
	await(2);
	waitgroup_done(&group);
}

static void step_second(void *arg)
{
	(void)arg;
	settle();
	step();
}

RACE_BETWEEN(the_first_add_races_with_a_wait_that_it_is_not_ordered_with, "add_and_done",
	     "waitgroup_wait")
{
	go(add_and_done, NULL);
	await(1);
	go(step_second, NULL);
	waitgroup_wait(&group);
}

/* --- semaphore --- */

static struct sema sema;

static void first_and_release(void *arg)
{
	(void)arg;
	first();
	sema_release(&sema, 1);
}

TEST_GO(release_happens_before_an_acquire_that_waits_for_it)
{
	sema_init(&sema, 1);
	sema_acquire(&sema, 1);
	go(first_and_release, NULL);
	sema_acquire(&sema, 1);
	second();
}

TEST_GO(release_happens_before_an_acquire_that_finds_it)
{
	sema_init(&sema, 1);
	sema_acquire(&sema, 1);
	go(first_and_release, NULL);
	settle();
	CHECK(sema_try_acquire(&sema, 1));
	second();
}

TEST_GO(release_happens_before_an_acquire_that_may_be_cancelled)
{
	done_chan never = chan_make(done_chan, 0);
	sema_init(&sema, 1);
	sema_acquire(&sema, 1);
	go(first_and_release, NULL);
	CHECK_OK(sema_acquire_or(&sema, 1, never.as_rx));
	second();
	chan_unref(never);
}

static void acquire_and_first(void *arg)
{
	sema_acquire(&sema, 1);
	do_first(arg);
	await(2);
}

RACE(two_who_have_acquired_are_not_ordered)
{
	sema_init(&sema, 2);
	go(acquire_and_first, NULL);
	await(1);
	sema_acquire(&sema, 1);
	second();
}

/* --- lock, of the runtime's users --- */

static struct lock lock;

static void first_under_lock(void *arg)
{
	lock_acquire(&lock);
	first();
	lock_release(&lock);
	step();
	(void)arg;
}

TEST_GO(release_of_a_lock_happens_before_its_next_acquire)
{
	go(first_under_lock, NULL);
	await(1);
	lock_acquire(&lock);
	second();
	lock_release(&lock);
}

static void release_and_first(void *arg)
{
	lock_acquire(&lock);
	lock_release(&lock);
	do_first(arg);
}

RACE(what_follows_the_release_of_a_lock_is_not_ordered)
{
	go(release_and_first, NULL);
	await(1);
	lock_acquire(&lock);
	second();
}
