/* SPDX-License-Identifier: MIT
 *
 * Tests of desc.c: deadlines, interruption, close, the idle watch.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/desc.h"
#include "tests/runtime/loopback.h"

/* --- deadlines and interruption --- */

TEST_GO(a_read_ends_at_its_deadline_and_works_again_after_a_new_one)
{
	struct pair p = connected_pair();
	char buf[8];
	int64_t before = clock_now();
	conn_set_read_deadline(p.client, before + 10 * MILLISECOND);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	CHECK_LE(10 * MILLISECOND, clock_now() - before);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	conn_set_read_deadline(p.client, NEVER);
	CHECK_EQ(conn_write(p.server, "late", 4), 4);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 4);
	close_pair(p);
}

TEST_GO(a_deadline_in_the_past_fails_at_once)
{
	struct pair p = connected_pair();
	char buf[8];
	conn_set_deadline(p.client, clock_now() - 1);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	close_pair(p);
}

TEST_GO(a_deadline_moved_later_and_then_earlier_is_kept)
{
	struct pair p = connected_pair();
	char buf[8];
	int64_t start = clock_now();
	conn_set_read_deadline(p.client, start + 5 * MILLISECOND);
	conn_set_read_deadline(p.client, start + 40 * MILLISECOND);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	CHECK_LE(40 * MILLISECOND, clock_now() - start);
	start = clock_now();
	conn_set_read_deadline(p.client, start + 60 * SECOND);
	conn_set_read_deadline(p.client, start + 10 * MILLISECOND);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	CHECK_LT(clock_now() - start, 5 * SECOND);
	close_pair(p);
}

TEST_GO(a_write_ends_at_its_deadline)
{
	struct pair p = connected_pair();
	static char buf[16 << 20];
	conn_set_write_deadline(p.client, clock_now() + 20 * MILLISECOND);
	CHECK_EQ(conn_write(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	close_pair(p);
}

TEST_GO(setting_a_past_deadline_wakes_the_reader)
{
	struct pair p = connected_pair();
	struct reader r;
	start_reader(&r, p.client);
	conn_set_read_deadline(p.client, 1);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -ETIMEDOUT);
	close_pair(p);
}

TEST_GO(a_write_after_its_deadline_fails_although_there_is_room)
{
	struct pair p = connected_pair();
	struct iovec iov = { "x", 1 };
	conn_set_write_deadline(p.client, clock_now() - 1);
	CHECK_EQ(conn_write(p.client, "x", 1), -ETIMEDOUT);
	CHECK_EQ(conn_writev(p.client, &iov, 1), -ETIMEDOUT);
	conn_set_write_deadline(p.client, NEVER);
	CHECK_EQ(conn_write(p.client, "x", 1), 1);
	close_pair(p);
}

TEST_GO(a_read_after_its_deadline_fails_although_there_is_data)
{
	struct pair p = connected_pair();
	char buf[8];
	CHECK_EQ(conn_write(p.server, "data", 4), 4);
	CHECK_OK(conn_wait_readable(p.client));
	conn_set_read_deadline(p.client, clock_now() - 1);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	conn_set_read_deadline(p.client, NEVER);
	CHECK_EQ(conn_write(p.server, "!", 1), 1);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 5); /* nothing was lost */
	close_pair(p);
}

TEST_GO(setting_a_past_deadline_wakes_the_writer)
{
	struct pair p = connected_pair();
	struct writer w;
	start_writer(&w, p.client, 1);
	conn_set_write_deadline(p.client, 1);
	waitgroup_wait(&w.done);
	CHECK_EQ(w.result, -ETIMEDOUT);
	close_pair(p);
}

TEST_GO(a_deadline_moved_later_lets_the_reader_wait_on)
{
	struct pair p = connected_pair();
	struct reader r;
	int64_t first = clock_now() + 5 * MILLISECOND;
	conn_set_read_deadline(p.client, first);
	start_reader(
		&r,
		p.client); /* on a slow machine it is woken before the next line, or between the two */
	conn_set_read_deadline(p.client, first + 60 * SECOND);
	bool in_time = clock_now() < first;
	while (in_time && clock_now() < first + 5 * MILLISECOND)
		goroutine_sleep(MILLISECOND);
	CHECK_EQ(conn_write(p.server, "x", 1), 1);
	waitgroup_wait(&r.done);
	CHECK(r.result == 1 || (!in_time && r.result == -ETIMEDOUT));
	close_pair(p);
}

TEST_GO(a_deadline_taken_away_lets_the_reader_wait_on)
{
	struct pair p = connected_pair();
	struct reader r;
	int64_t deadline = clock_now() + 60 * SECOND;
	conn_set_read_deadline(p.client, deadline);
	start_reader(&r, p.client);
	conn_set_read_deadline(p.client, NEVER);
	CHECK_EQ(conn_write(p.server, "x", 1), 1);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, 1);
	close_pair(p);
}

