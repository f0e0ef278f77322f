/* SPDX-License-Identifier: MIT
 *
 * The programs of examples/, run as a reader would run them, and what they print.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/harness.h"

int pipeline_main(int argc, char **argv);
int workers_main(int argc, char **argv);
int timeout_main(int argc, char **argv);

#define main  pipeline_main
#define start pipeline_start
#include "tests/runtime/examples/pipeline.c"
#undef main
#undef start

#define main  workers_main
#define start workers_start
#include "tests/runtime/examples/workers.c"
#undef main
#undef start

#define main  timeout_main
#define start timeout_start
#include "tests/runtime/examples/timeout.c"
#undef main
#undef start

static void check_output(int (*program)(int argc, char **argv), const char *want)
{
	char path[4096], got[1024];
	snprintf(path, sizeof(path), "%s/output", test_dir());
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
	CHECK_EQ(program(0, NULL), 0);
	fflush(stdout);
	ssize_t n = pread(fd, got, sizeof(got) - 1, 0);
	CHECK(n >= 0);
	got[n] = '\0';
	CHECK_STR(got, want);
	close(fd);
}

TEST(example_pipeline)
{
	check_output(pipeline_main, "1² + 2² + … + 10² = 385\n");
}

TEST(example_workers)
{
	check_output(workers_main, "job 0: done, job 13: not done, error EIO\n");
}

TEST(example_timeout)
{
	check_output(timeout_main, "answer: 42\ntimeout: never mind\n");
}
