/* SPDX-License-Identifier: MIT
 *
 * Tests of goroutine.c: starting goroutines, sleeping, counting.
 */
#include <stdatomic.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/proc.h"
#include "runtime/runq.h"
#include "tests/harness.h"
#include "tests/runtime/event.h"

static void arrive(struct countdown *c)
{
	count_down(c);
}

TEST_GO(every_started_goroutine_runs_once)
{
	struct countdown c = { .left = 10000 };
	for (int i = 0; i < 10000; i++)
		go(arrive, &c);
	event_wait(&c.done);
	CHECK_EQ(c.left, 0);
}

struct copied {
	struct countdown *c;
	char text[1000];
};

static void check_copy(struct copied *args)
{
	CHECK_STR(args->text, "all of it");
	CHECK_EQ((uintptr_t)args % 16, 0);
	count_down(args->c);
}

TEST_GO(go_with_copies_its_arguments)
{
	struct countdown c = { .left = 100 };
	struct copied args = { .c = &c, .text = "all of it" };
	for (int i = 0; i < 100; i++)
		go_with(check_copy, args);
	memset(&args, 0, sizeof(args));
	event_wait(&c.done);
}

struct too_large {
	char bytes[1025];
};

static void never_runs(struct too_large *args)
{
	(void)args;
}

TEST_GO_DIES(go_with_refuses_more_than_1024_bytes, "at most 1024 are copied")
{
	static struct too_large args;
	go_with(never_runs, args);
}

TEST_DIES(go_outside_of_the_runtime_panics, "not on a goroutine")
{
	struct countdown c = { .left = 1 };
	go(arrive, &c);
}

static void spawn_tree(struct countdown *c)
{
	int n = atomic_fetch_sub(&c->left, 1);
	if (n > 2) {
		go(spawn_tree, c);
		go(spawn_tree, c);
	}
	if (n == 1)
		event_set(&c->done);
}

TEST_GO(goroutines_may_start_goroutines)
{
	struct countdown c = { .left = 20000 };
	go(spawn_tree, &c);
	event_wait(&c.done);
	while (goroutine_count() > 1)
		goroutine_yield();
}

/* A thief holds no more than its ring. */
TEST_GO(one_that_starts_many_gives_way_to_them)
{
	enum {
		ALL = 20000
	};
	struct countdown c = { .left = ALL };
	int most = 0;
	for (int started = 1; started <= ALL; started++) {
		go(count_down, &c);
		int alive = started - (ALL - atomic_load(&c.left));
		most = alive > most ? alive : most;
	}
	CHECK_LE(most, 64 + ((int)RUNQ_SIZE + 1) * runtime_procs());
	event_wait(&c.done);
}

TEST_GO(sleep_takes_at_least_its_time)
{
	int64_t before = clock_now();
	goroutine_sleep(3 * MILLISECOND);
	CHECK_LE(3 * MILLISECOND, clock_now() - before);
	goroutine_sleep(0);
	goroutine_sleep(-1);
}

static void note_id(_Atomic uint64_t *ret_id)
{
	atomic_store(ret_id, goroutine_id());
}

TEST_GO(ids_are_unique_and_main_is_1)
{
	CHECK_EQ(goroutine_id(), 1);
	static _Atomic uint64_t ids[1000];
	for (int i = 0; i < 1000; i++)
		go(note_id, &ids[i]);
	while (goroutine_count() > 1)
		goroutine_yield();
	for (int i = 0; i < 1000; i++) {
		CHECK_LT(1, ids[i]);
		for (int j = 0; j < i; j++)
			CHECK_NE(ids[i], ids[j]);
	}
}

TEST(there_is_no_goroutine_outside_of_the_runtime)
{
	CHECK_EQ(goroutine_id(), 0);
	CHECK(g_self() == NULL);
}

struct waiting {
	struct event go_on;
	struct countdown *left;
};

static void wait_and_count(struct waiting *w)
{
	event_wait(&w->go_on);
	count_down(w->left);
}

TEST_GO(count_follows_starts_and_ends)
{
	struct waiting w[10] = { 0 };
	struct countdown c = { .left = 10 };
	CHECK_EQ(goroutine_count(), 1);
	for (int i = 0; i < 10; i++) {
		w[i].left = &c;
		go(wait_and_count, &w[i]);
	}
	CHECK_EQ(goroutine_count(), 11);
	for (int i = 0; i < 10; i++)
		event_set(&w[i].go_on);
	event_wait(&c.done);
	while (goroutine_count() > 1)
		goroutine_yield();
}