TEST_GO(a_deadline_moved_earlier_ends_the_readers_wait)
{
	struct pair p = connected_pair();
	struct reader r;
	conn_set_read_deadline(p.client, clock_now() + 3600 * SECOND);
	start_reader(&r, p.client);
	int64_t deadline = clock_now() + 2 * MILLISECOND;
	conn_set_read_deadline(p.client, deadline);
	waitgroup_wait(&r.done);
	CHECK_LE(deadline, clock_now());
	CHECK_EQ(r.result, -ETIMEDOUT);
	close_pair(p);
}

TEST_GO(the_readers_deadline_leaves_the_writer_alone)
{
	struct pair p = connected_pair();
	struct reader r;
	struct writer w;
	static char buf[1 << 20];
	start_reader(&r, p.client);
	start_writer(&w, p.client, 2);
	conn_set_read_deadline(p.client, 1);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -ETIMEDOUT);
	for (size_t got = 0; got < w.size;) {
		ssize_t n = conn_read(p.server, buf, sizeof(buf));
		CHECK_LT(0, n);
		got += (size_t)n;
	}
	waitgroup_wait(&w.done);
	CHECK_EQ(w.result, (ssize_t)w.size);
	close_pair(p);
}

TEST_GO(interrupt_wakes_the_reader_and_lasts_until_cleared)
{
	struct pair p = connected_pair();
	struct reader r;
	char buf[8];
	start_reader(&r, p.client);
	conn_interrupt(p.client, -ECANCELED);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -ECANCELED);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ECANCELED);
	conn_clear_interrupt(p.client);
	CHECK_EQ(conn_write(p.server, "ok", 2), 2);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 2);
	close_pair(p);
}

TEST_GO(close_wakes_the_reader_with_ebadf)
{
	struct pair p = connected_pair();
	struct reader r;
	start_reader(&r, p.client);
	conn_close(p.client);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -EBADF);
	conn_close(p.server);
}

TEST_GO(close_wakes_both_waiters_with_ebadf)
{
	struct pair p = connected_pair();
	struct reader r;
	struct writer w;
	start_reader(&r, p.client);
	start_writer(&w, p.client, 2);
	conn_close(p.client);
	waitgroup_wait(&r.done);
	waitgroup_wait(&w.done);
	CHECK_EQ(r.result, -EBADF);
	CHECK_EQ(w.result, -EBADF);
	conn_close(p.server);
}

TEST_GO(interrupt_wakes_both_waiters)
{
	struct pair p = connected_pair();
	struct reader r;
	struct writer w;
	start_reader(&r, p.client);
	start_writer(&w, p.client, 2);
	conn_interrupt(p.client, -ECANCELED);
	waitgroup_wait(&r.done);
	waitgroup_wait(&w.done);
	CHECK_EQ(r.result, -ECANCELED);
	CHECK_EQ(w.result, -ECANCELED);
	close_pair(p);
}

TEST_GO_DIES(two_writers_at_once_panic, "a second goroutine writes to")
{
	struct pair p = connected_pair();
	struct writer a;
	start_writer(&a, p.client, 1);
	(void)!conn_write(p.client, "x", 1);
}

TEST_GO_DIES(two_readers_at_once_panic, "a second goroutine reads from")
{
	struct pair p = connected_pair();
	struct reader a, b;
	start_reader(&a, p.client);
	start_reader(&b, p.client);
	waitgroup_wait(&b.done);
}

/* The descriptor's number must not go to somebody else while a reader may still use it. */
TEST_GO(a_close_that_races_with_data_gives_the_reader_one_or_the_other, .timeout_s = 60)
{
	for (int i = 0; i < 500; i++) {
		struct pair p = connected_pair();
		struct reader r;
		start_reader(&r, p.client);
		if (i % 4 != 0)
			CHECK_EQ(conn_write(p.server, "x", 1), 1);
		if (i % 3 == 0)
			goroutine_yield();
		conn_close(p.client);
		struct pair other = connected_pair();
		waitgroup_wait(&r.done);
		CHECK(r.result == -EBADF || r.result == 1);
		close_pair(other);
		conn_close(p.server);
	}
}

/* --- idle watch --- */

struct idle {
	_Atomic int fired;
};

static void went_off(struct conn *c, void *arg)
{
	(void)c;
	atomic_fetch_add(&((struct idle *)arg)->fired, 1);
}

static void wait_for_fire(struct idle *idle)
{
	while (atomic_load(&idle->fired) == 0)
		goroutine_sleep(100 * MICROSECOND);
}

TEST_GO(idle_watch_fires_when_the_peer_closes)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	CHECK(conn_watch_idle(p.client, went_off, &idle));
	conn_close(p.server);
	wait_for_fire(&idle);
	CHECK(!conn_watch_idle(p.client, NULL, NULL));
	CHECK_EQ(idle.fired, 1);
	conn_close(p.client);
}

TEST_GO(idle_watch_fires_when_the_peer_sends_and_the_bytes_stay)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	char buf[8];
	CHECK(conn_watch_idle(p.client, went_off, &idle));
	CHECK_EQ(conn_write(p.server, "408", 3), 3);
	wait_for_fire(&idle);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 3);
	close_pair(p);
}

