/* SPDX-License-Identifier: MIT
 *
 * statedir: opens the state folder: it must exist, be writable, and belong to no other process.
 *
 * The lock file is made once and never removed (removing it would let two processes lock two files
 * of one name). It holds the process id of its holder, for the message that the loser prints. The
 * database file is made here, mode 0600, so that SQLite's own files inherit that mode, and the
 * folder is synced, so that a power cut can't take the file's name away. Any thread; every function
 * reads errno right behind the call that set it.
 */
#define _GNU_SOURCE /* asprintf, strerrordesc_np */
#include "src/fetchd/statedir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/cleanup.h"
#include "src/common/reason.h"

static int check_folder(const char *path, char **ret_reason)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		int err = errno;
		if (err == ENOENT)
			return refuse(
				-err, ret_reason,
				"the state folder %s doesn't exist: make it (install -d -m 0700 "
				"%s), or name another ([daemon] state_dir, --state-dir)",
				path, path);
		return refuse(-err, ret_reason, "the state folder %s: %s", path,
			      strerrordesc_np(err));
	}
	if (!S_ISDIR(st.st_mode))
		return refuse(-ENOTDIR, ret_reason, "%s is no folder ([daemon] state_dir)", path);
	return 0;
}

static int open_in(const char *path, const char *name, int *ret_fd, char **ret_reason)
{
	cleanup(cleanup_free) char *file = NULL;
	if (asprintf(&file, "%s/%s", path, name) < 0)
		return -ENOMEM;
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		int err = errno;
		return refuse(-err, ret_reason, "%s can't be written by user %u: %s", file,
			      (unsigned)geteuid(), strerrordesc_np(err));
	}
	*ret_fd = fd;
	return 0;
}

static int lock_busy(const char *path, int fd, char **ret_reason)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	return refuse(-EBUSY, ret_reason, "another fetchd%s%s uses the state folder %s",
		      pid[0] ? ", process " : "", pid, path);
}

static int lock_file(const char *path, int *ret_fd, char **ret_reason)
{
	int fd = -1, err = open_in(path, "lock", &fd, ret_reason);
	if (err)
		return err;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int cause = errno;
		err = cause == EWOULDBLOCK ? lock_busy(path, fd, ret_reason)
					   : refuse(-cause, ret_reason, "locking %s/lock: %s", path,
						    strerrordesc_np(cause));
		close(fd);
		return err;
	}
	char pid[16];
	int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	/* Only the loser's message needs it: a full disk is no reason to refuse. */
	ssize_t written = ftruncate(fd, 0) == 0 ? pwrite(fd, pid, (size_t)len, 0) : 0;
	(void)written;
	*ret_fd = fd;
	return 0;
}

static void sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd); /* some file systems can't; the data's own fsync is what is checked */
	close(fd);
}

int statedir_open(const char *path, struct statedir *ret_dir, char **ret_reason)
{
	*ret_reason = NULL;
	int lock_fd = -1, database_fd = -1;
	int err = check_folder(path, ret_reason);
	if (err)
		return err;
	err = lock_file(path, &lock_fd, ret_reason);
	if (err)
		return err;
	err = open_in(path, "fetchd.db", &database_fd, ret_reason);
	if (err) {
		close(lock_fd);
		return err;
	}
	close(database_fd);
	sync_folder(path);
	char *database;
	if (asprintf(&database, "%s/fetchd.db", path) < 0) {
		close(lock_fd);
		return -ENOMEM;
	}
	*ret_dir = (struct statedir){ .lock_fd = lock_fd, .database = database };
	return 0;
}

void statedir_close(struct statedir *dir)
{
	free(dir->database);
	close(dir->lock_fd);
	*dir = (struct statedir){ .lock_fd = -1 };
}
