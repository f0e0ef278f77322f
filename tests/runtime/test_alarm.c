/* SPDX-License-Identifier: MIT
 *
 * Tests of alarm.c.
 */
#include <stdatomic.h>

#include "runtime/alarm.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/select.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

#define HOUR (3600 * SECOND)

CHAN_OF(int, int_chan);
CHAN_OF(uint64_t, id_chan);

static bool is_quiet(struct alarm *a)
{
	return !chan_try_recv(alarm_chan(a), NULL, NULL);
}

/* Until the time has come and lies in the channel. */
static void wait_until_sent(struct alarm *a)
{
	while (chan_len(alarm_chan(a)) == 0)
		goroutine_yield();
}

/* --- channels --- */

TEST_GO(alarm_sends_the_time_once_it_has_come)
{
	int64_t begin = clock_now(), at;
	struct alarm *a = alarm_new(3 * MILLISECOND);
	CHECK(chan_recv(alarm_chan(a), &at));
	CHECK_LE(begin + 3 * MILLISECOND, at);
	CHECK_LE(at, clock_now());
	CHECK(is_quiet(a));
	alarm_unref(a);
}

TEST_GO(alarm_of_no_time_or_less_comes_at_once)
{
	int64_t times[] = { 0, -1, -SECOND, INT64_MIN };
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct alarm *a = alarm_new(times[i]);
		CHECK(chan_recv(alarm_chan(a), NULL));
		alarm_reset(a, times[i]);
		CHECK(chan_recv(alarm_chan(a), NULL));
		alarm_unref(a);
	}
}

TEST_GO(alarm_beyond_the_end_of_the_clock_never_comes)
{
	struct alarm *never = alarm_new(NEVER), *nearly = alarm_new(NEVER - 1), *soon;
	soon = alarm_new(MILLISECOND);
	CHECK(chan_recv(alarm_chan(soon), NULL));
	CHECK(is_quiet(never));
	CHECK(is_quiet(nearly));
	CHECK(alarm_stop(never));
	alarm_unref(soon);
	alarm_unref(nearly);
	alarm_unref(never);
}

TEST_GO(alarm_stopped_in_time_sends_nothing)
{
	struct alarm *a = alarm_new(2 * MILLISECOND), *later = alarm_new(4 * MILLISECOND);
	if (alarm_stop(a)) { /* a busy machine may be late for it */
		CHECK(chan_recv(alarm_chan(later), NULL));
		CHECK_EQ(chan_len(alarm_chan(a)), 0);
	}
	CHECK(!alarm_stop(a));
	alarm_unref(a);
	alarm_unref(later);
}

TEST_GO(alarm_stop_takes_back_a_time_that_nobody_has_received)
{
	struct alarm *a = alarm_new(0);
	wait_until_sent(a);
	CHECK(alarm_stop(a));
	CHECK(is_quiet(a));
	CHECK(!alarm_stop(a));
	alarm_unref(a);
}

TEST_GO(alarm_stop_after_the_time_was_received_gives_false)
{
	struct alarm *a = alarm_new(0);
	CHECK(chan_recv(alarm_chan(a), NULL));
	CHECK(!alarm_stop(a));
	alarm_unref(a);
}

TEST_GO(alarm_reset_moves_a_running_one_both_ways)
{
	struct alarm *a = alarm_new(HOUR);
	int64_t begin = clock_now(), at;
	CHECK(alarm_reset(a, 2 * MILLISECOND));
	CHECK(chan_recv(alarm_chan(a), &at));
	CHECK_LE(begin + 2 * MILLISECOND, at);

	begin = clock_now();
	CHECK(!alarm_reset(a, MILLISECOND)); /* it was over */
	alarm_reset(a, 10 * MILLISECOND);    /* whether it has come meanwhile or not */
	CHECK(chan_recv(alarm_chan(a), &at));
	CHECK_LE(begin + 10 * MILLISECOND, at);
	CHECK(is_quiet(a));
	alarm_unref(a);
}

TEST_GO(alarm_reset_starts_a_stopped_one_again)
{
	struct alarm *a = alarm_new(HOUR);
	for (int i = 0; i < 10; i++) {
		CHECK(alarm_stop(a));
		CHECK(!alarm_reset(a, 0));
		CHECK(chan_recv(alarm_chan(a), NULL));
		CHECK(!alarm_reset(a, HOUR));
	}
	alarm_unref(a);
}

TEST_GO(alarm_reset_takes_back_a_time_that_nobody_has_received)
{
	struct alarm *a = alarm_new(0);
	wait_until_sent(a);
	CHECK(alarm_reset(a, HOUR));
	CHECK(is_quiet(a));
	alarm_unref(a);
}

