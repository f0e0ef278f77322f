/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* unshare */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "tests/fetchd/shelf.h"
#include "tests/harness.h"

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	CHECK(f != NULL);
	CHECK(fputs(text, f) >= 0);
	CHECK_EQ(fclose(f), 0);
}

/* ---- power cuts, as near as a test gets ---- */

static int crash_pipe[2];

/* Commits results for ever, and tells the parent of each batch of them that is durable. */
static int commit_until_killed(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct store *s = open_store();
	uint64_t id = make_batch(s, 8, 8000);
	for (uint32_t chunk = 0; chunk < 8; chunk++) {
		for (uint32_t at = 0; at < 8000; at += 20) {
			CHECK_OK(add_results(s, id, chunk, at, at + 20, chunk == 7 && at == 7980));
			uint32_t done = chunk * 8000 + at + 20;
			CHECK_EQ(write(crash_pipe[1], &done, sizeof(done)), (ssize_t)sizeof(done));
		}
	}
	return 0;
}

static uint32_t kill_in_the_middle(void)
{
	CHECK_EQ(pipe(crash_pipe), 0);
	test_dir();
	pid_t pid = fork();
	if (pid == 0) {
		close(crash_pipe[0]);
		_exit(runtime_main(commit_until_killed, 0, NULL));
	}
	close(crash_pipe[1]);
	uint32_t done = 0;
	for (int i = 0; i < 150; i++)
		CHECK_EQ(read(crash_pipe[0], &done, sizeof(done)), (ssize_t)sizeof(done));
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	while (read(crash_pipe[0], &done, sizeof(done)) == (ssize_t)sizeof(done))
		;
	close(crash_pipe[0]);
	return done;
}

static uint32_t told;

static int check_after_crash(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct store *s = open_store();
	struct store_batch b = batch_at(s, 0, 1);
	CHECK_EQ(b.state, BATCH_RUNNING);
	CHECK_EQ(b.jobs, 64000);
	CHECK_LE(told, b.done);
	CHECK_LE(b.done, told + 20);
	uint64_t bits = 0, lines, count = 0;
	for (uint32_t i = 0; i < 8; i++)
		bits += count_done(s, b.id, i);
	CHECK_EQ(bits, b.done);
	for (;;) {
		free(read_results(s, b.id, count, 1 << 20, &lines));
		if (lines == 0)
			break;
		count += lines;
	}
	CHECK_EQ(count, b.done);
	s->ops->close(s);
	return 0;
}

TEST(store_loses_and_doubles_nothing_when_killed, .timeout_s = 60)
{
	told = kill_in_the_middle();
	CHECK_EQ(runtime_main(check_after_crash, 0, NULL), 0);
}

/* ---- a full disk ---- */

static void fill_disk(const char *path, size_t bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	CHECK_LE(0, fd);
	CHECK_EQ(posix_fallocate(fd, 0, (off_t)bytes), 0);
	close(fd);
}

static int fill_and_free(int argc, char **argv)
{
	(void)argc;
	const char *path = argv[0], *filler = argv[1];
	struct store *s;
	char *reason;
	CHECK_OK(store_sqlite_open(path, &s, &reason));
	uint64_t id = make_batch(s, 1, 100), big;
	CHECK_OK(s->ops->batch_begin(s, STR("{}"), &big));
	struct store_chunk c;
	fill_chunk(&c, big, 0, 8000);
	int err;
	while ((err = s->ops->chunk_add(s, &c)) == 0)
		c.chunk++;
	CHECK_EQ(err, -ENOSPC);
	CHECK_EQ(s->ops->chunk_add(s, &c), -ENOSPC);
	CHECK_EQ(count_done(s, id, 0), 0);
	s->ops->close(s);
	err = store_sqlite_open(path, &s, &reason); /* even a start needs no space */
	if (err)
		test_fail("%d: %s", err, reason);
	CHECK_EQ(batch_at(s, 0, 1).jobs, 100);
	CHECK_EQ(unlink(filler), 0);
	CHECK_OK(s->ops->batch_begin(s, STR("{}"), &big));
	c.batch = big;
	c.chunk = 0;
	CHECK_OK(add_results(s, id, 0, 0, 100, true));
	for (uint32_t i = 0; i < 10; i++, c.chunk++)
		CHECK_OK(s->ops->chunk_add(s, &c));
	CHECK_OK(s->ops->batch_commit(s, big, (uint64_t)c.chunk * c.jobs));
	s->ops->close(s);
	CHECK_OK(store_sqlite_open(path, &s, &reason));
	CHECK_EQ(batch_at(s, 0, 2).state, BATCH_DONE);
	for (uint32_t i = 0; i < c.chunk; i++)
		CHECK_EQ(count_done(s, big, i), 0);
	s->ops->close(s);
	store_chunk_done(&c);
	return 0;
}

