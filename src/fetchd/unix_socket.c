/* SPDX-License-Identifier: MIT
 *
 * unix_socket: a socket's file outlives its process, so what stands there at the start is asked by
 * connecting: an answer means another daemon, a refusal a stale file. Between that question and
 * bind() a third process could step in; then bind() says so. Two daemons on one state folder are
 * told apart before, by the store's lock.
 */
#define _GNU_SOURCE
#include "src/fetchd/unix_socket.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG	    1024
#define SOCKET_MODE 0660

/* Sets the reason; gives err. */
static int PRINTF_LIKE(3, 4) refuse(char **ret_reason, int err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	if (vasprintf(ret_reason, fmt, args) < 0)
		*ret_reason = NULL;
	va_end(args);
	return err;
}

static int refuse_errno(char **ret_reason, int err, const char *what, const char *path)
{
	return refuse(ret_reason, err, "%s %s: %s", what, path, strerrordesc_np(-err));
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

/* 0 when somebody accepts connections there. */
static int probe(const struct sockaddr_un *address)
{
	int fd = new_socket();
	if (fd < 0)
		return fd;
	int err = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* Makes sure that nothing stands at the path. */
static int clear_path(const struct sockaddr_un *address, char **ret_reason)
{
	const char *path = address->sun_path;
	struct stat st;
	if (lstat(path, &st) < 0) {
		int err = -errno;
		return err == -ENOENT
			       ? 0
			       : refuse_errno(ret_reason, err, "can't look at the socket", path);
	}
	if (!S_ISSOCK(st.st_mode))
		return refuse(ret_reason, -EEXIST, "%s exists and is no socket; not touched", path);
	int err = probe(address);
	if (err == 0 || err == -EAGAIN) /* its backlog is full: alive all the same */
		return refuse(ret_reason, -EADDRINUSE, "another daemon serves %s", path);
	if (err != -ECONNREFUSED && err != -ENOENT)
		return refuse_errno(ret_reason, err, "can't tell who serves the socket", path);
	if (err == -ECONNREFUSED && unlink(path) < 0)
		return refuse_errno(ret_reason, -errno, "can't remove the stale socket", path);
	return 0;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address)
{
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	/* Nobody can connect before listen(), so the mode is right from the first moment on. */
	if (chmod(address->sun_path, SOCKET_MODE) < 0 || listen(fd, BACKLOG) < 0) {
		int err = -errno;
		unlink(address->sun_path);
		return err;
	}
	return 0;
}

static int refuse_bind(const char *path, int err, char **ret_reason)
{
	const char *slash = strrchr(path, '/');
	if (err == -ENOENT && slash)
		return refuse(ret_reason, err, "can't listen on %s: there is no folder %.*s", path,
			      (int)(slash - path), path);
	return refuse_errno(ret_reason, err, "can't listen on", path);
}

int unix_socket_open(const char *path, struct unix_socket *ret, char **ret_reason)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct unix_socket s = { .made = true };
	struct stat st;
	size_t len = strlen(path);
	if (len >= sizeof(address.sun_path))
		return refuse(ret_reason, -ENAMETOOLONG,
			      "the socket's path is too long (%zu bytes, at most %zu): %s", len,
			      sizeof(address.sun_path) - 1, path);
	memcpy(address.sun_path, path, len);
	memcpy(s.path, path, len);
	int err = clear_path(&address, ret_reason);
	if (err)
		return err;
	s.fd = new_socket();
	if (s.fd < 0)
		return refuse_bind(path, s.fd, ret_reason);
	err = bind_and_listen(s.fd, &address);
	if (err) {
		close(s.fd);
		return refuse_bind(path, err, ret_reason);
	}
	if (lstat(path, &st) == 0) {
		s.device = st.st_dev;
		s.inode = st.st_ino;
	}
	*ret = s;
	return 0;
}

int unix_socket_adopt(int fd, struct unix_socket *ret, char **ret_reason)
{
	struct sockaddr_un address = { 0 };
	struct unix_socket s = { .fd = fd };
	socklen_t address_len = sizeof(address), len = sizeof(int);
	int listening = 0, type = 0;
	bool fits = getsockname(fd, (struct sockaddr *)&address, &address_len) == 0 &&
		    address.sun_family == AF_UNIX &&
		    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
		    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
	if (!fits)
		return refuse(
			ret_reason, -EINVAL,
			"descriptor %d that was handed over is no listening Unix stream socket",
			fd);
	memcpy(s.path, address.sun_path, sizeof(s.path) - 1);
	*ret = s;
	return 0;
}

void unix_socket_remove(const struct unix_socket *s)
{
	struct stat st;
	if (s->made && lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
		unlink(s->path);
}
