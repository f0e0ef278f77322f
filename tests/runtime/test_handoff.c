/* SPDX-License-Identifier: MIT
 *
 * Tests of handoff.c, machine.c and of what sysmon decides: goroutines that keep their OS thread don't hold up others.
 *
 * A hog computes until it is told to stop, and never calls the runtime. Each of these tests would hang without hand-off.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/mutex.h"
#include "runtime/net.h"
#include "runtime/rwmutex.h"
#include "runtime/sched.h"
#include "runtime/select.h"
#include "runtime/signal.h"
#include "runtime/timer.h"
#include "tests/harness.h"
#include "tests/runtime/event.h"

struct hogs {
	atomic_bool stop;
	_Atomic int running;
	struct countdown gone;
};

static void hog(struct hogs *h)
{
	atomic_fetch_add(&h->running, 1);
	while (!atomic_load_explicit(&h->stop, memory_order_relaxed))
		;
	count_down(&h->gone);
}

/* One for each processor: the last comes to run only when this goroutine waits. */
static void start_hogs(struct hogs *h, int n)
{
	atomic_store(&h->gone.left, n);
	for (int i = 0; i < n; i++)
		go(hog, h);
}

static void stop_hogs(struct hogs *h)
{
	atomic_store(&h->stop, true);
	event_wait(&h->gone.done);
}

static void await_hogs(struct hogs *h, int n)
{
	while (atomic_load(&h->running) < n)
		goroutine_yield();
}

TEST_GO(a_goroutine_runs_although_a_hog_is_on_each_processor)
{
	struct hogs h = { 0 };
	int n = runtime_procs() * 2;
	start_hogs(&h, n);
	await_hogs(&h, n);
	for (int i = 0; i < 100; i++)
		goroutine_yield();
	stop_hogs(&h);
}

TEST_GO(timers_fire_although_a_hog_is_on_each_processor)
{
	struct hogs h = { 0 };
	start_hogs(&h, runtime_procs());
	for (int i = 0; i < 10; i++)
		goroutine_sleep(MILLISECOND);
	await_hogs(&h, runtime_procs());
	for (int i = 0; i < 10; i++)
		goroutine_sleep(MILLISECOND);
	stop_hogs(&h);
}

CHAN_OF(int, int_chan);

static void pump(int_chan *c)
{
	int v;
	while (chan_recv(c[0], &v))
		chan_send(c[1], v + 1);
	chan_close(c[1]);
}

TEST_GO(channels_go_on_although_a_hog_is_on_each_processor)
{
	struct hogs h = { 0 };
	int_chan c[2] = { chan_make(int_chan, 0), chan_make(int_chan, 0) };
	start_hogs(&h, runtime_procs());
	go(pump, c);
	for (int i = 0; i < 1000; i++) {
		int v;
		chan_send(c[0], i);
		CHECK(chan_recv(c[1], &v));
		CHECK_EQ(v, i + 1);
	}
	chan_close(c[0]);
	CHECK(!chan_recv(c[1], NULL));
	stop_hogs(&h);
	chan_unref(c[0]);
	chan_unref(c[1]);
}

struct outside_writer {
	int fd;
	struct hogs *hogs;
};

static void *write_when_hogged(void *arg)
{
	struct outside_writer *w = arg;
	while (atomic_load(&w->hogs->running) < runtime_procs())
		sched_yield();
	CHECK_EQ(write(w->fd, "x", 1), 1);
	return NULL;
}

TEST_GO(the_netpoller_is_looked_at_although_a_hog_is_on_each_processor)
{
	struct hogs h = { 0 };
	int fds[2];
	pthread_t thread;
	CHECK_EQ(pipe(fds), 0);
	struct outside_writer w = { fds[1], &h };
	CHECK_EQ(pthread_create(&thread, NULL, write_when_hogged, &w), 0);
	start_hogs(&h, runtime_procs());
	CHECK_EQ(fd_wait(fds[0], FD_READ, NEVER), FD_READ);
	stop_hogs(&h);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	fd_wait_end(fds[0]);
	close(fds[0]);
	close(fds[1]);
}

struct reader {
	int fd;
	struct countdown *c;
};

static void read_blocking(struct reader *r)
{
	char byte;
	CHECK_EQ(read(r->fd, &byte, 1), 1);
	count_down(r->c);
}

