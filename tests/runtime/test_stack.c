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

/* What a stack has is its slot but for the guard, its g and the colour of its top. */
static int check_slot_size(int argc, char **argv)
{
	size_t slot = strtoul(argv[0], NULL, 10),
	       has = (size_t)((char *)g_self() - stack_low(g_self()));
	CHECK_LT(has, slot - 32 * 1024);
	CHECK_LT(slot - 32 * 1024 - 4096, has);
	run_deep(100, (int)(has / 1536));
	run_deep(100, (int)(has / 1536));
	return argc - 1;
}

static void run_with_slots(const char *size)
{
#ifdef HAVE_SANITIZER
	test_skip("sanitizers' frames want larger stacks");
#endif
	char text[32];
	snprintf(text, sizeof(text), "%s", size);
	setenv("FETCHD_STACK_SLOT", size, 1);
	CHECK_EQ(runtime_main(check_slot_size, 1, (char *[]){ text, NULL }), 0);
}

TEST(slots_of_64_kib_can_be_chosen)
{
	run_with_slots("65536");
}

TEST(slots_of_128_kib_can_be_chosen)
{
	run_with_slots("131072");
}

TEST(slots_of_256_kib_can_be_chosen)
{
	run_with_slots("262144");
}

TEST(slots_of_8_mib_can_be_chosen)
{
	run_with_slots("8388608");
}

TEST_DIES(a_slot_size_must_be_a_number, "FETCHD_STACK_SLOT=131072k: not a power of two from 65536")
{
	setenv("FETCHD_STACK_SLOT", "131072k", 1);
	runtime_main(check_slot_size, 0, NULL);
}

TEST_DIES(a_bad_slot_size_is_refused, "FETCHD_STACK_SLOT=1000")
{
	setenv("FETCHD_STACK_SLOT", "1000", 1);
	runtime_main(check_slot_size, 0, NULL);
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
