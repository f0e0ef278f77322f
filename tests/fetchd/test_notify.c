/* SPDX-License-Identifier: MIT
 *
 * The two protocols of systemd, against a socket of our own in systemd's place.
 */
#define _GNU_SOURCE
#include "src/fetchd/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/harness.h"

/* A datagram socket bound to that path ('@' for the abstract namespace). */
static int manager(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK_OK(bind(fd, (struct sockaddr *)&address,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)));
	return fd;
}

static void check_received(int fd, const char *want)
{
	char text[100];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	CHECK_LE(0, n);
	text[n] = '\0';
	CHECK_STR(text, want);
}

TEST(notify_without_systemd_does_nothing)
{
	unsetenv("NOTIFY_SOCKET");
	CHECK_OK(notify_send("READY=1"));
	setenv("NOTIFY_SOCKET", "", 1);
	CHECK_OK(notify_send("READY=1"));
}

TEST(notify_sends_one_datagram_to_a_path)
{
	char path[100];
	snprintf(path, sizeof(path), "%s/n", test_dir());
	int fd = manager(path);
	setenv("NOTIFY_SOCKET", path, 1);
	CHECK_OK(notify_send("READY=1\nSTATUS=ready"));
	check_received(fd, "READY=1\nSTATUS=ready");
	close(fd);
}

TEST(notify_sends_to_the_abstract_namespace)
{
	char path[100];
	snprintf(path, sizeof(path), "@fetchd-test-%d", (int)getpid());
	int fd = manager(path);
	setenv("NOTIFY_SOCKET", path, 1);
	CHECK_OK(notify_send("STOPPING=1"));
	check_received(fd, "STOPPING=1");
	close(fd);
}

TEST(notify_says_why_it_could_not)
{
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	CHECK_EQ(notify_send("READY=1"), -ENOENT);
	setenv("NOTIFY_SOCKET", "relative", 1);
	CHECK_EQ(notify_send("READY=1"), -EINVAL);
}

static void set_listen(int pid, const char *fds)
{
	char text[20];
	snprintf(text, sizeof(text), "%d", pid);
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", fds, 1);
}

TEST(listen_fds_are_counted_once_and_closed_at_exec)
{
	int fd = open("/dev/null", O_RDONLY);
	CHECK_LE(0, dup2(fd, NOTIFY_FIRST_FD));
	CHECK_OK(fcntl(NOTIFY_FIRST_FD, F_SETFD, 0));
	set_listen((int)getpid(), "1");
	CHECK_EQ(notify_listen_fds(), 1);
	CHECK_EQ(fcntl(NOTIFY_FIRST_FD, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(notify_listen_fds(), 0);
	CHECK(!getenv("LISTEN_FDS"));
}

TEST(listen_fds_of_another_process_are_not_ours)
{
	set_listen((int)getpid() + 1, "1");
	CHECK_EQ(notify_listen_fds(), 0);
}

TEST(listen_fds_that_are_no_number_are_none)
{
	set_listen((int)getpid(), "many");
	CHECK_EQ(notify_listen_fds(), 0);
}