/* The writer is a goroutine: it needs the processor of a reader that is blocked in the kernel. */
TEST_GO(goroutines_that_block_in_system_calls_hold_nobody_up)
{
	enum {
		READERS = 8
	};
	struct countdown c = { .left = READERS };
	int fds[2];
	CHECK_EQ(pipe(fds), 0);
	for (int i = 0; i < READERS; i++)
		go_with(read_blocking, (struct reader){ fds[0], &c });
	goroutine_yield(); /* behind them all */
	goroutine_sleep(MILLISECOND);
	for (int i = 0; i < READERS; i++)
		CHECK_EQ(write(fds[1], "x", 1), 1);
	event_wait(&c.done);
	close(fds[0]);
	close(fds[1]);
}

struct loop {
	atomic_bool stop;
	int_chan chan;
	struct countdown *c;
};

/* Each never parks. Those that lose their processor come to rest at the next safe point. */
static void loop_sending(struct loop *l)
{
	while (!atomic_load(&l->stop)) {
		chan_send(l->chan, 1);
		chan_recv(l->chan, NULL);
	}
	count_down(l->c);
}

static void loop_trying(struct loop *l)
{
	int v;
	while (!atomic_load(&l->stop)) {
		chan_try_send(l->chan, 1);
		chan_try_recv(l->chan, &v, NULL);
	}
	count_down(l->c);
}

static void end_at_once(_Atomic int *alive)
{
	atomic_fetch_sub(alive, 1);
}

static void loop_starting(struct loop *l)
{
	static _Atomic int alive;
	while (!atomic_load(&l->stop)) {
		if (atomic_load(&alive) > 100)
			goroutine_yield();
		atomic_fetch_add(&alive, 1);
		go(end_at_once, &alive);
	}
	count_down(l->c);
}

static void loop_locking(struct loop *l)
{
	struct mutex free = { 0 };
	while (!atomic_load(&l->stop)) {
		mutex_lock(&free);
		mutex_unlock(&free);
	}
	count_down(l->c);
}

static void loop_reading(struct loop *l)
{
	struct rwmutex free = { 0 };
	while (!atomic_load(&l->stop)) {
		rwmutex_read_lock(&free);
		rwmutex_read_unlock(&free);
	}
	count_down(l->c);
}

static void run_loops(void (*fn)(struct loop *l), bool gives_way)
{
	enum {
		LOOPS = 5
	};
	struct countdown c = { .left = LOOPS };
	struct loop l[LOOPS] = { 0 };
	for (int i = 0; i < LOOPS; i++) {
		l[i].chan = chan_make(int_chan, 1);
		l[i].c = &c;
		go(fn, &l[i]);
	}
	for (int i = 0; i < 3; i++)
		goroutine_sleep(MILLISECOND);
	while (gives_way && atomic_load(&sched.lost) > 0)
		goroutine_sleep(MILLISECOND);
	for (int i = 0; i < LOOPS; i++)
		atomic_store(&l[i].stop, true);
	event_wait(&c.done);
	for (int i = 0; i < LOOPS; i++)
		chan_unref(l[i].chan);
}

TEST_GO(a_loop_on_a_channel_with_room_gives_way)
{
	run_loops(loop_sending, true);
}

TEST_GO(a_loop_on_a_free_mutex_gives_way)
{
	run_loops(loop_locking, true);
}

TEST_GO(a_loop_of_readers_alone_gives_way)
{
	run_loops(loop_reading, true);
}

TEST_GO(a_loop_of_tries_holds_nobody_up)
{
	run_loops(loop_trying, false);
}

TEST_GO(a_loop_that_starts_goroutines_gives_way)
{
	run_loops(loop_starting, true);
}

static void sleep_in_kernel(struct countdown *c)
{
	usleep(100 * 1000);
	count_down(c);
}

static uint64_t handoffs(void)
{
	return atomic_load(&sched.counts[COUNT_handoffs]);
}

TEST_GO(blocking_in_the_kernel_costs_nothing_while_nobody_waits)
{
	struct countdown c = { .left = 1 };
	uint64_t before = handoffs();
	go(sleep_in_kernel, &c);
	event_wait(&c.done);
	CHECK_EQ(handoffs(), before);
}

