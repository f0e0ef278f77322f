/* SPDX-License-Identifier: MIT */
#include "runtime/goroutine.h"
#include "runtime/once.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"

struct shared {
	struct once once;
	struct waitgroup wg;
	int calls;
	bool finished;
};

static void slowly(void *arg)
{
	struct shared *s = arg;
	s->calls++;
	for (int i = 0; i < 50; i++)
		goroutine_yield();
	s->finished = true;
}

static void call_once(struct shared *s)
{
	once_do(&s->once, slowly, s);
	CHECK(s->finished);
	waitgroup_done(&s->wg);
}

TEST_GO(once_runs_once_and_nobody_returns_before_it_has)
{
	enum {
		N = 20
	};
	struct shared s = { .calls = 0 };
	waitgroup_add(&s.wg, N);
	for (int i = 0; i < N; i++)
		go(call_once, &s);
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.calls, 1);
	once_do(&s.once, slowly, &s);
	CHECK_EQ(s.calls, 1);
}

static void count(void *arg)
{
	struct shared *s = arg;
	s->calls++;
}

TEST_GO(once_runs_the_first_function_only)
{
	struct shared first = { .calls = 0 }, second = { .calls = 0 };
	struct once once = { 0 };
	once_do(&once, count, &first);
	once_do(&once, count, &second);
	CHECK_EQ(first.calls, 1);
	CHECK_EQ(second.calls, 0);
}

static void do_again(void *arg)
{
	struct shared *s = arg;
	once_do(&s->once, count, s);
}

TEST_GO_DIES(once_that_calls_itself_is_a_deadlock,
	     "fatal error: all goroutines are asleep - deadlock!")
{
	struct shared s = { .calls = 0 };
	once_do(&s.once, do_again, &s);
}

static void do_panic(void *arg)
{
	(void)arg;
	panic("inside of once");
}

TEST_GO_DIES(once_lets_a_panic_through, "panic: inside of once")
{
	struct once once = { 0 };
	once_do(&once, do_panic, NULL);
}

static void call_and_count(struct shared *s)
{
	once_do(&s->once, count, s);
	waitgroup_done(&s->wg);
}

TEST_GO(once_runs_once_in_every_race)
{
	enum {
		N = 8
	};
	for (int round = 0; round < 200; round++) {
		struct shared s = { .calls = 0 };
		waitgroup_add(&s.wg, N);
		for (int i = 0; i < N; i++)
			go(call_and_count, &s);
		waitgroup_wait(&s.wg);
		CHECK_EQ(s.calls, 1);
	}
}
