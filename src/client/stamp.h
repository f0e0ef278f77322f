/* SPDX-License-Identifier: MIT
 *
 * stamp: whether a file has changed since it was looked at last: by another time, size or inode.
 *
 *	struct stamp stamp = { 0 };
 *	if (stamp_update(&stamp, "/etc/resolv.conf")) ...	// the first time, and after each change
 */
#ifndef CLIENT_STAMP_H
#define CLIENT_STAMP_H

#include <stdbool.h>
#include <sys/stat.h>

struct stamp {
	bool known;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

/* True: path isn't what it was. A file that isn't there is one of no size. */
bool stamp_update(struct stamp *s, const char *path);

#endif
