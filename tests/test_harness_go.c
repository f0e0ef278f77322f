/* SPDX-License-Identifier: MIT
 *
 * The half of the harness that belongs to goroutines, tested with itself as in test_harness.c.
 */
#include <unistd.h>

#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "tests/harness.h"
#include "tests/specimen.h"

static void fail_here(int *arg)
{
	CHECK_EQ(*arg, 2);
}

static void sleep_long(void *arg)
{
	(void)arg;
	goroutine_sleep(60 * SECOND);
}

static void sleep_a_little(void *arg)
{
	(void)arg;
	goroutine_sleep(50 * MILLISECOND);
}

static void spin(void *arg)
{
	(void)arg;
	for (;;)
		goroutine_yield();
}

TEST_GO(specimen_is_on_a_goroutine, SPECIMEN)
{
	CHECK_NE(goroutine_id(), 0);
}

TEST_GO(specimen_fails_in_another_goroutine, SPECIMEN)
{
	int one = 1;
	go(fail_here, &one);
	for (;;)
		goroutine_yield();
}

TEST_GO(specimen_leaks_a_goroutine, SPECIMEN)
{
	go(sleep_long, NULL);
}

TEST_GO(specimen_leaks_a_descriptor, SPECIMEN)
{
	CHECK(dup(0) >= 0);
}

TEST_GO(specimen_leaks_a_channel, SPECIMEN)
{
	done_chan c = chan_make(done_chan, 0);
	chan_close(c);
}

TEST_GO(specimen_leaves_what_ends_soon, SPECIMEN)
{
	go(sleep_a_little, NULL);
}

TEST_GO(specimen_hangs, SPECIMEN, .timeout_s = 1)
{
	go(spin, NULL);
	goroutine_sleep(60 * SECOND);
}

TEST(harness_runs_a_test_on_the_main_goroutine)
{
	specimen_check_passes("specimen_is_on_a_goroutine", "ok ");
}

TEST(harness_aborts_from_any_goroutine)
{
	specimen_check_fails("specimen_fails_in_another_goroutine", "*arg == 2: 1 and 2");
}

TEST(harness_finds_a_leaked_goroutine)
{
	specimen_check_fails("specimen_leaks_a_goroutine", "goroutines 1 -> 2");
}

TEST(harness_finds_a_leaked_descriptor)
{
	specimen_check_fails("specimen_leaks_a_descriptor", "/dev/null");
}

TEST(harness_finds_a_leaked_channel)
{
	specimen_check_fails("specimen_leaks_a_channel", "channels 0 -> 1");
}

TEST(harness_waits_for_what_ends_soon)
{
	specimen_check_passes("specimen_leaves_what_ends_soon", "ok ");
}

TEST(harness_dumps_the_goroutines_of_a_test_that_hangs)
{
	const char *output = specimen_check_fails("specimen_hangs", "time limit of 1 s");
	CHECK(strstr(output, "goroutine 1 [sleep"));
}
