/* SPDX-License-Identifier: MIT
 *
 * Tests of overflow.c: every way in which a goroutine's stack runs out, under each guard mode, says which goroutine, where and how deep.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "runtime/proc.h"
#include "runtime/sanitizer.h"
#include "runtime/stack.h"
#include "tests/harness.h"
#include "tests/runtime/guarded.h"

/* --- ways to run out --- */

/* What is read of the frame after the call keeps compilers from making a loop of it, and from leaving the frame before the call. */
static __attribute__((noinline)) int descend(int levels)
{
	volatile char frame[1024];
	frame[levels % 1024] = 1;
	int deeper = levels == 0 ? 0 : descend(levels - 1);
	return deeper + frame[levels % 1024];
}

static int recurse(int argc, char **argv)
{
	(void)argc, (void)argv;
	return descend(1 << 20);
}

/* A frame that is larger than the guard, and whose first byte alone is used. */
static __attribute__((noinline)) int jump(int levels)
{
	volatile char frame[80 * 1024];
	frame[0] = (char)levels;
	__asm__ volatile("" : : "r"(frame) : "memory"); /* all of it may be needed */
	int deeper = levels == 0 ? 0 : jump(levels - 1);
	return deeper + frame[0];
}

static int jump_over(int argc, char **argv)
{
	(void)argc, (void)argv;
	return jump(10);
}

static __attribute__((noinline)) int compare_deep(const void *a, const void *b);

static int sort_deep(int levels)
{
	int items[2] = { levels, levels };
	qsort(items, 2, sizeof(items[0]), compare_deep);
	return items[0];
}

static int compare_deep(const void *a, const void *b)
{
	return sort_deep(*(const int *)a + 1) - *(const int *)b;
}

/* Some of the frames are a library's, built without frame pointers. */
static int recurse_through_a_library(int argc, char **argv)
{
	(void)argc, (void)argv;
	return sort_deep(0);
}

/* glibc's printf takes some 36 KiB for this, without looking where it steps. */
static __attribute__((noinline)) int print_at(const char *limit)
{
	volatile char frame[512];
	volatile int digits = 3000;
	frame[0] = 0;
	bool far = (const char *)(uintptr_t)frame > limit;
	int deeper = far ? print_at(limit) : snprintf(NULL, 0, "%.*Lf", digits, 1e4000L);
	return deeper + frame[0];
}

static int overflow_in_a_library(int argc, char **argv)
{
	(void)argc, (void)argv;
	volatile int printed = print_at(stack_low(g_self()) + 4096);
	return printed;
}

static void on_user_signal(int number)
{
	descend(1 << 20);
	(void)number;
}

static int overflow_in_a_handler(int argc, char **argv)
{
	(void)argc, (void)argv;
	sigset_t user;
	struct sigaction action = { .sa_handler = on_user_signal };
	sigemptyset(&user);
	sigaddset(&user, SIGUSR1);
	sigaction(SIGUSR1, &action, NULL);
	pthread_sigmask(SIG_UNBLOCK, &user, NULL);
	raise(SIGUSR1);
	return 0;
}

/* --- what is said --- */

#define OVERFLOW \
	"fatal error: goroutine stack overflow\ngoroutine 1 [main] has used up its stack of "

/* The guards that a program gets that asks for none, unless the whole run is made under others. */
static void needs_a_guard(void)
{
	const char *mode = getenv("FETCHD_STACK_GUARD");
	if (mode != NULL && strcmp(mode, "canary") == 0)
		test_skip("a canary is looked at when its goroutine parks, which this one never "
			  "does");
}

TEST_DIES(recursion_without_end_is_an_overflow, OVERFLOW)
{
	runtime_main(recurse, 0, NULL);
}

TEST_DIES(recursion_under_mprotect_guards_is_an_overflow, OVERFLOW)
{
	run_under("mprotect", recurse);
}

TEST_DIES(recursion_under_canaries_is_an_overflow, OVERFLOW)
{
#ifdef HAVE_TSAN
	test_skip("what is overwritten is reported as a race first");
#endif
	run_under("canary", recurse);
}

TEST_DIES(a_large_frame_cannot_jump_over_the_guard, OVERFLOW)
{
	needs_a_guard();
	runtime_main(jump_over, 0, NULL);
}

TEST_DIES(a_large_frame_cannot_jump_over_an_mprotect_guard, OVERFLOW)
{
	run_under("mprotect", jump_over);
}

TEST_DIES(recursion_through_a_library_is_an_overflow, OVERFLOW)
{
	runtime_main(recurse_through_a_library, 0, NULL);
}

TEST_DIES(an_overflow_inside_of_a_library_is_one, OVERFLOW)
{
#ifdef HAVE_SANITIZER
	test_skip("the sanitizers print by functions of their own");
#endif
	needs_a_guard();
	runtime_main(overflow_in_a_library, 0, NULL);
}

