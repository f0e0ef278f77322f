/* SPDX-License-Identifier: MIT
 *
 * Processors that go from hand to hand all the time, under everything that the runtime does at once. Debug and sanitizer builds check at each entry
 * that an m is inside its own processor alone (m_check_owner). Nothing may get lost: each goroutine counts what it got.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/blocking.h"
#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/mutex.h"
#include "runtime/net.h"
#include "runtime/rand.h"
#include "runtime/sched.h"
#include "runtime/select.h"
#include "tests/harness.h"
#include "tests/runtime/event.h"

/* Enough, or as many as a loaded machine gets done in that time. */
#define HANDOFFS     300
#define HANDOFFS_MIN 10
#define TIME_NS	     (3 * SECOND)

CHAN_OF(int64_t, number_chan);

struct stress {
	atomic_bool stop;
	struct countdown gone;
	number_chan numbers;
	_Atomic int64_t sent, received, locked_out;
	struct mutex mutex;
	int64_t locked; /* under mutex */
	int pipe[2];
};

static void compute(int64_t ns)
{
	for (int64_t until = clock_now() + ns; clock_now() < until;)
		;
}

/* Computes for longer than a slice, then uses the runtime without a processor. */
static void hog_and_send(struct stress *s)
{
	while (!atomic_load(&s->stop)) {
		compute((int64_t)rand_below(1000) * MICROSECOND);
		if (rand_below(2) == 0 && chan_try_send(s->numbers, 1))
			atomic_fetch_add(&s->sent, 1);
		if (rand_below(2) == 0) {
			chan_send(s->numbers, 2);
			atomic_fetch_add(&s->sent, 2);
		}
	}
	count_down(&s->gone);
}

static void hog_and_lock(struct stress *s)
{
	while (!atomic_load(&s->stop)) {
		mutex_lock(&s->mutex);
		compute((int64_t)rand_below(400) * MICROSECOND);
		s->locked++;
		mutex_unlock(&s->mutex);
		atomic_fetch_add(&s->locked_out, 1);
	}
	count_down(&s->gone);
}

static void sleep_in_kernel(struct stress *s)
{
	while (!atomic_load(&s->stop)) {
		usleep(rand_below(2000));
		if (rand_below(2) == 0)
			goroutine_yield();
	}
	count_down(&s->gone);
}

static void nap(void *arg)
{
	(void)arg;
	usleep(100);
}

static void sleep_by_timer(struct stress *s)
{
	while (!atomic_load(&s->stop)) {
		goroutine_sleep((int64_t)rand_below(300) * MICROSECOND);
		compute((int64_t)rand_below(100) * MICROSECOND);
		if (rand_below(8) == 0)
			blocking_call(nap, NULL);
	}
	count_down(&s->gone);
}

static void end_at_once(_Atomic int *alive)
{
	atomic_fetch_sub(alive, 1);
}

static void start_others(struct stress *s)
{
	static _Atomic int alive;
	while (!atomic_load(&s->stop)) {
		for (int i = 0; i < 20; i++) {
			atomic_fetch_add(&alive, 1);
			go(end_at_once, &alive);
		}
		compute((int64_t)rand_below(500) * MICROSECOND);
		while (atomic_load(&alive) > 0)
			goroutine_yield();
	}
	count_down(&s->gone);
}

static void write_bytes(struct stress *s)
{
	while (!atomic_load(&s->stop)) {
		CHECK_EQ(write(s->pipe[1], "x", 1), 1);
		compute((int64_t)rand_below(300) * MICROSECOND);
		goroutine_yield();
	}
	CHECK_EQ(write(s->pipe[1], ".", 1), 1);
	count_down(&s->gone);
}

static void read_bytes(struct stress *s)
{
	for (char byte = 0; byte != '.';) {
		CHECK_EQ(fd_wait(s->pipe[0], FD_READ, NEVER), FD_READ);
		CHECK_EQ(read(s->pipe[0], &byte, 1), 1);
	}
	count_down(&s->gone);
}

static void receive(struct stress *s)
{
	int64_t n;
	while (chan_recv(s->numbers, &n))
		atomic_fetch_add(&s->received, n);
	count_down(&s->gone);
}

static void run(void (*fn)(struct stress *s), struct stress *s, int n)
{
	atomic_fetch_add(&s->gone.left, n);
	for (int i = 0; i < n; i++)
		go(fn, s);
}

static void run_all(struct stress *s)
{
	int procs = runtime_procs();
	run(hog_and_send, s, procs + 1);
	run(hog_and_lock, s, 2);
	run(sleep_in_kernel, s, procs);
	run(sleep_by_timer, s, 20);
	run(start_others, s, 1);
	run(write_bytes, s, 1);
	run(read_bytes, s, 1);
}

static void change_procs(struct stress *s)
{
	int before = runtime_procs();
	while (!atomic_load(&s->stop)) {
		runtime_set_procs(1 + (int)rand_below(6));
		goroutine_sleep((int64_t)rand_below(2000) * MICROSECOND);
	}
	runtime_set_procs(before);
	count_down(&s->gone);
}

static void let_it_run(void)
{
	int64_t until_ns = clock_now() + TIME_NS;
	uint64_t n;
	do {
		goroutine_sleep(MILLISECOND);
		n = atomic_load(&sched.counts[COUNT_handoffs]);
	} while (n < HANDOFFS && (n < HANDOFFS_MIN || clock_now() < until_ns));
}

static void check_nothing_is_lost(void (*also)(struct stress *s))
{
	static struct stress s;
	CHECK_EQ(pipe(s.pipe), 0);
	s.numbers = chan_make(number_chan, 3);
	atomic_store(&sched.knobs.slice_ns, 200 * MICROSECOND);
	run_all(&s);
	if (also != NULL)
		run(also, &s, 1);
	struct stress receiver = { .numbers = s.numbers };
	run(receive, &receiver, 2);
	let_it_run();
	atomic_store(&s.stop, true);
	event_wait(&s.gone.done);
	chan_close(s.numbers);
	event_wait(&receiver.gone.done);
	CHECK_EQ(receiver.received, s.sent);
	CHECK_EQ(s.locked, s.locked_out);
	while (atomic_load(&sched.lost) > 0)
		goroutine_sleep(MILLISECOND);
	chan_unref(s.numbers);
	fd_wait_end(s.pipe[0]);
	close(s.pipe[0]);
	close(s.pipe[1]);
}

TEST_GO(nothing_is_lost_while_processors_change_hands, .timeout_s = 60)
{
	check_nothing_is_lost(NULL);
}

TEST_GO(nothing_is_lost_while_processors_come_and_go, .timeout_s = 60)
{
	check_nothing_is_lost(change_procs);
}