/* Whatever the moment: after stop and reset nothing of before is there. */
TEST_GO(alarm_leaves_no_stale_time_when_reset_as_it_comes)
{
	struct alarm *a = alarm_new(HOUR);
	for (int i = 0; i < 3000; i++) {
		alarm_reset(a, i % 40 * MICROSECOND);
		if (i % 3 == 0)
			goroutine_yield();
		if (i % 2)
			alarm_stop(a);
		else
			alarm_reset(a, HOUR);
		CHECK(is_quiet(a));
	}
	alarm_unref(a);
}

struct meddler {
	struct alarm *alarm;
	struct waitgroup *done;
	int number;
};

static void meddle(struct meddler *m)
{
	for (int i = 0; i < 500; i++) {
		if ((i + m->number) % 3)
			alarm_reset(m->alarm, (i + m->number) % 20 * MICROSECOND);
		else
			alarm_stop(m->alarm);
		if (i % 16 == 0)
			goroutine_yield();
	}
	waitgroup_done(m->done);
}

TEST_GO(alarm_may_be_reset_and_stopped_by_many_at_once)
{
	struct waitgroup done = { 0 };
	struct alarm *a = alarm_new(HOUR);
	waitgroup_add(&done, 8);
	for (int i = 0; i < 8; i++)
		go_with(meddle, (struct meddler){ a, &done, i });
	waitgroup_wait(&done);
	alarm_stop(a);
	CHECK(is_quiet(a));
	CHECK(!alarm_reset(a, 0));
	CHECK(chan_recv(alarm_chan(a), NULL));
	CHECK(is_quiet(a));
	alarm_unref(a);
}

static void receive_time(struct meddler *m)
{
	CHECK(chan_recv(alarm_chan(m->alarm), NULL));
	waitgroup_done(m->done);
}

TEST_GO(alarm_reset_wakes_who_waits_already)
{
	struct waitgroup done = { 0 };
	struct alarm *a = alarm_new(HOUR);
	waitgroup_add(&done, 1);
	go_with(receive_time, (struct meddler){ .alarm = a, .done = &done });
	wait_receivers(alarm_chan(a).rx, 1);
	CHECK(alarm_reset(a, 0));
	waitgroup_wait(&done);
	CHECK(!alarm_stop(a));
	alarm_unref(a);
}

/* --- who keeps it --- */

TEST_GO(alarm_that_nobody_refers_to_is_gone_pending_or_not)
{
	int64_t before = chan_count();
	for (int i = 0; i < 100; i++) {
		alarm_unref(alarm_new(HOUR));
		alarm_unref(alarm_new(i % 50 * MICROSECOND));
		chan_unref(time_after(HOUR));
	}
	CHECK_EQ(chan_count(), before);
	alarm_unref(NULL);
}

TEST_GO(alarm_is_kept_by_its_channel)
{
	struct alarm *a = alarm_new(MILLISECOND);
	time_chan_rx c = chan_ref(alarm_chan(a));
	alarm_unref(a);
	CHECK(chan_recv(c, NULL));
	chan_unref(c);
}

/* --- goroutines --- */

struct tell {
	id_chan ids;
	done_chan gate;
};

static void tell_id(void *arg)
{
	struct tell *t = arg;
	chan_recv(t->gate, NULL);
	chan_send(t->ids, goroutine_id());
}

static struct tell new_tell(void)
{
	return (struct tell){ .ids = chan_make(id_chan, 8), .gate = chan_make(done_chan, 0) };
}

static void drop_tell(struct tell *t)
{
	chan_unref(t->ids);
	chan_unref(t->gate);
}

TEST_GO(alarm_func_runs_in_its_own_goroutine_not_before_its_time)
{
	struct tell t = new_tell();
	uint64_t id;
	int64_t begin = clock_now();
	struct alarm *a = alarm_func(2 * MILLISECOND, tell_id, &t);
	CHECK(alarm_chan(a).rx == NULL);
	chan_close(t.gate);
	CHECK(chan_recv(t.ids, &id));
	CHECK_LE(begin + 2 * MILLISECOND, clock_now());
	CHECK_NE(id, goroutine_id());
	CHECK(!alarm_stop(a));
	alarm_unref(a);
	drop_tell(&t);
}

TEST_GO(alarm_func_stopped_in_time_does_not_run)
{
	struct tell t = new_tell();
	int64_t goroutines = goroutine_count();
	struct alarm *a = alarm_func(HOUR, tell_id, &t);
	CHECK(alarm_stop(a));
	CHECK(!alarm_stop(a));
	CHECK_EQ(goroutine_count(), goroutines);
	alarm_unref(a);
	drop_tell(&t);
}

