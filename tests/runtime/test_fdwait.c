/* SPDX-License-Identifier: MIT
 *
 * Tests of fdwait.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "tests/runtime/loopback.h"

TEST_GO(fd_wait_is_level_triggered)
{
	int fds[2];
	char byte;
	CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	CHECK_EQ(fd_wait(fds[1], FD_WRITE, NEVER), FD_WRITE);
	CHECK_EQ(write(fds[1], "ab", 2), 2);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(fd_wait(fds[0], FD_READ, NEVER), FD_READ);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	CHECK_EQ(fd_wait(fds[0], FD_READ, NEVER), FD_READ);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	CHECK_EQ(fd_wait(fds[0], FD_READ, clock_now() + 5 * MILLISECOND), -ETIMEDOUT);
	fd_wait_end(fds[0]);
	fd_wait_end(fds[1]);
	close(fds[0]);
	close(fds[1]);
}

TEST_GO(fd_wait_reports_a_hangup_as_readable)
{
	int fds[2];
	CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	close(fds[1]);
	CHECK(fd_wait(fds[0], FD_READ, NEVER) & FD_READ);
	fd_wait_end(fds[0]);
	close(fds[0]);
}

TEST_GO(fd_wait_survives_a_library_that_closes_and_opens_the_same_number)
{
	for (int i = 0; i < 20; i++) {
		int fds[2];
		CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
		CHECK_EQ(fd_wait(fds[1], FD_WRITE, NEVER), FD_WRITE);
		CHECK_EQ(fd_wait(fds[0], FD_READ, clock_now() + 100 * MICROSECOND), -ETIMEDOUT);
		close(fds[0]);
		close(fds[1]);
	}
}

struct fd_waiter {
	int fd, result;
	struct waitgroup done;
};

static void wait_for_fd(struct fd_waiter *w)
{
	w->result = fd_wait(w->fd, FD_READ, NEVER);
	waitgroup_done(&w->done);
}

TEST_GO(fd_wait_end_wakes_the_waiter_with_ebadf)
{
	int fds[2];
	CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	struct fd_waiter w = { .fd = fds[0] };
	waitgroup_add(&w.done, 1);
	go(wait_for_fd, &w);
	wait_for_io_waits(1);
	fd_wait_end(fds[0]);
	waitgroup_wait(&w.done);
	CHECK_EQ(w.result, -EBADF);
	close(fds[0]);
	close(fds[1]);
}

TEST_GO(fd_wait_refuses_a_bad_descriptor)
{
	CHECK_EQ(fd_wait(-1, FD_READ, NEVER), -EBADF);
	CHECK_EQ(fd_wait(9999, FD_READ, NEVER), -EBADF);
}

static void wait_long_for_fd(struct fd_waiter *w)
{
	w->result = fd_wait(w->fd, FD_READ, clock_now() + 20 * SECOND);
	waitgroup_done(&w->done);
}

/* The first waiter has been woken and has not run yet when the second one begins to wait. */
TEST_GO(fd_wait_keeps_its_deadline_while_an_ended_wait_for_that_number_leaves)
{
	int fds[2];
	CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	for (int i = 0; i < 20; i++) {
		struct fd_waiter w = { .fd = fds[0] };
		waitgroup_add(&w.done, 1);
		go(wait_long_for_fd, &w);
		wait_for_io_waits(1);
		fd_wait_end(fds[0]);
		CHECK_EQ(fd_wait(fds[0], FD_READ, clock_now() + 2 * MILLISECOND), -ETIMEDOUT);
		waitgroup_wait(&w.done);
		CHECK_EQ(w.result, -EBADF);
	}
	fd_wait_end(fds[0]);
	close(fds[0]);
	close(fds[1]);
}

TEST_GO(fd_wait_for_writing_and_for_both_tells_what_is_ready)
{
	int fds[2];
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	CHECK_EQ(fd_wait(fds[0], FD_WRITE, NEVER), FD_WRITE);
	CHECK_EQ(fd_wait(fds[0], FD_READ | FD_WRITE, NEVER), FD_WRITE);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(fd_wait(fds[0], FD_READ | FD_WRITE, NEVER), FD_READ | FD_WRITE);
	fd_wait_end(fds[0]);
	close(fds[0]);
	close(fds[1]);
}

TEST_GO(fd_wait_ends_at_its_deadline_also_one_in_the_past)
{
	int fds[2];
	CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	int64_t deadline = clock_now() + 2 * MILLISECOND;
	CHECK_EQ(fd_wait(fds[0], FD_READ, deadline), -ETIMEDOUT);
	CHECK_LE(deadline, clock_now());
	CHECK_EQ(fd_wait(fds[0], FD_READ, 1), -ETIMEDOUT);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(fd_wait(fds[0], FD_READ, NEVER), FD_READ); /* a timeout leaves nothing behind */
	fd_wait_end(fds[0]);
	close(fds[0]);
	close(fds[1]);
}

TEST_GO(fd_wait_refuses_what_is_always_ready)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(fd_wait(fd, FD_READ, NEVER), -EPERM);
	close(fd);
}

TEST_GO_DIES(two_waiting_for_one_descriptor_panic, "a second goroutine waits for descriptor")
{
	int fds[2];
	CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	struct fd_waiter w = { .fd = fds[0] };
	waitgroup_add(&w.done, 1);
	go(wait_for_fd, &w);
	wait_for_io_waits(1);
	(void)!fd_wait(fds[0], FD_READ, NEVER);
}
