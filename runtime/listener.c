/* SPDX-License-Identifier: MIT
 *
 * listener: accepting sockets on a desc. A wait's readiness stands for any number of connections, and the edge comes only once: so each
 * accept that succeeds leaves "more" behind, until one would block.
 */
#include "runtime/net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/desc.h"
#include "runtime/goroutine.h"

/* Without a descriptor, or memory, to accept with, the connection stays in the backlog: a loop around accept would spin. */
#define SHORTAGE_PAUSE_NS (10 * MILLISECOND)

struct listener {
	struct desc *desc;
	int fd;
	socklen_t addr_len;
	union {
		struct sockaddr any;
		struct sockaddr_storage storage;
	} addr;
};

static void destroy(void *owner)
{
	struct listener *l = owner;
	desc_free(l->desc);
	free(l);
}

int listener_from_fd(int fd, struct listener **ret_listener)
{
	struct listener *l = calloc(1, sizeof(*l));
	if (l == NULL)
		return -ENOMEM;
	l->fd = fd;
	l->addr_len = sizeof(l->addr);
	int flags = fcntl(fd, F_GETFL), err;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    getsockname(fd, &l->addr.any, &l->addr_len) != 0)
		err = -errno;
	else
		err = desc_open(fd, destroy, l, &l->desc);
	if (err != 0)
		free(l);
	else
		*ret_listener = l;
	return err;
}

static int bind_and_listen(int fd, const struct sockaddr *addr, socklen_t addr_len, int backlog)
{
	if (addr->sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, addr, addr_len) != 0 || listen(fd, backlog) != 0)
		return -errno;
	return 0;
}

int listener_open(const struct sockaddr *addr, socklen_t addr_len, int backlog,
		  struct listener **ret_listener)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int err = bind_and_listen(fd, addr, addr_len, backlog);
	if (err == 0)
		err = listener_from_fd(fd, ret_listener);
	if (err != 0)
		close(fd);
	return err;
}

/* What is wrong with one connection only, and not with the listener (accept(2)). */
static bool try_next(int err)
{
	return err == -EAGAIN || err == -EINTR || err == -ECONNABORTED || err == -EPROTO;
}

static bool is_shortage(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOBUFS || err == -ENOMEM;
}

static int accept_fd(struct listener *l)
{
	int fd;
	do {
		int err = desc_wait(l->desc, DESC_READ);
		if (err != 0)
			return err;
		fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
		if (fd == -EAGAIN)
			desc_blocked(l->desc);
		else
			desc_more(l->desc, DESC_READ);
	} while (try_next(fd));
	return fd;
}

static int wrap(int fd, struct conn **ret_conn)
{
	int err = conn_from_fd(fd, ret_conn);
	if (err != 0)
		close(fd);
	return err;
}

int listener_accept(struct listener *l, struct conn **ret_conn)
{
	int fd, err;
	do {
		err = desc_enter(l->desc, DESC_READING);
		if (err != 0)
			return err;
		fd = accept_fd(l);
		desc_leave(l->desc, DESC_READING);
		if (is_shortage(fd))
			goroutine_sleep(SHORTAGE_PAUSE_NS);
		if (fd < 0)
			return fd;
		err = wrap(fd, ret_conn);
	} while (err == -ENOTCONN); /* reset already */
	return err;
}

const struct sockaddr *listener_addr(const struct listener *l, socklen_t *ret_len)
{
	*ret_len = l->addr_len;
	return &l->addr.any;
}

void listener_set_deadline(struct listener *l, int64_t deadline_ns)
{
	desc_set_deadline(l->desc, DESC_READ, deadline_ns);
}

void listener_interrupt(struct listener *l, int err)
{
	desc_interrupt(l->desc, err);
}

void listener_close(struct listener *l)
{
	if (l != NULL)
		desc_close(l->desc);
}
