/* SPDX-License-Identifier: MIT
 *
 * The socket's file: made over a stale one, never over a live one or over anything else, and gone
 * at the end.
 */
#define _GNU_SOURCE
#include "src/fetchd/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness.h"

static char path[400];

static const char *in_test_dir(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	return path;
}

static struct unix_socket open_at(const char *where)
{
	struct unix_socket s;
	char *reason = NULL;
	if (unix_socket_open(where, &s, &reason))
		test_fail("%s", reason);
	return s;
}

static void check_refused(const char *where, int want, const char *word)
{
	struct unix_socket s;
	char *reason = NULL;
	CHECK_EQ(unix_socket_open(where, &s, &reason), want);
	if (!strstr(reason, word))
		test_fail("'%s' is not in: %s", word, reason);
	free(reason);
}

static int connect_to(const char *where)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strcpy(address.sun_path, where);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int err = connect(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	close(fd);
	return err;
}

TEST(socket_is_for_owner_and_group_whatever_the_umask)
{
	struct stat st;
	umask(0077);
	struct unix_socket s = open_at(in_test_dir("s"));
	CHECK_OK(lstat(path, &st));
	CHECK(S_ISSOCK(st.st_mode));
	CHECK_EQ(st.st_mode & 0777, 0660);
	CHECK_OK(connect_to(path));
	close(s.fd);
}

TEST(socket_file_goes_at_the_end)
{
	struct unix_socket s = open_at(in_test_dir("s"));
	unix_socket_remove(&s);
	CHECK(access(path, F_OK) < 0);
	close(s.fd);
}

TEST(socket_file_of_a_successor_is_left_alone)
{
	struct unix_socket first = open_at(in_test_dir("s"));
	CHECK_OK(unlink(path));
	struct unix_socket second = open_at(path);
	unix_socket_remove(&first);
	CHECK_OK(connect_to(path));
	close(first.fd);
	close(second.fd);
}

TEST(socket_takes_the_place_of_a_stale_one)
{
	struct unix_socket s = open_at(in_test_dir("s"));
	close(s.fd); /* as kill -9 leaves it */
	CHECK_EQ(connect_to(path), -ECONNREFUSED);
	s = open_at(path);
	CHECK_OK(connect_to(path));
	close(s.fd);
}

TEST(socket_of_a_living_daemon_is_refused)
{
	struct unix_socket s = open_at(in_test_dir("s"));
	check_refused(path, -EADDRINUSE, "another daemon serves ");
	CHECK_OK(connect_to(path));
	close(s.fd);
}

TEST(socket_never_replaces_another_kind_of_file)
{
	int fd = open(in_test_dir("precious"), O_CREAT | O_WRONLY, 0600);
	CHECK_EQ(write(fd, "data", 4), 4);
	check_refused(path, -EEXIST, "is no socket");
	CHECK_EQ(lseek(fd, 0, SEEK_END), 4);
	close(fd);
}

TEST(socket_path_that_is_too_long_is_refused_with_its_length)
{
	char name[200];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	check_refused(name, -ENAMETOOLONG, "199 bytes, at most 107");
}

TEST(socket_in_a_missing_folder_names_the_folder)
{
	check_refused("/nonexistent/place/s", -ENOENT, "there is no folder /nonexistent/place");
}

TEST(socket_of_systemd_is_adopted_and_not_removed)
{
	struct unix_socket made = open_at(in_test_dir("s")), adopted;
	char *reason;
	CHECK_OK(unix_socket_adopt(made.fd, &adopted, &reason));
	CHECK_STR(adopted.path, path);
	unix_socket_remove(&adopted);
	CHECK_OK(access(path, F_OK));
	close(made.fd);
}

TEST(socket_that_does_not_listen_is_not_adopted)
{
	struct unix_socket s;
	char *reason = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_EQ(unix_socket_adopt(fd, &s, &reason), -EINVAL);
	CHECK(strstr(reason, "no listening Unix stream socket"));
	free(reason);
	close(fd);
}
