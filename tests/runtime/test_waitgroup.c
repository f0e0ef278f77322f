/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

struct shared {
	struct waitgroup wg, waited;
	_Atomic int n;
};

static void add_and_done(struct shared *s)
{
	goroutine_yield();
	atomic_fetch_add(&s->n, 1);
	waitgroup_done(&s->wg);
}

TEST_GO(waitgroup_waits_for_all)
{
	enum {
		N = 200
	};
	struct shared s = { .n = 0 };
	for (int round = 1; round <= 5; round++) { /* may be used again */
		waitgroup_add(&s.wg, N);
		CHECK_EQ(waitgroup_count(&s.wg), N);
		for (int i = 0; i < N; i++)
			go(add_and_done, &s);
		waitgroup_wait(&s.wg);
		CHECK_EQ(s.n, round * N);
	}
}

TEST_GO(waitgroup_of_nothing_does_not_wait)
{
	struct waitgroup wg = { 0 };
	waitgroup_wait(&wg);
	waitgroup_add(&wg, 2);
	waitgroup_add(&wg, -2);
	waitgroup_wait(&wg);
}

static void wait_and_count(struct shared *s)
{
	waitgroup_wait(&s->wg);
	atomic_fetch_add(&s->n, 1);
	waitgroup_done(&s->waited);
}

TEST_GO(waitgroup_wakes_all_who_wait)
{
	enum {
		N = 20
	};
	struct shared s = { .n = 0 };
	waitgroup_add(&s.wg, 1);
	waitgroup_add(&s.waited, N);
	for (int i = 0; i < N; i++)
		go(wait_and_count, &s);
	wait_line(&s.wg.sema.lock, &s.wg.sema.line, N);
	CHECK_EQ(s.n, 0);
	waitgroup_done(&s.wg);
	waitgroup_wait(&s.waited);
	CHECK_EQ(s.n, N);
}

static void done_on_heap(struct waitgroup *wg)
{
	waitgroup_done(wg);
}

/* For address sanitizer: the last done may not touch what the waiter frees. */
TEST_GO(waitgroup_may_be_freed_as_soon_as_wait_returns)
{
	for (int i = 0; i < 2000; i++) {
		struct waitgroup *wg = calloc(1, sizeof(*wg));
		CHECK(wg != NULL);
		waitgroup_add(wg, 2);
		go(done_on_heap, wg);
		go(done_on_heap, wg);
		waitgroup_wait(wg);
		free(wg);
	}
}

TEST_GO_DIES(waitgroup_done_too_often_panics, "panic: sync: negative WaitGroup counter")
{
	struct waitgroup wg = { 0 };
	waitgroup_add(&wg, 1);
	waitgroup_done(&wg);
	waitgroup_done(&wg);
}

TEST_GO_DIES(waitgroup_add_below_zero_panics, "panic: sync: negative WaitGroup counter")
{
	struct waitgroup wg = { 0 };
	waitgroup_add(&wg, -1);
}

/* The race detector finds it first, in its own words. */
#ifndef SANITIZER_EXPLICIT_EDGES
static void reuse_too_early(struct shared *s)
{
	waitgroup_done(&s->wg);	  /* wakes who waits, */
	waitgroup_add(&s->wg, 1); /* and counts up again before it has run */
	waitgroup_done(&s->waited);
}

/* Who waits may be faster, then nothing is wrong: so until it isn't. */
TEST_GO_DIES(waitgroup_reuse_before_wait_has_returned_panics,
	     "panic: sync: WaitGroup is reused before previous Wait has returned")
{
	struct shared s = { .n = 0 };
	for (;;) {
		waitgroup_add(&s.wg, 1);
		waitgroup_add(&s.waited, 1);
		go(reuse_too_early, &s);
		waitgroup_wait(&s.wg);
		waitgroup_wait(&s.waited);
		waitgroup_done(&s.wg);
	}
}
#endif

/* The counter is 0 while somebody is still counted as waiting: the moment between, as it looks to an add. */
TEST_GO_DIES(waitgroup_add_from_zero_beside_a_wait_panics,
	     "panic: sync: WaitGroup misuse: Add called concurrently with Wait")
{
	struct waitgroup wg = { .state = 1 };
	waitgroup_add(&wg, 1);
}

static void add_more_and_done(struct shared *s)
{
	for (int i = 0; i < 100; i++) {
		waitgroup_add(&s->wg, 1); /* the counter isn't 0: allowed beside a wait */
		if (i % 10 == 0)
			goroutine_yield();
		waitgroup_done(&s->wg);
	}
	atomic_fetch_add(&s->n, 1);
	waitgroup_done(&s->wg);
}

TEST_GO(waitgroup_may_grow_while_somebody_waits)
{
	enum {
		N = 10
	};
	struct shared s = { .n = 0 };
	waitgroup_add(&s.wg, N);
	for (int i = 0; i < N; i++)
		go(add_more_and_done, &s);
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.n, N);
}

TEST_GO_DIES(waitgroup_is_named_in_the_deadlock_report, "sync.WaitGroup.Wait")
{
	struct waitgroup wg = { 0 };
	waitgroup_add(&wg, 1);
	waitgroup_wait(&wg);
}
