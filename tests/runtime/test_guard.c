/* SPDX-License-Identifier: MIT
 *
 * Tests of guard.c: which mode is taken, on this kernel and on one without MADV_GUARD_INSTALL, and how many goroutines it covers.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "runtime/base.h"
#include "runtime/goroutine.h"
#include "runtime/guard.h"
#include "runtime/sanitizer.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/guarded.h"

#define ADVICE_GUARD_INSTALL 102

/* As a kernel that doesn't know the advice, or one that has never heard of it and says yes (an emulator). */
static void take_guards_away(int answer)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ADVICE_GUARD_INSTALL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_LEN(filter), .filter = filter };
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		test_skip("no filters of system calls here");
}

static int check_mode(int argc, char **argv)
{
	(void)argc;
	CHECK_STR(guard_mode(), argv[0]);
	return 0;
}

TEST(the_mode_can_be_chosen_mprotect)
{
	run_under("mprotect", check_mode);
}

TEST(the_mode_can_be_chosen_canary)
{
	run_under("canary", check_mode);
}

TEST_DIES(an_unknown_mode_is_refused, "FETCHD_STACK_GUARD=hope: not madvise, mprotect or canary")
{
	run_under("hope", check_mode);
}

static int check_fallback(int argc, char **argv)
{
	(void)argc, (void)argv;
	CHECK_STR(guard_mode(), "mprotect");
	return 0;
}

TEST(a_kernel_without_guard_markers_gets_mprotect)
{
	unsetenv("FETCHD_STACK_GUARD");
	take_guards_away(EINVAL);
	CHECK_EQ(runtime_main(check_fallback, 0, NULL), 0);
}

TEST(a_kernel_that_only_says_yes_to_guard_markers_gets_mprotect)
{
	unsetenv("FETCHD_STACK_GUARD");
	take_guards_away(0);
	CHECK_EQ(runtime_main(check_fallback, 0, NULL), 0);
}

TEST_DIES(madvise_on_a_kernel_without_it_is_refused,
	  "FETCHD_STACK_GUARD=madvise: this kernel has no MADV_GUARD_INSTALL")
{
	take_guards_away(EINVAL);
	run_under("madvise", check_mode);
}

/* --- how many --- */

static long max_map_count(void)
{
	long maps = 0;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	CHECK(f != NULL && fscanf(f, "%ld", &maps) == 1);
	fclose(f);
	return maps;
}

static int check_limit(int argc, char **argv)
{
	(void)argc, (void)argv;
	long maps = max_map_count();
	CHECK_LT(0, goroutine_limit());
	CHECK_LE(goroutine_limit() * 2, maps > 4096 ? maps : 4096);
	return 0;
}

TEST(the_limit_under_mprotect_follows_max_map_count)
{
	run_under("mprotect", check_limit);
}

static void wait_at(struct waitgroup *gate)
{
	waitgroup_wait(gate);
}

static int start_until_it_dies(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct waitgroup gate = { 0 };
	waitgroup_add(&gate, 1);
	for (int64_t i = goroutine_limit(); i >= 0; i--)
		go(wait_at, &gate);
	return 0;
}

/* More mappings than were reserved for: mprotect fails before the limit is reached. */
static void use_up_mappings(long n)
{
	const size_t page = 65536;
	char *mem = mmap(NULL, (size_t)n * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mem != MAP_FAILED);
	for (long i = 0; i < n; i += 2)
		CHECK_EQ(mprotect(mem + (size_t)i * page, page, PROT_READ), 0);
}

TEST_DIES(too_many_goroutines_under_mprotect_name_the_kernels_limit, "and vm.max_map_count is",
	  .timeout_s = 60)
{
#ifdef HAVE_TSAN
	test_skip("more goroutines than TSan has fibers for");
#endif
	long maps = max_map_count();
	if (maps > 100000)
		test_skip("vm.max_map_count allows more goroutines than this test wants to start");
	use_up_mappings(maps > 20000 ? maps - 10000 : 0);
	run_under("mprotect", start_until_it_dies);
}

/* Where address space is limited there are fewer slots, and not none. */
TEST_DIES(too_many_goroutines_in_a_small_address_space_say_so, "all that the address space admits")
{
#ifdef HAVE_SANITIZER
	test_skip("sanitizers reserve address space by the terabyte");
#endif
	struct rlimit small = { 2000000000,
				2000000000 }; /* half of it is left for threads and malloc */
	CHECK_EQ(setrlimit(RLIMIT_AS, &small), 0);
	CHECK_EQ(mallopt(M_ARENA_MAX, 1), 1);
	run_under("canary", start_until_it_dies);
}
