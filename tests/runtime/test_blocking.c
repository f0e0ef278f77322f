/* SPDX-License-Identifier: MIT
 *
 * Tests of blocking.c.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "runtime/blocking.h"
#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/note.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"

struct sum {
	int a, b, result;
	uint64_t goroutine;
	pthread_t thread;
};

static void add(void *arg)
{
	struct sum *s = arg;
	s->result = s->a + s->b;
	s->goroutine = goroutine_id();
	s->thread = pthread_self();
}

TEST_GO(a_blocking_call_runs_outside_of_goroutines_and_gives_its_result)
{
	struct sum s = { .a = 2, .b = 3, .goroutine = 77 };
	blocking_call(add, &s);
	CHECK_EQ(s.result, 5);
	CHECK_EQ(s.goroutine, 0);
}

struct gate {
	_Atomic int inside;
	struct note open;
};

static void wait_at_gate(void *arg)
{
	struct gate *g = arg;
	atomic_fetch_add(&g->inside, 1);
	note_sleep(&g->open);
}

struct visitor {
	struct gate *gate;
	struct waitgroup *done;
};

static void visit(struct visitor *v)
{
	blocking_call(wait_at_gate, v->gate);
	waitgroup_done(v->done);
}

TEST_GO(goroutines_run_while_calls_block)
{
	struct gate gate = { 0 };
	struct waitgroup done = { 0 };
	waitgroup_add(&done, 1);
	go_with(visit, (struct visitor){ &gate, &done });
	while (atomic_load(&gate.inside) == 0)
		goroutine_yield();
	note_wake(&gate.open);
	waitgroup_wait(&done);
}

struct crowd {
	_Atomic int now, most, total;
	struct waitgroup done;
};

static void crowd_in(void *arg)
{
	struct crowd *c = arg;
	int now = atomic_fetch_add(&c->now, 1) + 1;
	for (int most = c->most; now > most && !atomic_compare_exchange_weak(&c->most, &most, now);)
		;
	clock_sleep_thread(100 * MICROSECOND);
	atomic_fetch_add(&c->total, 1);
	atomic_fetch_sub(&c->now, 1);
}

static void crowd_member(struct crowd *c)
{
	for (int i = 0; i < 5; i++)
		blocking_call(crowd_in, c);
	waitgroup_done(&c->done);
}

TEST_GO(more_calls_than_threads_all_run_on_at_most_16)
{
	struct crowd c = { 0 };
	waitgroup_add(&c.done, 100);
	for (int i = 0; i < 100; i++)
		go(crowd_member, &c);
	waitgroup_wait(&c.done);
	CHECK_EQ(c.total, 500);
	CHECK_LE(c.most, 16);
	CHECK_LT(1, c.most);
}

/* Sixteen calls stand at the gate, so that all others queue; then they are let through. */
struct line {
	_Atomic int at_gate, ran;
	sem_t gate;
	struct waitgroup done;
};

static void stand_at_gate(void *arg)
{
	struct line *l = arg;
	atomic_fetch_add(&l->at_gate, 1);
	sem_wait(&l->gate);
}

static void hold_a_thread(struct line *l)
{
	blocking_call(stand_at_gate, l);
	waitgroup_done(&l->done);
}

static void count_run(void *arg)
{
	atomic_fetch_add(&((struct line *)arg)->ran, 1);
}

static void queue_up(struct line *l)
{
	blocking_call(count_run, l);
	waitgroup_done(&l->done);
}

TEST_GO(a_thousand_calls_wait_in_line_for_sixteen_threads_and_all_run)
{
	enum {
		THREADS = 16,
		CALLS = 1000
	};
	struct line l = { 0 };
	CHECK_EQ(sem_init(&l.gate, 0, 0), 0);
	waitgroup_add(&l.done, THREADS + CALLS);
	for (int i = 0; i < THREADS; i++)
		go(hold_a_thread, &l);
	while (l.at_gate < THREADS)
		goroutine_yield();
	for (int i = 0; i < CALLS; i++)
		go(queue_up, &l);
	goroutine_sleep(5 * MILLISECOND); /* time for a seventeenth thread, were there one */
	CHECK_EQ(l.ran, 0);
	for (int i = 0; i < THREADS; i++)
		sem_post(&l.gate);
	waitgroup_wait(&l.done);
	CHECK_EQ(l.ran, CALLS);
	sem_destroy(&l.gate);
}

static void close_channel(void *arg)
{
	chan_close(*(done_chan *)arg);
}

TEST_GO(a_blocking_call_may_close_a_channel_that_goroutines_wait_for)
{
	done_chan c = chan_make(done_chan, 0);
	blocking_call(close_channel, &c);
	CHECK(!chan_recv(c, NULL));
	chan_unref(c);
}

TEST_GO(a_blocking_call_alone_is_no_deadlock)
{
	for (int i = 0; i < 200; i++) {
		struct sum s = { .a = i, .b = 1 };
		blocking_call(add, &s);
		CHECK_EQ(s.result, i + 1);
	}
}

TEST_GO(a_blocking_thread_runs_all_its_calls_on_one_thread)
{
	struct blocking_thread *t = blocking_thread_new("store");
	struct sum first = { .a = 1, .b = 1 }, again = { .a = 2, .b = 2 };
	blocking_thread_call(t, add, &first);
	for (int i = 0; i < 100; i++) {
		blocking_thread_call(t, add, &again);
		CHECK(pthread_equal(first.thread, again.thread));
	}
	CHECK_EQ(again.result, 4);
	blocking_thread_free(t);
}

struct log {
	struct blocking_thread *thread;
	int entries[200], len;
	struct waitgroup done;
};

struct entry {
	struct log *log;
	int number;
};

static void append(void *arg)
{
	struct entry *e = arg;
	e->log->entries[e->log->len++] = e->number;
}

static void append_some(struct entry *e)
{
	for (int i = 0; i < 20; i++, e->number++)
		blocking_thread_call(e->log->thread, append, e);
	waitgroup_done(&e->log->done);
}

TEST_GO(a_blocking_thread_runs_calls_one_at_a_time_and_in_order)
{
	struct log log = { .thread = blocking_thread_new("log") };
	waitgroup_add(&log.done, 10);
	for (int i = 0; i < 10; i++)
		go_with(append_some, (struct entry){ &log, i * 20 });
	waitgroup_wait(&log.done);
	blocking_thread_free(log.thread);
	CHECK_EQ(log.len, 200);
	int next[10] = { 0 };
	for (int i = 0; i < 200; i++)
		CHECK_EQ(log.entries[i] % 20, next[log.entries[i] / 20]++);
}

TEST_GO(freeing_an_unused_blocking_thread_ends_it)
{
	for (int i = 0; i < 50; i++)
		blocking_thread_free(blocking_thread_new("unused"));
	blocking_thread_free(NULL);
}
