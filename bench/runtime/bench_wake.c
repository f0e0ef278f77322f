/* SPDX-License-Identifier: MIT
 *
 * Wake: how long an idle program takes from an event to the goroutine that waits for it. The writer is a process of its own, so that no
 * thread of ours is awake: each millisecond it writes what the wall clock says. The CPU is what one such wake-up costs, all threads.
 */
#include "bench/runtime/bench.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/blocking.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/net.h"

static int order(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void report_late(int64_t *late, int64_t n)
{
	qsort(late, (size_t)n, sizeof(*late), order);
	bench_report(0, "ns/op");
	bench_report((double)late[n / 2], "p50-ns");
	bench_report((double)late[n * 99 / 100], "p99-ns");
	free(late);
}

static int64_t *new_samples(int64_t n)
{
	int64_t *late = calloc((size_t)n, sizeof(*late));
	if (late == NULL)
		panic("out of memory");
	return late;
}

BENCH(WakeTimer, "an idle program: late by, after a sleep of 1 ms")
{
	int64_t *late = new_samples(n);
	bench_report_cpu();
	for (int64_t i = 0; i < n; i++) {
		int64_t until = clock_now() + MILLISECOND;
		goroutine_sleep(MILLISECOND);
		late[i] = clock_now() - until;
	}
	report_late(late, n);
}

static void write_stamps(int fd, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		clock_sleep_thread(MILLISECOND);
		int64_t stamp = clock_wall();
		if (write(fd, &stamp, sizeof(stamp)) != sizeof(stamp))
			break;
	}
	_exit(0);
}

/* Forks the writer; gives the end to read from. */
static int start_writer(int64_t n, pid_t *ret_pid)
{
	int ends[2];
	if (pipe(ends) != 0 || (*ret_pid = fork()) < 0)
		panic("pipe or fork: %m");
	if (*ret_pid == 0)
		write_stamps(ends[1], n);
	close(ends[1]);
	return ends[0];
}

struct reading {
	int fd;
	int64_t stamp;
};

static void read_stamp(void *arg)
{
	struct reading *r = arg;
	if (read(r->fd, &r->stamp, sizeof(r->stamp)) != sizeof(r->stamp))
		panic("the writer has gone");
}

static void wait_readable_and_read(struct reading *r)
{
	if (fd_wait(r->fd, FD_READ, NEVER) < 0)
		panic("fd_wait");
	read_stamp(r);
}

static void read_directly(struct reading *r)
{
	read_stamp(r);
}

static void read_elsewhere(struct reading *r)
{
	blocking_call(read_stamp, r);
}

static void follow_writer(int64_t n, void (*read_one)(struct reading *r))
{
	int64_t *late = new_samples(n);
	pid_t writer;
	struct reading r = { .fd = start_writer(n, &writer) };
	bench_report_cpu();
	bench_start_timer();
	for (int64_t i = 0; i < n; i++) {
		read_one(&r);
		late[i] = clock_wall() - r.stamp;
	}
	bench_stop_timer();
	fd_wait_end(r.fd);
	close(r.fd);
	waitpid(writer, NULL, 0);
	report_late(late, n);
}

BENCH(WakePipe, "an idle program: another process writes into a pipe, a goroutine has read it")
{
	follow_writer(n, wait_readable_and_read);
}

BENCH(WakeThread, "the same, read by a system call that keeps the thread")
{
	follow_writer(n, read_directly);
}

BENCH(WakeBlocking, "the same, read through blocking_call (Go: as before)")
{
	follow_writer(n, read_elsewhere);
}
