/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>

#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/rwmutex.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

struct shared {
	struct rwmutex mutex;
	struct waitgroup wg;
	_Atomic int readers, writers, most_readers;
	int n, rounds;
	done_chan inside, leave;
};

static void read_many(struct shared *s)
{
	for (int i = 0; i < s->rounds; i++) {
		rwmutex_read_lock(&s->mutex);
		atomic_fetch_add(&s->readers, 1);
		CHECK_EQ(s->writers, 0);
		int n = s->n;
		if (i % 16 == 0)
			goroutine_yield();
		CHECK_EQ(s->n, n);
		atomic_fetch_sub(&s->readers, 1);
		rwmutex_read_unlock(&s->mutex);
	}
	waitgroup_done(&s->wg);
}

static void write_many(struct shared *s)
{
	for (int i = 0; i < s->rounds; i++) {
		rwmutex_lock(&s->mutex);
		CHECK_EQ(atomic_fetch_add(&s->writers, 1), 0);
		CHECK_EQ(s->readers, 0);
		int n = s->n;
		if (i % 16 == 0)
			goroutine_yield();
		s->n = n + 1;
		atomic_fetch_sub(&s->writers, 1);
		rwmutex_unlock(&s->mutex);
	}
	waitgroup_done(&s->wg);
}

TEST_GO(rwmutex_excludes_writers_from_all_and_readers_from_writers)
{
	enum {
		READERS = 8,
		WRITERS = 3
	};
	struct shared s = { .rounds = 1000 };
	waitgroup_add(&s.wg, READERS + WRITERS);
	for (int i = 0; i < READERS; i++)
		go(read_many, &s);
	for (int i = 0; i < WRITERS; i++)
		go(write_many, &s);
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.n, WRITERS * s.rounds);
	CHECK(rwmutex_try_lock(&s.mutex));
	rwmutex_unlock(&s.mutex);
}

static void read_inside(struct shared *s)
{
	rwmutex_read_lock(&s->mutex);
	chan_send(s->inside, NOTHING);
	chan_recv(s->leave, NULL);
	rwmutex_read_unlock(&s->mutex);
	waitgroup_done(&s->wg);
}

static void write_once(struct shared *s)
{
	rwmutex_lock(&s->mutex);
	chan_send(s->inside, NOTHING);
	chan_recv(s->leave, NULL);
	rwmutex_unlock(&s->mutex);
	waitgroup_done(&s->wg);
}

TEST_GO(rwmutex_lets_many_readers_in)
{
	enum {
		N = 5
	};
	struct shared s = { .inside = chan_make(done_chan, 0), .leave = chan_make(done_chan, 0) };
	waitgroup_add(&s.wg, N);
	for (int i = 0; i < N; i++)
		go(read_inside, &s);
	for (int i = 0; i < N; i++)
		CHECK(chan_recv(s.inside, NULL)); /* all are inside at once */
	CHECK(!rwmutex_try_lock(&s.mutex));
	CHECK(rwmutex_try_read_lock(&s.mutex));
	rwmutex_read_unlock(&s.mutex);
	chan_close(s.leave);
	waitgroup_wait(&s.wg);
	chan_unref(s.inside);
	chan_unref(s.leave);
}

TEST_GO(rwmutex_waiting_writer_keeps_new_readers_out)
{
	struct shared s = { .inside = chan_make(done_chan, 0), .leave = chan_make(done_chan, 0) };
	waitgroup_add(&s.wg, 3);
	go(read_inside, &s);
	CHECK(chan_recv(s.inside, NULL));
	go(write_once, &s);
	wait_line(&s.mutex.may_write.lock, &s.mutex.may_write.line, 1);
	CHECK(!rwmutex_try_read_lock(&s.mutex));
	go(read_inside, &s);
	wait_line(&s.mutex.may_read.lock, &s.mutex.may_read.line, 1);

	chan_send(s.leave, NOTHING);	  /* the first reader goes: */
	CHECK(chan_recv(s.inside, NULL)); /* the writer is next, */
	CHECK_EQ(line_len(&s.mutex.may_read.lock, &s.mutex.may_read.line), 1);
	chan_send(s.leave, NOTHING);
	CHECK(chan_recv(s.inside, NULL)); /* and then the second reader */
	chan_send(s.leave, NOTHING);
	waitgroup_wait(&s.wg);
	chan_unref(s.inside);
	chan_unref(s.leave);
}

TEST_GO_DIES(rwmutex_read_unlock_of_unlocked_is_fatal,
	     "fatal error: sync: RUnlock of unlocked RWMutex")
{
	struct rwmutex m = { 0 };
	rwmutex_read_unlock(&m);
}

TEST_GO_DIES(rwmutex_unlock_of_unlocked_is_fatal, "fatal error: sync: Unlock of unlocked RWMutex")
{
	struct rwmutex m = { 0 };
	rwmutex_unlock(&m);
}

TEST_GO_DIES(rwmutex_unlock_of_read_locked_is_fatal,
	     "fatal error: sync: Unlock of unlocked RWMutex")
{
	struct rwmutex m = { 0 };
	rwmutex_read_lock(&m);
	rwmutex_unlock(&m);
}