/* The mount is in a namespace of this process: it goes with it, however it ends. */
TEST(store_refuses_on_a_full_disk_and_goes_on_once_there_is_space, .timeout_s = 60)
{
	char path[4096], filler[5000];
	snprintf(path, sizeof(path), "%s", in_dir("small"));
	snprintf(filler, sizeof(filler), "%s/filler", path);
	CHECK_EQ(mkdir(path, 0700), 0);
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", path, "tmpfs", 0, "size=64m") != 0)
		test_skip("a small tmpfs can't be mounted here (not root)");
	fill_disk(filler, 48 << 20);
	CHECK_EQ(runtime_main(fill_and_free, 2, (char *[]){ path, filler, NULL }), 0);
}

/* ---- opening ---- */

static void check_refused(const char *path, int want, const char *text)
{
	struct store *s;
	char *reason = NULL;
	CHECK_EQ(store_sqlite_open(path, &s, &reason), want);
	CHECK(reason != NULL);
	if (strstr(reason, text) == NULL || strstr(reason, path) == NULL)
		test_fail("\"%s\" should name %s and say \"%s\"", reason, path, text);
	free(reason);
}

TEST_GO(store_names_a_missing_state_folder)
{
	check_refused("/nonexistent/state", -ENOENT, "doesn't exist");
}

TEST_GO(store_refuses_a_file_as_state_folder)
{
	write_file(in_dir("file"), "");
	check_refused(in_dir("file"), -ENOTDIR, "is no folder");
}

TEST_GO(store_names_a_folder_that_it_may_not_write)
{
	check_refused("/proc/self", -ENOENT, "can't be written");
}

TEST_GO(store_refuses_a_second_daemon_and_names_the_first)
{
	struct store *s = open_store();
	char text[100];
	snprintf(text, sizeof(text), "another fetchd, process %d,", (int)getpid());
	text[strlen(text) - 1] = '\0';
	check_refused(test_dir(), -EBUSY, text);
	s->ops->close(s);
	s = open_store();
	s->ops->close(s);
}

TEST_GO(store_says_when_it_is_damaged)
{
	struct store *s = open_store();
	s->ops->close(s);
	write_file(in_dir("fetchd.db"), "this is no database, it is a text that somebody wrote "
					"over it; a long one, longer than 100 bytes");
	check_refused(test_dir(), -EIO, "is damaged");
}

/* Big pages, shrinkable, and nothing that a second program could map. */
TEST_GO(store_file_has_the_layout_that_the_promises_stand_on)
{
	struct store *s = open_store();
	make_batch(s, 1, 1);
	CHECK(access(in_dir("fetchd.db-shm"), F_OK) != 0);
	s = reopen(s);
	CHECK(access(in_dir("fetchd.db-shm"), F_OK) != 0);
	s->ops->close(s);
	unsigned char head[100];
	int fd = open(in_dir("fetchd.db"), O_RDONLY);
	CHECK_EQ(read(fd, head, sizeof(head)), (ssize_t)sizeof(head));
	close(fd);
	CHECK_EQ(head[16] << 8 | head[17], 16384); /* page size */
	CHECK_EQ(head[18], 2);			   /* WAL */
	CHECK_EQ(head[67], 1);			   /* incremental vacuum */
	struct stat st;
	CHECK_EQ(stat(in_dir("fetchd.db"), &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
}

TEST_GO(store_refuses_the_format_of_a_newer_one)
{
	struct store *s = open_store();
	s->ops->close(s);
	int fd = open(in_dir("fetchd.db"), O_RDWR);
	CHECK_EQ(pwrite(fd, "\0\0\0\2", 4, 60), 4); /* user_version of the file format */
	close(fd);
	check_refused(test_dir(), -EINVAL, "has format 2");
}