static void ready_after_loss(struct event *e)
{
	uint64_t before = handoffs();
	while (handoffs() == before)
		;
	sched_external_end();
	event_set(e);
	for (int64_t until = clock_now() + 5 * MILLISECOND; clock_now() < until;)
		;
}

/* While the only goroutine that could ready us runs without a processor, all others being asleep. */
TEST_GO(a_goroutine_without_processor_is_no_deadlock)
{
	struct event e = { 0 };
	sched_external_begin(); /* so that somebody must be there to be woken */
	go(ready_after_loss, &e);
	event_wait(&e);
}

static bool somebody_polls(void)
{
	lock_acquire(&sched.lock);
	bool polls = sched.poller != NULL;
	lock_release(&sched.lock);
	return polls;
}

/* When the new owner has found nothing and sleeps: he must look again. */
static void park_after_loss(struct event *never)
{
	uint64_t before = handoffs();
	while (handoffs() == before || !somebody_polls())
		;
	sched_external_end();
	for (int64_t until = clock_now() + 5 * MILLISECOND; clock_now() < until;)
		; /* he sleeps again by now */
	event_wait(never);
}

TEST_GO_DIES(the_last_one_without_processor_that_parks_is_a_deadlock,
	     "all goroutines are asleep - deadlock!")
{
	struct event never = { 0 }, also_never = { 0 };
	sched_external_begin();
	go(park_after_loss, &also_never);
	event_wait(&never);
}

static void yield_inside(struct countdown *c)
{
	m_enter();
	m_enter();
	for (int i = 0; i < 100; i++) {
		g_yield();
		CHECK_EQ(lease_depth(&m_self()->lease), 2);
	}
	m_exit(m_self());
	m_exit(m_self());
	CHECK_EQ(lease_depth(&m_self()->lease), 0);
	count_down(c);
}

static void yield_outside(struct countdown *c)
{
	for (int i = 0; i < 100; i++) {
		g_yield();
		CHECK_EQ(lease_depth(&m_self()->lease), 0);
	}
	count_down(c);
}

TEST_GO(a_goroutine_that_parks_inside_the_runtime_keeps_its_depth)
{
	struct countdown c = { .left = 40 };
	for (int i = 0; i < 20; i++) {
		go(yield_inside, &c);
		go(yield_outside, &c);
	}
	event_wait(&c.done);
}

static int leave_while_hogged(int argc, char **argv)
{
	static struct hogs h;
	(void)argc, (void)argv;
	start_hogs(&h, runtime_procs() * 2);
	await_hogs(&h, runtime_procs() * 2);
	return 7;
}

TEST(runtime_main_returns_although_hogs_have_lost_their_processors)
{
	CHECK_EQ(runtime_main(leave_while_hogged, 0, NULL), 7);
}

static int hog_itself(int argc, char **argv)
{
	struct hogs h = { 0 };
	(void)argc, (void)argv;
	uint64_t before = handoffs();
	go(hog, &h);
	while (handoffs() == before)
		;
	return 7;
}

TEST(runtime_main_returns_although_main_has_lost_its_processor)
{
	setenv("GOMAXPROCS", "1", 1);
	CHECK_EQ(runtime_main(hog_itself, 0, NULL), 7);
}

static _Noreturn int exceed_threads(int argc, char **argv)
{
	struct hogs h = { 0 };
	(void)argc, (void)argv;
	start_hogs(&h, 20);
	for (;;)
		goroutine_yield();
}

TEST_DIES(the_limit_of_threads_is_named_with_what_to_do, "FETCHD_MAX_THREADS")
{
	setenv("FETCHD_MAX_THREADS", "5", 1);
	runtime_main(exceed_threads, 0, NULL);
}

TEST_GO(threads_are_used_again)
{
	for (int round = 0; round < 3; round++) {
		struct hogs h = { 0 };
		int n = runtime_procs() + 2;
		start_hogs(&h, n);
		await_hogs(&h, n);
		stop_hogs(&h);
		while (atomic_load(&sched.lost) > 0)
			goroutine_yield();
	}
	lock_acquire(&sched.lock);
	uint32_t ms = sched.ms;
	lock_release(&sched.lock);
	CHECK_LE(ms, 2 * runtime_procs() + 4);
}
