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
