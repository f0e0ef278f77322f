/* SPDX-License-Identifier: MIT
 *
 * harness_go: tests that run as the main goroutine, and the leak check at their end.
 *
 * What is counted: goroutines, open descriptors, and channels, contexts and connections when the
 * program has those (leak.h writes the stacks of the first). The first count is taken on the main goroutine, so that what the runtime itself opened
 * at its start is in it. At the end others get 2 s to finish: we yield and look again.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "runtime/leak.h"
#include "tests/harness.h"

#define SETTLE_NS (2 * SECOND)

/* Zero addresses in programs that have no such thing. */
int64_t chan_count(void) __attribute__((weak));
int64_t context_count(void) __attribute__((weak));
int64_t conn_count(void) __attribute__((weak));

enum {
	GOROUTINES,
	CHANS,
	CONTEXTS,
	CONNS,
	DESCRIPTORS,
	KINDS
};
static const char *const kind_names[KINDS] = { "goroutines", "channels", "contexts", "connections",
					       "descriptors" };

struct census {
	int64_t count[KINDS];
};

static struct test *test;

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* Counts open descriptors; prints where they lead when asked to. */
static int count_descriptors(bool print)
{
	DIR *dir = opendir("/proc/self/fd");
	char target[256];
	int n = 0;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.' || atoi(e->d_name) == dirfd(dir))
			continue;
		n++;
		ssize_t size = -1;
		if (print)
			size = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
		if (size >= 0)
			fprintf(stderr, "  descriptor %s: %.*s\n", e->d_name, (int)size, target);
	}
	if (dir)
		closedir(dir);
	return n;
}

static struct census take_census(void)
{
	return (struct census){ {
		[GOROUTINES] = goroutine_count(),
		[CHANS] = chan_count ? chan_count() : 0,
		[CONTEXTS] = context_count ? context_count() : 0,
		[CONNS] = conn_count ? conn_count() : 0,
		[DESCRIPTORS] = count_descriptors(false),
	} };
}

static bool leaks(const struct census *before, const struct census *after)
{
	for (int i = 0; i < KINDS; i++)
		if (after->count[i] > before->count[i])
			return true;
	return false;
}

static void print_leaks(const struct census *before, const struct census *after)
{
	for (int i = 0; i < KINDS; i++)
		if (after->count[i] > before->count[i])
			fprintf(stderr, "leak: %s %jd -> %jd\n", kind_names[i],
				(intmax_t)before->count[i], (intmax_t)after->count[i]);
	if (after->count[DESCRIPTORS] > before->count[DESCRIPTORS])
		count_descriptors(true);
}

/* Goroutines first: what they hold goes with them. */
static int check_leaks(const struct census *before)
{
	int64_t left = leak_check(STDERR_FILENO);
	int64_t deadline = now_ns() + (left == 0 ? SETTLE_NS : 0);
	struct census after = take_census();
	while (leaks(before, &after) && now_ns() < deadline) {
		goroutine_yield();
		usleep(100);
		after = take_census();
	}
	if (!leaks(before, &after))
		return 0;
	print_leaks(before, &after);
	return 1;
}

static int main_goroutine(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct census before = take_census();
	test->body();
	return check_leaks(&before);
}

int harness_run_go(struct test *t)
{
	test = t;
	return runtime_main(main_goroutine, 0, NULL);
}