TEST_GO(rwmutex_zero_value_is_unlocked_and_tries_tell)
{
	struct rwmutex m = { 0 };
	CHECK(rwmutex_try_read_lock(&m));
	CHECK(rwmutex_try_read_lock(&m));
	CHECK(!rwmutex_try_lock(&m));
	rwmutex_read_unlock(&m);
	CHECK(!rwmutex_try_lock(&m));
	rwmutex_read_unlock(&m);
	CHECK(rwmutex_try_lock(&m));
	CHECK(!rwmutex_try_lock(&m));
	CHECK(!rwmutex_try_read_lock(&m));
	rwmutex_unlock(&m);
	CHECK(rwmutex_try_read_lock(&m));
	rwmutex_read_unlock(&m);
}

/* Those who came while one wrote go before the next writer: writers don't starve readers. */
TEST_GO(rwmutex_waiting_readers_go_before_the_next_writer)
{
	enum {
		READERS = 4
	};
	struct shared s = { .inside = chan_make(done_chan, 0), .leave = chan_make(done_chan, 0) };
	rwmutex_lock(&s.mutex);
	waitgroup_add(&s.wg, READERS + 1);
	go(write_once, &s);
	wait_line(&s.mutex.writers.lock, &s.mutex.writers.line, 1);
	for (int i = 0; i < READERS; i++)
		go(read_inside, &s);
	wait_line(&s.mutex.may_read.lock, &s.mutex.may_read.line, READERS);

	rwmutex_unlock(&s.mutex);
	for (int i = 0; i < READERS; i++)
		CHECK(chan_recv(s.inside,
				NULL)); /* all the readers are inside, so not the writer */
	wait_line(&s.mutex.may_write.lock, &s.mutex.may_write.line, 1);
	for (int i = 0; i < READERS; i++)
		chan_send(s.leave, NOTHING);
	CHECK(chan_recv(s.inside, NULL)); /* the writer */
	chan_send(s.leave, NOTHING);
	waitgroup_wait(&s.wg);
	chan_unref(s.inside);
	chan_unref(s.leave);
}

static void unlock_it(struct shared *s)
{
	rwmutex_unlock(&s->mutex);
}

TEST_GO(rwmutex_may_be_unlocked_by_another_goroutine)
{
	struct shared s = { .n = 0 };
	rwmutex_lock(&s.mutex);
	go(unlock_it, &s);
	rwmutex_read_lock(&s.mutex);
	rwmutex_read_unlock(&s.mutex);
}

/* Why read locks must not be nested: the second waits for the writer, who waits for the first. */
TEST_GO_DIES(rwmutex_nested_read_lock_under_a_writer_is_a_deadlock,
	     "fatal error: all goroutines are asleep - deadlock!")
{
	struct shared s = { .n = 0 };
	waitgroup_add(&s.wg, 1);
	rwmutex_read_lock(&s.mutex);
	go(write_once, &s);
	wait_line(&s.mutex.may_write.lock, &s.mutex.may_write.line, 1);
	rwmutex_read_lock(&s.mutex);
}

TEST_GO_DIES(rwmutex_readers_are_named_in_the_deadlock_report, "sync.RWMutex.RLock")
{
	struct rwmutex m = { 0 };
	rwmutex_lock(&m);
	rwmutex_read_lock(&m);
}

TEST_GO_DIES(rwmutex_writers_are_named_in_the_deadlock_report, "sync.RWMutex.Lock")
{
	struct rwmutex m = { 0 };
	rwmutex_read_lock(&m);
	rwmutex_lock(&m);
}

TEST_GO_DIES(rwmutex_read_unlock_of_write_locked_is_fatal,
	     "fatal error: sync: RUnlock of unlocked RWMutex")
{
	struct rwmutex m = { 0 };
	rwmutex_lock(&m);
	rwmutex_read_unlock(&m);
}

TEST_GO_DIES(rwmutex_unlock_twice_is_fatal, "fatal error: sync: Unlock of unlocked RWMutex")
{
	struct rwmutex m = { 0 };
	rwmutex_lock(&m);
	rwmutex_unlock(&m);
	rwmutex_unlock(&m);
}

static void try_many(struct shared *s)
{
	for (int done = 0; done < s->rounds;) {
		if (!rwmutex_try_lock(&s->mutex)) {
			goroutine_yield();
			continue;
		}
		CHECK_EQ(atomic_fetch_add(&s->writers, 1), 0);
		CHECK_EQ(s->readers, 0);
		s->n++;
		done++;
		atomic_fetch_sub(&s->writers, 1);
		rwmutex_unlock(&s->mutex);
	}
	waitgroup_done(&s->wg);
}

static void try_read_many(struct shared *s)
{
	for (int done = 0; done < s->rounds;) {
		if (!rwmutex_try_read_lock(&s->mutex)) {
			goroutine_yield();
			continue;
		}
		atomic_fetch_add(&s->readers, 1);
		CHECK_EQ(s->writers, 0);
		done++;
		atomic_fetch_sub(&s->readers, 1);
		rwmutex_read_unlock(&s->mutex);
	}
	waitgroup_done(&s->wg);
}

TEST_GO(rwmutex_tries_exclude_beside_locks)
{
	enum {
		EACH = 2
	};
	struct shared s = { .rounds = 300 };
	waitgroup_add(&s.wg, 4 * EACH);
	for (int i = 0; i < EACH; i++) {
		go(try_many, &s);
		go(try_read_many, &s);
		go(read_many, &s);
		go(write_many, &s);
	}
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.n, 2 * EACH * s.rounds);
}
