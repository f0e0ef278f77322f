/* SPDX-License-Identifier: MIT
 *
 * No runnable goroutine waits without bound, whatever the others do. In each test some never stop by themselves until one, which they would starve, has
 * had its turns. They run on one processor, where none can evade to another, and on as many as GOMAXPROCS says.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/blocking.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/net.h"
#include "runtime/sched.h"
#include "runtime/timer.h"
#include "tests/harness.h"
#include "tests/runtime/event.h"

/* More than the loop takes between two looks at what might be neglected. */
#define TURNS 200

struct strife {
	atomic_bool stop;
	_Atomic int takers;
	int turns; /* of each taker */
	struct countdown left;
};

/* When all of these have had their turns the others may stop. */
static void take_turns(struct strife *s)
{
	for (int i = 0; i < s->turns; i++)
		goroutine_yield();
	if (atomic_fetch_sub(&s->takers, 1) == 1)
		atomic_store(&s->stop, true);
	count_down(&s->left);
}

static void start(struct strife *s, void (*fn)(struct strife *s), int n)
{
	atomic_fetch_add(&s->left.left, n);
	for (int i = 0; i < n; i++)
		go(fn, s);
}

static void start_takers(struct strife *s, int n)
{
	atomic_store(&s->takers, n);
	s->turns = s->turns > 0 ? s->turns : TURNS;
	start(s, take_turns, n);
}

static void compute(int64_t ns)
{
	for (int64_t until = clock_now() + ns; clock_now() < until;)
		;
}

/* --- pairs that ready each other through runnext --- */

struct pair {
	struct event ping, pong;
	struct strife *strife;
	int64_t compute_ns;
	bool last; /* this round */
};

static void answer(struct pair *p)
{
	for (bool last = false; !last;) {
		event_wait(&p->ping);
		last = p->last;
		compute(p->compute_ns);
		event_set(&p->pong);
	}
	count_down(&p->strife->left);
}

static void ask(struct pair *p)
{
	while (!p->last) {
		p->last = atomic_load(&p->strife->stop);
		compute(p->compute_ns);
		event_set(&p->ping);
		event_wait(&p->pong);
	}
	count_down(&p->strife->left);
}

static void nothing(void *arg)
{
	(void)arg;
}

/* What comes back from a thread outside goes to the global queue. */
static void call_outside(struct strife *s)
{
	while (!atomic_load(&s->stop))
		blocking_call(nothing, NULL);
	count_down(&s->left);
}

static void check_pairs(int64_t compute_ns, int others, int outside)
{
	struct strife s = { 0 };
	struct pair p[2] = { { .strife = &s, .compute_ns = compute_ns },
			     { .strife = &s, .compute_ns = compute_ns } };
	atomic_store(&s.left.left, 4);
	for (int i = 0; i < 2; i++) {
		go(answer, &p[i]);
		go(ask, &p[i]);
	}
	start(&s, call_outside, outside);
	s.turns = compute_ns > 0 ? TURNS / 5 : TURNS;
	start_takers(&s, others);
	event_wait(&s.left.done);
}

/* Debug builds send every fourth goroutine to another thread, which helps the others: what these tests are for shows in release builds. */
TEST_GO(a_pair_that_readies_each_other_starves_nobody)
{
	runtime_set_procs(1);
	check_pairs(0, 3, 0);
}

TEST_GO(a_pair_that_computes_between_starves_nobody, .timeout_s = 60)
{
	runtime_set_procs(1);
	check_pairs(200 * MICROSECOND, 3, 0);
}

TEST_GO(pairs_starve_nobody_on_all_processors)
{
	check_pairs(0, 10, 0);
}

static void yield_on(struct strife *s)
{
	while (!atomic_load(&s->stop))
		goroutine_yield();
	count_down(&s->left);
}

TEST_GO(a_pair_and_a_full_global_queue_don_t_starve_the_ring)
{
	runtime_set_procs(1);
	check_pairs(3 * MICROSECOND, 1, 100);
}

TEST_GO(goroutines_that_yield_starve_nobody)
{
	struct strife s = { 0 };
	runtime_set_procs(1);
	start(&s, yield_on, 1000);
	start_takers(&s, 1);
	event_wait(&s.left.done);
}

/* --- timers --- */

struct storm {
	struct timer timer;
	struct strife *strife;
};

/* Due again as soon as it has fired. */
static void fire_again(struct timer *t)
{
	if (!atomic_load(&CONTAINER_OF(t, struct storm, timer)->strife->stop))
		timer_set(t, 1);
}

TEST_GO(timers_that_are_always_due_starve_no_goroutine)
{
	enum {
		TIMERS = 20
	};
	struct strife s = { 0 };
	struct storm storm[TIMERS];
	for (int i = 0; i < TIMERS; i++) {
		storm[i].strife = &s;
		timer_init(&storm[i].timer, fire_again);
		timer_set(&storm[i].timer, 1);
	}
	start_takers(&s, 1);
	event_wait(&s.left.done);
	for (int i = 0; i < TIMERS; i++)
		timer_stop(&storm[i].timer);
}

static void sleep_turns(struct strife *s)
{
	for (int i = 0; i < 5; i++)
		goroutine_sleep(MICROSECOND);
	atomic_store(&s->stop, true);
	count_down(&s->left);
}

TEST_GO(goroutines_that_yield_starve_no_timer)
{
	struct strife s = { 0 };
	runtime_set_procs(1);
	start(&s, yield_on, 300);
	start(&s, sleep_turns, 1);
	event_wait(&s.left.done);
}

/* --- the netpoller --- */

struct piping {
	struct strife *strife;
	int fds[2];
};

/* Always readable. */
static void read_on(struct piping *p)
{
	while (!atomic_load(&p->strife->stop))
		CHECK_EQ(fd_wait(p->fds[0], FD_READ, NEVER), FD_READ);
	count_down(&p->strife->left);
}

TEST_GO(descriptors_that_are_always_ready_starve_nobody)
{
	enum {
		PIPES = 20
	};
	struct strife s = { 0 };
	struct piping pipes[PIPES];
	runtime_set_procs(1);
	atomic_store(&s.left.left, PIPES);
	for (int i = 0; i < PIPES; i++) {
		pipes[i].strife = &s;
		CHECK_EQ(pipe(pipes[i].fds), 0);
		CHECK_EQ(write(pipes[i].fds[1], "x", 1), 1);
		go(read_on, &pipes[i]);
	}
	start_takers(&s, 1);
	event_wait(&s.left.done);
	for (int i = 0; i < PIPES; i++) {
		fd_wait_end(pipes[i].fds[0]);
		close(pipes[i].fds[0]);
		close(pipes[i].fds[1]);
	}
}

static void wait_readable(struct piping *p)
{
	for (int i = 0; i < 5; i++)
		CHECK_EQ(fd_wait(p->fds[0], FD_READ, NEVER), FD_READ);
	atomic_store(&p->strife->stop, true);
	count_down(&p->strife->left);
}

TEST_GO(goroutines_that_yield_starve_no_descriptor)
{
	struct strife s = { 0 };
	struct piping p = { .strife = &s };
	runtime_set_procs(1);
	CHECK_EQ(pipe(p.fds), 0);
	CHECK_EQ(write(p.fds[1], "x", 1), 1);
	atomic_store(&s.left.left, 1);
	go(wait_readable, &p);
	start(&s, yield_on, 300);
	event_wait(&s.left.done);
	fd_wait_end(p.fds[0]);
	close(p.fds[0]);
	close(p.fds[1]);
}
