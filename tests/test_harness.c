/* SPDX-License-Identifier: MIT
 *
 * The harness tested with itself: each test here runs this program once more on one of the
 * specimens below, which fail, hang or die, and looks at what it reports.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness.h"
#include "tests/specimen.h"

/* --- specimens --------------------------------------------------------------------------- */

TEST(specimen_passes, SPECIMEN)
{
	CHECK(1 + 1 == 2);
	CHECK_EQ(-3, -3);
	CHECK_LT(-3, 2);
	CHECK_LE(2, 2);
	CHECK_NE(1, 2);
	CHECK_STR("a", "a");
	CHECK_STR(NULL, NULL);
	CHECK_OK(0);
	CHECK_MEM("abc", "abd", 2);
}

TEST(specimen_not_equal, SPECIMEN)
{
	CHECK_EQ(20 + 1, 22);
}

TEST(specimen_not_the_same_string, SPECIMEN)
{
	CHECK_STR("left", "right");
}

TEST(specimen_err, SPECIMEN)
{
	CHECK_OK(-2);
}

TEST(specimen_not_the_same_bytes, SPECIMEN)
{
	CHECK_MEM("abcd", "abzz", 4);
}

static void *fail_here(void *arg)
{
	CHECK(arg);
	return NULL;
}

TEST(specimen_fails_in_a_thread, SPECIMEN)
{
	pthread_t t;
	pthread_create(&t, NULL, fail_here, NULL);
	pthread_join(t, NULL);
}

TEST(specimen_hangs, SPECIMEN, .timeout_s = 1)
{
	for (;;)
		pause();
}

TEST(specimen_ignores_signals_and_hangs, SPECIMEN, .timeout_s = 1)
{
	signal(SIGQUIT, SIG_IGN);
	signal(SIGABRT, SIG_IGN);
	for (;;)
		pause();
}

TEST_DIES(specimen_should_die_and_does_not, "anything", SPECIMEN)
{
}

TEST_DIES(specimen_dies_of_something_else, "the right words", SPECIMEN)
{
	fputs("other words\n", stderr);
	abort();
}

TEST(specimen_is_skipped, SPECIMEN)
{
	test_skip("not on this machine");
}

TEST(specimen_leaves_a_process, SPECIMEN)
{
	pid_t pid = fork();
	while (!pid)
		pause();
	printf("left %d\n", pid);
	test_fail("to show the log");
}

TEST(specimen_leaves_files, SPECIMEN)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/sub", test_dir());
	CHECK_OK(mkdir(path, 0700));
	test_fail("folder=%s", test_dir());
}

/* --- how they are watched ---------------------------------------------------------------- */

TEST(harness_reports_a_passing_test)
{
	CHECK(!strncmp(specimen_check_passes("specimen_passes", " 1 tests "), "ok ", 3));
}

TEST(harness_runs_several_in_parallel)
{
	const char *arguments = "-j 2 specimen_passes specimen_not_equal specimen_passes";
	specimen_check_fails(arguments, "1 of 3 tests");
}

TEST(harness_prints_place_and_both_integers)
{
	const char *output = specimen_check_fails("specimen_not_equal", "20 + 1 == 22: 21 and 22");
	CHECK(strstr(output, "test_harness.c:"));
}

TEST(harness_prints_both_strings)
{
	specimen_check_fails("specimen_not_the_same_string", "\"left\" and \"right\"");
}

TEST(harness_names_the_error)
{
	specimen_check_fails("specimen_err", "-2 (ENOENT: No such file or directory)");
}

TEST(harness_shows_the_first_different_byte)
{
	specimen_check_fails("specimen_not_the_same_bytes", "differ from byte 2 of 4");
}

TEST(harness_aborts_from_any_thread)
{
	const char *output = specimen_check_fails("specimen_fails_in_a_thread", "CHECK(arg)");
	CHECK(strstr(output, "SIGABRT"));
}

TEST(harness_ends_a_test_at_its_time_limit)
{
	specimen_check_fails("specimen_hangs", "time limit of 1 s");
}

TEST(harness_kills_what_ignores_gentler_signals)
{
	specimen_check_fails("specimen_ignores_signals_and_hangs", "time limit of 1 s");
}

TEST(harness_fails_an_expected_death_that_does_not_come)
{
	specimen_check_fails("specimen_should_die_and_does_not", "expected to die");
}

TEST(harness_fails_a_death_with_other_words)
{
	specimen_check_fails("specimen_dies_of_something_else", "lacks \"the right words\"");
}

TEST(harness_counts_a_skipped_test_as_neither)
{
	const char *output = specimen_check_passes("specimen_is_skipped", " 0 tests ");
	CHECK(strstr(output, "not on this machine"));
}

TEST(harness_ends_what_a_test_leaves_running)
{
	const char *output = specimen_check_fails("specimen_leaves_a_process", "left ");
	pid_t pid = atoi(strstr(output, "left ") + 5);
	for (int i = 0; i < 2000 && kill(pid, 0) == 0; i++) {
		char path[64], state[64] = "";
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		FILE *f = fopen(path, "r");
		if (!f || (fgets(state, sizeof(state), f) && strstr(state, ") Z ")))
			return; /* gone, or a zombie that waits for init */
		fclose(f);
		usleep(1000);
	}
	CHECK(kill(pid, 0) != 0);
}

TEST(harness_removes_the_folder_of_a_test)
{
	const char *output = specimen_check_fails("specimen_leaves_files", "folder=");
	char dir[256];
	CHECK_EQ(sscanf(strstr(output, "folder="), "folder=%255s", dir), 1);
	CHECK(access(dir, F_OK) != 0);
}

TEST_DIES(harness_passes_an_expected_abort, "last words")
{
	fputs("these are my last words\n", stderr);
	abort();
}

TEST_DIES(harness_passes_an_expected_exit, "sorry")
{
	fputs("sorry\n", stderr);
	exit(3);
}