TEST_GO(alarm_func_stop_gives_false_while_it_runs_and_does_not_wait_for_it)
{
	struct tell t = new_tell();
	int64_t goroutines = goroutine_count();
	struct alarm *a = alarm_func(0, tell_id, &t);
	while (goroutine_count() == goroutines)
		goroutine_yield();
	CHECK(!alarm_stop(a));
	CHECK_EQ(chan_len(t.ids), 0);
	chan_close(t.gate);
	CHECK(chan_recv(t.ids, NULL));
	alarm_unref(a);
	drop_tell(&t);
}

TEST_GO(alarm_func_runs_again_after_each_reset)
{
	struct tell t = new_tell();
	struct alarm *a = alarm_func(HOUR, tell_id, &t);
	chan_close(t.gate);
	CHECK(alarm_reset(a, 0));
	for (int i = 0; i < 5; i++) {
		CHECK(chan_recv(t.ids, NULL));
		CHECK(!alarm_reset(a, i * 10 * MICROSECOND));
	}
	CHECK(chan_recv(t.ids, NULL));
	CHECK_EQ(chan_len(t.ids), 0);
	alarm_unref(a);
	drop_tell(&t);
}

TEST_GO(alarm_func_runs_although_nobody_refers_to_it_and_is_gone_then)
{
	struct tell t = new_tell();
	int64_t before = chan_count();
	chan_close(t.gate);
	alarm_unref(alarm_func(MILLISECOND, tell_id, &t));
	CHECK_EQ(chan_count(), before + 1);
	CHECK(chan_recv(t.ids, NULL));
	while (chan_count() != before)
		goroutine_yield();
	drop_tell(&t);
}

static void count(void *arg)
{
	atomic_fetch_add((_Atomic int *)arg, 1);
}

TEST_GO(alarm_func_either_runs_or_is_stopped)
{
	_Atomic int runs = 0;
	int stopped = 0;
	enum {
		ROUNDS = 1000
	};
	for (int i = 0; i < ROUNDS; i++) {
		struct alarm *a = alarm_func(i % 30 * MICROSECOND, count, &runs);
		if (i % 2)
			goroutine_yield();
		stopped += alarm_stop(a);
		alarm_unref(a);
	}
	while (runs + stopped < ROUNDS)
		goroutine_yield();
	CHECK_EQ(runs + stopped, ROUNDS);
}

/* --- many --- */

TEST_GO(alarm_ten_thousand_at_one_moment_all_come)
{
	enum {
		MANY = 10000
	};
	static struct alarm *alarms[MANY];
	int64_t until = clock_now() + 20 * MILLISECOND, at;
	for (int i = 0; i < MANY; i++)
		alarms[i] = alarm_new(until - clock_now());
	for (int i = 0; i < MANY; i++) {
		CHECK(chan_recv(alarm_chan(alarms[i]), &at));
		CHECK_LE(at, clock_now());
		alarm_unref(alarms[i]);
	}
}

TEST_GO(alarm_two_thousand_funcs_at_one_moment_all_run)
{
	enum {
		MANY = 2000
	};
	_Atomic int runs = 0;
	int64_t until = clock_now() + 10 * MILLISECOND;
	for (int i = 0; i < MANY; i++)
		alarm_unref(alarm_func(until - clock_now(), count, &runs));
	while (runs < MANY)
		goroutine_yield();
}

/* --- time_after --- */

TEST_GO(time_after_is_a_timeout_in_select)
{
	int_chan never = chan_make(int_chan, 0);
	time_chan timeout = time_after(2 * MILLISECOND);
	struct select_case cases[] = { on_recv(never, NULL), on_recv(timeout, NULL) };
	CHECK_EQ(select_wait(cases), 1);
	chan_unref(timeout);
	chan_unref(never);
}

TEST_GO(time_after_may_be_dropped_as_it_comes)
{
	for (int i = 0; i < 500; i++) {
		time_chan c = time_after(i % 50 * MICROSECOND);
		goroutine_yield();
		chan_unref(c);
	}
}

/* A pending one hides a deadlock, as in Go; one that is stopped doesn't. */
TEST_GO_DIES(alarm_stopped_hides_no_deadlock, "all goroutines are asleep - deadlock!")
{
	struct alarm *a = alarm_new(HOUR);
	CHECK(alarm_stop(a));
	chan_recv(alarm_chan(a), NULL);
}
