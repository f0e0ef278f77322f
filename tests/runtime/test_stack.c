/* SPDX-License-Identifier: MIT
 *
 * Tests of stack.c, under each guard mode, and of the overflow message of crash.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "runtime/proc.h"
#include "runtime/sanitizer.h"
#include "runtime/sched.h"
#include "runtime/stack.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/guarded.h"

/* Recursion that the compiler can't turn into a loop; each level takes a little over a KiB. */
static __attribute__((noinline)) int descend(int levels)
{
	volatile char frame[1024];
	memset((void *)(uintptr_t)frame, 1, sizeof(frame));
	return levels == 0 ? 0 : descend(levels - 1) + frame[levels % 1024];
}

struct depth {
	int levels;
	struct waitgroup *done;
};

static void go_deep(struct depth *d)
{
	CHECK_EQ(descend(d->levels), d->levels);
	waitgroup_done(d->done);
}

static void run_deep(int goroutines, int levels)
{
	struct waitgroup done = { 0 };
	waitgroup_add(&done, goroutines);
	for (int i = 0; i < goroutines; i++)
		go_with(go_deep, (struct depth){ .levels = levels, .done = &done });
	waitgroup_wait(&done);
}

static int check_deep(int argc, char **argv)
{
	(void)argc;
	if (argv != NULL)
		CHECK_STR(stack_guard_mode(), argv[0]);
	run_deep(500, 60);
	run_deep(500, 60);
	return 0;
}

static bool kernel_has_guards(void)
{
	return strcmp(stack_guard_mode(), "madvise") == 0;
}

static int skip_without_madvise(int argc, char **argv)
{
	(void)argc, (void)argv;
	if (!kernel_has_guards())
		test_skip("this kernel has no MADV_GUARD_INSTALL");
	return check_deep(0, NULL);
}

TEST(deep_stacks_work_under_the_default_guard)
{
	CHECK_EQ(runtime_main(skip_without_madvise, 0, NULL), 0);
}

TEST(deep_stacks_work_under_mprotect_guards)
{
	run_under("mprotect", check_deep);
}

TEST(deep_stacks_work_under_canaries)
{
	run_under("canary", check_deep);
}

static __attribute__((noinline)) int descend_to(const char *limit)
{
	volatile char frame[1024];
	memset((void *)(uintptr_t)frame, 1, sizeof(frame));
	return (const char *)(uintptr_t)frame < limit ? 0 : descend_to(limit) + frame[0];
}

/* Far enough into the guard to be seen, not far enough to reach the next slot. */
static int overflow_a_little(int argc, char **argv)
{
	(void)argc, (void)argv;
	descend_to(stack_low(g_self()) - 8192);
	goroutine_yield();
	return 0;
}

TEST_DIES(an_overflow_under_canaries_is_found_at_the_next_park, "goroutine stack overflow")
{
	run_under("canary", overflow_a_little);
}

static int check_slot_size(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct g *g = g_self();
	CHECK_LT(200 * 1024, (char *)g - stack_low(g));
	run_deep(10, 150);
	return 0;
}

TEST(the_slot_size_can_be_chosen)
{
	setenv("FETCHD_STACK_SLOT", "262144", 1);
	CHECK_EQ(runtime_main(check_slot_size, 0, NULL), 0);
}

TEST_DIES(a_bad_slot_size_is_refused, "FETCHD_STACK_SLOT=1000")
{
	setenv("FETCHD_STACK_SLOT", "1000", 1);
	runtime_main(check_slot_size, 0, NULL);
}

/* --- memory --- */

static void wait_at(struct waitgroup *gate)
{
	waitgroup_wait(gate);
}

static int64_t resident_bytes(void)
{
	long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	CHECK(f != NULL && fscanf(f, "%ld %ld", &pages, &resident) == 2);
	fclose(f);
	return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

static void start_waiters(struct waitgroup *gate, int n)
{
	for (int i = 0; i < n; i++)
		go(wait_at, gate);
	while (goroutine_count() < n + 1 || waitgroup_count(gate) != 1)
		goroutine_yield();
	goroutine_yield();
}

TEST_GO(a_parked_goroutine_costs_one_page)
{
#ifdef HAVE_SANITIZER
	test_skip("sanitizers have memory of their own for each stack");
#endif
	enum {
		N = 20000
	};
	struct waitgroup gate = { 0 };
	waitgroup_add(&gate, 1);
	start_waiters(&gate, 100);
	int64_t before = resident_bytes();
	for (int i = 0; i < N; i++) {
		go(wait_at, &gate);
		if (i % 100 == 0)
			goroutine_yield();
	}
	goroutine_sleep(10 * MILLISECOND);
	int64_t each = (resident_bytes() - before) / N;
	waitgroup_done(&gate);
	while (goroutine_count() > 1)
		goroutine_yield();
	CHECK_LE(each, 4400);
}

TEST_GO(memory_of_a_burst_goes_back_to_the_kernel)
{
#ifdef HAVE_SANITIZER
	test_skip("sanitizers have memory of their own for each stack");
#endif
	enum {
		N = 20000
	};
	int64_t before = resident_bytes();
	struct waitgroup gate = { 0 };
	waitgroup_add(&gate, 1);
	for (int i = 0; i < N; i++)
		go(wait_at, &gate);
	goroutine_sleep(10 * MILLISECOND);
	CHECK_LT(N * INT64_C(4096), resident_bytes() - before);
	waitgroup_done(&gate);
	while (goroutine_count() > 1)
		goroutine_yield();
	while (resident_bytes() - before > N * INT64_C(4096) / 4) /* sysmon takes its time */
		goroutine_sleep(50 * MILLISECOND);
}

TEST_GO(slots_are_used_again)
{
	for (int round = 0; round < 20; round++) {
		run_deep(200, 1);
		while (goroutine_count() > 1)
			goroutine_yield();
	}
	CHECK_LE(stack_used(), 200 + 64u * (uint32_t)runtime_procs() + 64);
}

TEST_GO(tops_are_coloured_and_inside_their_slots)
{
	run_deep(100, 1);
	for (uint32_t i = 0; i < 32; i++) {
		struct g *g = stack_slot(i);
		CHECK_EQ((uintptr_t)g % 64, 0);
		CHECK(stack_find(g) == g);
		CHECK(stack_find(stack_low(g)) == g);
		CHECK(!stack_is_guard(stack_low(g)));
		CHECK(stack_is_guard(stack_low(g) - 1));
		if (i > 0)
			CHECK_NE((uintptr_t)g % 4096, (uintptr_t)stack_slot(i - 1) % 4096);
	}
}