TEST_GO(idle_watch_taken_off_in_time_does_not_fire)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	char buf[8];
	for (int i = 0; i < 100; i++) {
		CHECK(conn_watch_idle(p.client, went_off, &idle));
		CHECK(conn_watch_idle(p.client, NULL, NULL));
		CHECK_EQ(conn_write(p.server, "x", 1), 1);
		CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 1);
	}
	CHECK_EQ(idle.fired, 0);
	close_pair(p);
}

TEST_GO(idle_watch_is_refused_when_the_peer_has_closed_already)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	conn_close(p.server);
	goroutine_sleep(5 * MILLISECOND);
	if (conn_watch_idle(p.client, went_off, &idle))
		wait_for_fire(&idle); /* the report had not come yet */
	conn_close(p.client);
}

TEST_GO(a_stale_report_does_not_end_an_idle_watch)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	char buf[4];
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(conn_write(p.server, "full", 4), 4);
		CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 4); /* filled the buffer: "more" */
		CHECK(conn_watch_idle(p.client, went_off, &idle));
		CHECK(conn_watch_idle(p.client, NULL, NULL));
	}
	close_pair(p);
}

static void close_it(struct conn *c, void *arg)
{
	went_off(c, arg);
	conn_close(c);
}

TEST_GO(the_idle_watch_may_close_its_connection)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	CHECK(conn_watch_idle(p.client, close_it, &idle));
	conn_close(p.server);
	wait_for_fire(&idle);
	while (conn_count() > 0)
		goroutine_yield();
}

TEST_GO(a_refused_idle_watch_leaves_data_and_end_to_the_reader)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	char buf[16];
	CHECK_EQ(conn_write(p.server, "last", 4), 4);
	CHECK_OK(conn_shutdown_write(p.server));
	while (conn_watch_idle(p.client, went_off, &idle)) { /* the report has not come yet */
		(void)conn_watch_idle(p.client, NULL, NULL);
		goroutine_yield();
	}
	conn_set_read_deadline(p.client, clock_now() + 10 * SECOND);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 4);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 0);
	close_pair(p);
}

struct slow_watch {
	atomic_bool inside;
	done_chan fired;
};

static void fire_slowly(struct conn *c, void *arg)
{
	struct slow_watch *w = arg;
	(void)c;
	atomic_store(&w->inside, true);
	clock_sleep_thread(20 * MILLISECOND);
	chan_close(w->fired);
}

/* Main keeps its thread until sysmon has polled, and then waits for what only the watch can bring. */
TEST_GO(an_idle_watch_that_runs_on_sysmons_thread_is_no_deadlock)
{
	struct pair p = connected_pair();
	struct slow_watch w = { .fired = chan_make(done_chan, 0) };
	CHECK(conn_watch_idle(p.client, fire_slowly, &w));
	CHECK_EQ(conn_write(p.server, "!", 1), 1);
	while (!atomic_load(&w.inside))
		;
	CHECK(!chan_recv(w.fired, NULL));
	chan_unref(w.fired);
	close_pair(p);
}

static void keep_open(void *owner)
{
	(void)owner;
}

static bool hangup_reported(struct desc *d)
{
	lock_acquire(&d->lock);
	bool reported = d->hangup;
	lock_release(&d->lock);
	return reported;
}

/* The report comes after the read that found nothing, and before desc_blocked is told. */
TEST_GO(an_end_reported_while_a_read_finds_nothing_is_not_forgotten)
{
	struct desc *d;
	char buf[16];
	int fds[2];
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	CHECK_OK(desc_open(fds[0], keep_open, NULL, &d));
	CHECK_OK(desc_enter(d, DESC_READING));
	desc_more(d, DESC_READ);
	CHECK_OK(desc_wait(d, DESC_READ));
	CHECK_EQ(recv(fds[0], buf, sizeof(buf), 0), -1);
	CHECK_EQ(send(fds[1], "last", 4, 0), 4);
	close(fds[1]);
	while (!hangup_reported(d))
		goroutine_yield();
	desc_blocked(d);
	desc_set_deadline(d, DESC_READ, clock_now() + 10 * SECOND);
	CHECK_OK(desc_wait(d, DESC_READ));
	CHECK_EQ(recv(fds[0], buf, sizeof(buf), 0), 4);
	CHECK_OK(desc_wait(d, DESC_READ));
	CHECK_EQ(recv(fds[0], buf, sizeof(buf), 0), 0);
	desc_leave(d, DESC_READING);
	desc_close(d);
	desc_free(d);
}

/* Somebody is inside, else nothing is left that could be closed twice. */
TEST_GO_DIES(closing_twice_panics, "closed twice")
{
	struct desc *d;
	int fds[2];
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	CHECK_OK(desc_open(fds[0], keep_open, NULL, &d));
	CHECK_OK(desc_enter(d, DESC_READING));
	desc_close(d);
	desc_close(d);
}
