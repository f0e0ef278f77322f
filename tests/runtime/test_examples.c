/* SPDX-License-Identifier: MIT
 *
 * The programs of examples/, run as a reader would run them, and what they print. They lie beside this one, in examples/.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/sanitizer.h"
#include "tests/harness.h"

static void become(const char *name)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	CHECK_LT(0, len);
	path[len] = '\0';
	char *folder_end = strrchr(path, '/');
	snprintf(folder_end, sizeof(path) - (size_t)(folder_end - path), "/examples/%s", name);
	execl(path, name, (char *)NULL);
	test_fail("%s: %s", path, strerror(errno));
}

static pid_t start(const char *name, int *ret_output)
{
	int pipe_ends[2];
	CHECK_EQ(pipe(pipe_ends), 0);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		dup2(pipe_ends[1], STDOUT_FILENO);
		close(pipe_ends[0]);
		close(pipe_ends[1]);
		become(name);
	}
	close(pipe_ends[1]);
	*ret_output = pipe_ends[0];
	return pid;
}

/* Sends it a signal (0: none) once it has printed its first line. */
static void check_program(const char *name, int signal_number, const char *want)
{
	char got[1024];
	size_t len = 0;
	ssize_t n;
	int output, status;
	pid_t pid = start(name, &output);
	while ((n = read(output, got + len, sizeof(got) - 1 - len)) > 0) {
		len += (size_t)n;
		if (signal_number && memchr(got, '\n', len)) {
			CHECK_EQ(kill(pid, signal_number), 0);
			signal_number = 0;
		}
	}
	got[len] = '\0';
	CHECK_EQ(n, 0);
	close(output);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_STR(got, want);
	CHECK_EQ(status, 0);
}

TEST(example_pipeline)
{
	check_program("pipeline", 0, "1² + 2² + … + 10² = 385\n");
}

TEST(example_fanout)
{
	check_program("fanout", 0, "1229 primes below 10000\n");
}

TEST(example_workers)
{
	check_program("workers", 0, "job 0: done, job 13: not done, error EIO\n");
}

TEST(example_timeout)
{
	check_program("timeout", 0, "answer: 42\ntimeout: never mind\n");
}

TEST(example_leak_and_its_three_fixes)
{
	check_program("leak", 0,
		      "leak: 1 left\nbuffered channel: 0 left\nclosed channel: 0 left\n"
		      "cancelled context: 0 left\n");
}

TEST(example_counter)
{
	check_program("counter", 0, "mutex: 4000\nchannel: 4000\n");
}

TEST(example_echo)
{
	check_program("echo", 0, "hello\n");
}

TEST(example_ratelimit)
{
	check_program("ratelimit", 0,
		      "request 1\nrequest 2\nrequest 3\nrequest 4\nrequest 5\nrequest 6\n"
		      "not faster than allowed\n");
}

TEST(example_shutdown_by_sigterm)
{
#ifdef HAVE_TSAN
	test_skip("TSan now and then runs no handler for a signal that came");
#endif
	check_program("shutdown", SIGTERM,
		      "working; Ctrl-C stops\nSIGTERM: stopping\nall 3 workers have finished\n");
}

TEST(example_shutdown_by_sigint)
{
#ifdef HAVE_TSAN
	test_skip("TSan now and then runs no handler for a signal that came");
#endif
	check_program("shutdown", SIGINT,
		      "working; Ctrl-C stops\nSIGINT: stopping\nall 3 workers have finished\n");
}
