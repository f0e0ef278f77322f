/* SPDX-License-Identifier: MIT
 *
 * Tests of startup.c: from main to the main goroutine and back.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/blocking.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/rand.h"
#include "runtime/sanitizer.h"
#include "runtime/sched.h"
#include "tests/harness.h"

static int main_that_returns_42(int argc, char **argv)
{
	CHECK_EQ(argc, 1);
	CHECK_STR(argv[0], "name");
	return 42;
}

TEST(runtime_main_returns_what_main_returns)
{
	char name[] = "name", *argv[] = { name, NULL };
	CHECK_EQ(runtime_main(main_that_returns_42, 1, argv), 42);
}

static void hog(void *arg)
{
	(void)arg;
	for (;;)
		;
}

static int main_that_leaves_a_hog(int argc, char **argv)
{
	(void)argc, (void)argv;
	go(hog, NULL);
	goroutine_sleep(MILLISECOND);
	return 7;
}

TEST(runtime_main_returns_although_a_goroutine_hogs_its_thread)
{
	setenv("GOMAXPROCS", "4", 1);
	CHECK_EQ(runtime_main(main_that_leaves_a_hog, 0, NULL), 7);
}

/* --- the end, whatever is under way --- */

static void compute(int64_t ns)
{
	for (int64_t until = clock_now() + ns; clock_now() < until;)
		;
}

static void compute_now_and_then(void *arg)
{
	(void)arg;
	for (;;) {
		compute((int64_t)rand_below(500) * MICROSECOND);
		goroutine_yield();
	}
}

static void sleep_now_and_then(void *arg)
{
	(void)arg;
	for (;;)
		goroutine_sleep((int64_t)rand_below(200) * MICROSECOND);
}

static void change_procs(void *arg)
{
	(void)arg;
	for (;;) {
		runtime_set_procs(1 + (int)rand_below(4));
		goroutine_sleep((int64_t)rand_below(100) * MICROSECOND);
	}
}

static void nap(void *arg)
{
	(void)arg;
	usleep(50);
}

static void block_now_and_then(void *arg)
{
	(void)arg;
	for (;;)
		blocking_call(nap, NULL);
}

static void start_others(void *arg)
{
	(void)arg;
	for (;;) {
		for (int i = 0; i < 100; i++)
			go(nap, NULL);
		goroutine_sleep(MILLISECOND);
	}
}

static int main_that_leaves_all_sorts(int argc, char **argv)
{
	(void)argc, (void)argv;
	atomic_store(&sched.knobs.slice_ns, 100 * MICROSECOND);
	for (int i = 0; i < 3; i++) {
		go(compute_now_and_then, NULL);
		go(sleep_now_and_then, NULL);
	}
	go(change_procs, NULL);
	go(block_now_and_then, NULL);
	go(start_others, NULL);
	goroutine_sleep((int64_t)rand_below(2000) * MICROSECOND);
	if (rand_below(2) == 0)
		compute(MILLISECOND); /* and loses its processor, perhaps */
	return 7;
}

#ifdef HAVE_TSAN /* whose processes take a second to end */
#define ENDS 5
#else
#define ENDS 30
#endif

TEST(runtime_main_returns_whatever_is_under_way, .timeout_s = 60)
{
	for (int i = 0; i < ENDS; i++) {
		pid_t child = fork();
		CHECK(child >= 0);
		if (child == 0)
			exit(runtime_main(main_that_leaves_all_sorts, 0, NULL));
		int status;
		CHECK_EQ(waitpid(child, &status, 0), child);
		CHECK_EQ(status, 7 << 8);
	}
}