TEST_DIES(an_overflow_inside_of_a_library_under_mprotect_guards_is_one, OVERFLOW)
{
#ifdef HAVE_SANITIZER
	test_skip("the sanitizers print by functions of their own");
#endif
	run_under("mprotect", overflow_in_a_library);
}

TEST_DIES(an_overflow_in_a_signal_handler_is_one, OVERFLOW)
{
#ifdef HAVE_TSAN
	test_skip("TSan puts signals off");
#endif
	runtime_main(overflow_in_a_handler, 0, NULL);
}

static void overflow_one(void *arg)
{
	volatile int deepest = descend(1 << 20);
	(void)arg, (void)deepest;
}

TEST_GO_DIES(an_overflow_names_the_goroutine, "[overflow_one] has used up its stack of")
{
	go(overflow_one, NULL);
	goroutine_sleep(10 * SECOND);
}

/* --- and what the rest says --- */

static char output[256 * 1024];

/* Runs another test of this program, and keeps what it prints. */
static int run_and_read(const char *name)
{
	int ends[2], status;
	size_t len = 0;
	CHECK_EQ(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		harness_become(name);
	}
	close(ends[1]);
	for (ssize_t n; (n = read(ends[0], output + len, sizeof(output) - 1 - len)) > 0;)
		len += (size_t)n;
	close(ends[0]);
	output[len] = '\0';
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static int count_of(const char *word)
{
	int n = 0;
	for (const char *at = output; (at = strstr(at, word)) != NULL; at++)
		n++;
	return n;
}

/* Where it is (the innermost frames), how it got there (the outermost), and a line for the hundreds in between. */
TEST(an_overflows_traceback_has_both_ends)
{
	run_and_read("an_overflow_names_the_goroutine");
	CHECK_LT(10, count_of("descend(...)"));
	CHECK_LT(count_of("descend(...)"), 100);
	CHECK_EQ(count_of(" frames elided..."), 1);
	CHECK(strstr(strstr(output, " frames elided..."), "overflow_one(...)") != NULL);
}

TEST(an_overflow_in_a_library_still_shows_who_called_it)
{
#ifdef HAVE_SANITIZER
	test_skip("the sanitizers print by functions of their own");
#endif
	needs_a_guard();
	run_and_read("an_overflow_inside_of_a_library_is_one");
	CHECK_LT(0, count_of("print_at(...)"));
	CHECK_EQ(count_of("overflow_in_a_library(...)"), 1);
}

/* In the guard of one's own stack, but with the stack pointer far above: this is no overflow. */
static void write_into_the_guard(void *arg)
{
	(void)arg;
	*(volatile char *)(stack_low(g_self()) - 100) = 1;
}

TEST_GO_DIES(a_wild_pointer_into_a_guard_is_no_overflow, "'s stack\n")
{
	if (strcmp(stack_guard_mode(), "canary") == 0)
		test_skip("canaries stop no pointer");
	go(write_into_the_guard, NULL);
	goroutine_sleep(10 * SECOND);
}

/* --- the core --- */

static bool core_is_in_this_folder(void)
{
	char pattern[256] = "";
	FILE *f = fopen("/proc/sys/kernel/core_pattern", "re");
	if (f == NULL)
		return false;
	bool known = fgets(pattern, sizeof(pattern), f) != NULL;
	fclose(f);
	return known && strncmp(pattern, "core", 4) == 0;
}

/* Dies, and leaves a core in the test's folder. */
static void die_with_core(void)
{
	struct rlimit core;
	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = core.rlim_max;
	if (chdir(test_dir()) != 0 || setrlimit(RLIMIT_CORE, &core) != 0)
		_exit(1);
	harness_become("an_overflow_names_the_goroutine");
}

static void read_core(void)
{
	char command[8192], self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	CHECK_LT(0, len);
	self[len] = '\0';
	snprintf(command, sizeof(command),
		 "exec gdb -nx -batch -iex 'set debuginfod enabled off' -ex 'bt 5' -ex 'bt -5' "
		 "'%.4000s' '%.200s'/core* 2>&1",
		 self, test_dir());
	FILE *f = popen(command, "re");
	CHECK(f != NULL);
	output[fread(output, 1, sizeof(output) - 1, f)] = '\0';
	int status = pclose(f);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		test_skip("there is no gdb");
}

TEST(the_core_of_an_overflow_has_its_frames, .timeout_s = 60)
{
#ifdef HAVE_SANITIZER
	test_skip("sanitizers leave no core");
#endif
	int status;
	if (!core_is_in_this_folder() || getenv("TEST_LAUNCHER") != NULL)
		test_skip("cores go elsewhere here");
	pid_t pid = fork();
	if (pid == 0)
		die_with_core();
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	if (!WCOREDUMP(status))
		test_skip("no cores here");
	read_core();
	CHECK(strstr(output, "#0 ") != NULL);
	CHECK_LT(4, count_of("descend"));
	CHECK_EQ(count_of(" overflow_one "), 1);
	CHECK_EQ(count_of(" in switch_start"), 1);
}
