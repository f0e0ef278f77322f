/* SPDX-License-Identifier: MIT
 *
 * Tests of crash.c and base.c: how the process dies. What a report shows of goroutines: test_dump.c.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/sched.h"
#include "tests/harness.h"
#include "tests/specimen.h"

static int occurrences(const char *text, const char *words)
{
	int n = 0;
	for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
		n++;
	return n;
}

static void panic_here(void *arg)
{
	(void)arg;
	panic("out of luck");
}

static void wait_for_ever(void *arg)
{
	(void)arg;
	chan_recv((done_chan){ 0 }, NULL);
}

TEST_GO(specimen_panics_beside_others, SPECIMEN)
{
	go(wait_for_ever, NULL);
	go(wait_for_ever, NULL);
	goroutine_sleep(1000);
	go(panic_here, NULL);
	wait_for_ever(NULL);
}

TEST(a_panic_ends_the_program_by_sigabrt_with_its_own_goroutine_first)
{
	const char *report =
		specimen_check_fails("specimen_panics_beside_others", "killed by SIGABRT");
	const char *message = strstr(report, "panic: out of luck\n\ngoroutine "), *own;
	CHECK(message != NULL);
	own = strstr(message, "panic_here(...)\n\ttests/runtime/test_crash.c:");
	CHECK(own != NULL);
	CHECK(strstr(message, "[running]:\n") < own);
	CHECK(strstr(message, "\ngoroutine 1 [") > own);
	CHECK_EQ(occurrences(report, "to run wait_for_ever\n"), 2);
}

static pthread_barrier_t barrier;

static void *panic_together(void *arg)
{
	pthread_barrier_wait(&barrier);
	panic("together %d", (int)(intptr_t)arg);
}

TEST_GO(specimen_panics_on_many_threads, SPECIMEN)
{
	pthread_t t;
	pthread_barrier_init(&barrier, NULL, 8);
	for (intptr_t i = 0; i < 7; i++)
		CHECK_EQ(pthread_create(&t, NULL, panic_together, (void *)i), 0);
	panic_together((void *)7);
}

TEST(panics_at_once_make_one_report_whole)
{
	for (int i = 0; i < 10; i++) {
		const char *report = specimen_check_fails("specimen_panics_on_many_threads",
							  "killed by SIGABRT");
		CHECK_EQ(occurrences(report, "panic: "), 1);
		CHECK_EQ(occurrences(report, "\ngoroutine 1 ["), 1);
	}
}

static void *panic_outside(void *arg)
{
	panic_here(NULL);
	return arg;
}

TEST_GO_DIES(a_panic_on_a_thread_outside_shows_its_stack,
	     "panic: out of luck\n\nthread outside of the runtime:\ndie(...)\n")
{
	pthread_t t;
	CHECK_EQ(pthread_create(&t, NULL, panic_outside, NULL), 0);
	pthread_join(t, NULL);
}

TEST_GO_DIES(a_panic_on_a_thread_outside_shows_lines,
	     "panic_outside(...)\n\ttests/runtime/test_crash.c:")
{
	pthread_t t;
	CHECK_EQ(pthread_create(&t, NULL, panic_outside, NULL), 0);
	pthread_join(t, NULL);
}

TEST_DIES(a_panic_without_runtime_dies_too, "panic: out of luck\n")
{
	panic_here(NULL);
}

static void panic_again(bool is_fatal)
{
	panic("in the report of %s", is_fatal ? "a fatal error" : "a panic");
}

TEST_GO_DIES(a_panic_inside_a_panic_is_told_in_a_line,
	     "panic: out of luck\npanic during panic: in the report of a panic\n")
{
	panic_set_hook(panic_again);
	panic_here(NULL);
}

static void fault(bool is_fatal)
{
	(void)is_fatal;
	volatile uintptr_t address = 0x10;
	*(volatile int *)address = 1;
}

TEST_GO_DIES(a_fault_inside_a_panic_is_told_in_a_line,
	     "panic: out of luck\nfatal error: signal SIGSEGV during the report\n")
{
	panic_set_hook(fault);
	panic_here(NULL);
}

static _Atomic bool reporting;

static void report_slowly(bool is_fatal)
{
	(void)is_fatal;
	atomic_store(&reporting, true);
	while (!atomic_load(&sched.stopping))
		;
	for (int i = 0; i < 20; i++)
		usleep(1000); /* what would end the process is under way: let it come */
	CHECK_LT(0, write(STDERR_FILENO, "reported\n", 9));
}

static void *panic_slowly(void *arg)
{
	panic_set_hook(report_slowly);
	panic("out of luck");
	return arg;
}

TEST_GO(specimen_main_ends_amid_a_report, SPECIMEN)
{
	pthread_t t;
	CHECK_EQ(pthread_create(&t, NULL, panic_slowly, NULL), 0);
	while (!atomic_load(&reporting))
		goroutine_yield();
}

TEST(the_end_of_main_waits_for_a_report_under_way)
{
	const char *report =
		specimen_check_fails("specimen_main_ends_amid_a_report", "killed by SIGABRT");
	CHECK(strstr(report, "\nreported\n") != NULL);
}
