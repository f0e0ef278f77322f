/* SPDX-License-Identifier: MIT
 *
 * unix_socket: the listening Unix socket and its file: making it (over a stale one, never over a
 * live one), taking over systemd's, and removing the file at the end if it is still ours.
 *
 * Whoever may write to the file may do everything that the API can: mode 0660, so owner and group.
 */
#ifndef FETCHD_UNIX_SOCKET_H
#define FETCHD_UNIX_SOCKET_H

#include <sys/types.h>
#include <sys/un.h>

#include "runtime/base.h"

struct unix_socket {
	int fd;
	bool made; /* the file is our work, not systemd's */
	dev_t device;
	ino_t inode;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* Binds and listens; never parks. -EADDRINUSE when somebody answers there, -ENAMETOOLONG, -EEXIST
 * when the path is no socket, or the system's error. *ret_reason is then for people: free(). */
int unix_socket_open(const char *path, struct unix_socket *ret, char **ret_reason) MUST_USE;

/* Takes over a listening socket that was inherited. -EINVAL when it is no listening Unix stream
 * socket. */
int unix_socket_adopt(int fd, struct unix_socket *ret, char **ret_reason) MUST_USE;

/* Unlinks the file that open made, unless another one stands there by now. fd is the caller's to
 * close. */
void unix_socket_remove(const struct unix_socket *s);

#endif
