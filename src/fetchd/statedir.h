/* SPDX-License-Identifier: MIT
 *
 * statedir: the daemon's state folder, held by one process at a time. The thin system-call layer
 * below the store.
 */
#ifndef FETCHD_STATEDIR_H
#define FETCHD_STATEDIR_H

#include "runtime/base.h"

struct statedir {
	int lock_fd;	/* STATE_DIR/lock, flocked: however the process ends, the kernel lets go */
	char *database; /* STATE_DIR/fetchd.db; it exists */
};

/* Blocks the thread shortly. -EBUSY: another process holds it; -ENOENT, -ENOTDIR, -EACCES, …
 * *ret_reason says which path and why: free(). */
int statedir_open(const char *path, struct statedir *ret_dir, char **ret_reason) MUST_USE;
void statedir_close(struct statedir *dir);

#endif
