/* SPDX-License-Identifier: MIT
 *
 * conn: stream connections on a desc (desc.h has the protocol: readiness, deadlines, close).
 *
 * Reads wait first, then read: a response isn't there yet when its request has just been written, so a try first would be one EAGAIN per
 * request. Writes try first: the socket's buffer nearly always has room. A short read means that the socket is drained (epoll(7)): only a read
 * that filled its buffer, or found the end, leaves "more" behind.
 *
 * Goroutine code all through; no lock of its own. Each system call's errno is read right behind it.
 */
#include "runtime/net.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/desc.h"
#include "runtime/proc.h"
#include "runtime/sanitizer.h"

struct conn {
	struct desc *desc;
	int fd;
	bool connecting;
	conn_idle_fn *idle_fn;
	socklen_t peer_len;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} peer;
};

static _Atomic int64_t conns;

int64_t conn_count(void)
{
	return atomic_load(&conns);
}

/* --- birth --- */

static void destroy(void *owner)
{
	struct conn *c = owner;
	desc_free(c->desc);
	atomic_fetch_sub(&conns, 1);
	free(c);
}

static void set_no_delay(int fd, int family)
{
	if (family == AF_INET || family == AF_INET6)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

/* fd stays the caller's on failure. */
static int wrap(int fd, const struct sockaddr *peer, socklen_t peer_len, struct conn **ret_conn)
{
	struct conn *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->fd = fd;
	c->peer_len = peer_len < sizeof(c->peer) ? peer_len : (socklen_t)sizeof(c->peer);
	memcpy(&c->peer, peer, c->peer_len);
	int err = desc_open(fd, destroy, c, &c->desc);
	if (err != 0) {
		free(c);
		return err;
	}
	atomic_fetch_add(&conns, 1);
	*ret_conn = c;
	return 0;
}

/* Gives 0 when connected, -EINPROGRESS, or what went wrong. */
static int start_connect(int fd, const struct sockaddr *addr, socklen_t addr_len)
{
	set_no_delay(fd, addr->sa_family);
	if (connect(fd, addr, addr_len) == 0)
		return 0;
	return errno == EINTR ? -EINPROGRESS : -errno;
}

/* Registered after connect: a socket that has never been connected would report a hangup. */
int conn_dial_start(const struct sockaddr *addr, socklen_t addr_len, struct conn **ret_conn)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int state = start_connect(fd, addr, addr_len);
	int err = state == -EINPROGRESS ? 0 : state;
	if (err == 0)
		err = wrap(fd, addr, addr_len, ret_conn);
	if (err != 0)
		close(fd);
	else
		(*ret_conn)->connecting = state == -EINPROGRESS;
	return err;
}

static int connect_result(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 ? -err : -errno;
}

int conn_dial_wait(struct conn *c)
{
	if (!c->connecting)
		return 0;
	int err = desc_enter(c->desc, DESC_WRITING);
	if (err != 0)
		return err;
	err = desc_wait(c->desc, DESC_WRITE);
	if (err == 0)
		err = connect_result(c->fd);
	if (err == 0)
		c->connecting = false;
	desc_leave(c->desc, DESC_WRITING);
	return err;
}

int conn_dial(const struct sockaddr *addr, socklen_t addr_len, int64_t deadline_ns,
	      struct conn **ret_conn)
{
	struct conn *c;
	if (deadline_ns != NEVER && deadline_ns <= clock_now())
		return -ETIMEDOUT;
	int err = conn_dial_start(addr, addr_len, &c);
	if (err != 0)
		return err;
	conn_set_write_deadline(c, deadline_ns);
	err = conn_dial_wait(c);
	if (err != 0) {
		conn_close(c);
		return err;
	}
	conn_set_write_deadline(c, NEVER);
	*ret_conn = c;
	return 0;
}

int conn_from_fd(int fd, struct conn **ret_conn)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof(peer);
	if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
		return -errno;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return -errno;
	set_no_delay(fd, peer.ss_family);
	return wrap(fd, (struct sockaddr *)&peer, len, ret_conn);
}

/* --- reading --- */

static ssize_t read_once(struct conn *c, void *buf, size_t size)
{
	ssize_t n;
	do /* at once: the report of what there is to read has been used up */
		n = recv(c->fd, buf, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		int err = -errno;
		if (err == -EAGAIN)
			desc_blocked(c->desc);
		return err;
	}
	if ((size_t)n == size || n == 0)
		desc_more(c->desc, DESC_READ);
	return n;
}

ssize_t conn_try_read(struct conn *c, void *buf, size_t size)
{
	ssize_t n = desc_enter(c->desc, DESC_READING);
	if (n != 0)
		return n;
	CALL_BEGIN();
	n = read_once(c, buf, size);
	CALL_END();
	desc_leave(c->desc, DESC_READING);
	return n;
}

int conn_wait_readable(struct conn *c)
{
	int err = desc_enter(c->desc, DESC_READING);
	if (err != 0)
		return err;
	err = desc_wait(c->desc, DESC_READ);
	desc_leave(c->desc, DESC_READING);
	return err;
}

ssize_t conn_read(struct conn *c, void *buf, size_t size)
{
	if (size == 0)
		return 0;
	ssize_t n = desc_enter(c->desc, DESC_READING);
	if (n != 0)
		return n;
	CALL_BEGIN();
	do {
		n = desc_wait(c->desc, DESC_READ);
		if (n == 0)
			n = read_once(c, buf, size);
	} while (n == -EAGAIN);
	CALL_END();
	desc_leave(c->desc, DESC_READING);
	return n;
}

ssize_t conn_read_view(struct conn *c, const char **ret_data)
{
	ssize_t n = desc_enter(c->desc, DESC_READING);
	if (n != 0)
		return n;
	void *buf = NULL;
	do {
		n = desc_wait(c->desc, DESC_READ);
		if (n == 0) {
			buf = g_scratch(); /* after the wait: it is this thread's */
			n = read_once(c, buf, G_SCRATCH_SIZE);
		}
	} while (n == -EAGAIN);
	desc_leave(c->desc, DESC_READING);
	if (n >= 0)
		*ret_data = buf;
	return n;
}

/* --- writing --- */

static ssize_t try_send(struct conn *c, const void *buf, size_t size, int flags)
{
	ssize_t n = desc_enter(c->desc, DESC_WRITING);
	if (n != 0)
		return n;
	CALL_BEGIN();
	do
		n = send(c->fd, buf, size, MSG_NOSIGNAL | flags);
	while (n < 0 && errno == EINTR);
	n = n < 0 ? -errno : n;
	CALL_END();
	desc_leave(c->desc, DESC_WRITING);
	return n;
}

ssize_t conn_try_write(struct conn *c, const void *buf, size_t size)
{
	return try_send(c, buf, size, 0);
}

ssize_t conn_try_write_ahead(struct conn *c, const void *buf, size_t size)
{
	return try_send(c, buf, size, MSG_MORE);
}

int conn_wait_writable(struct conn *c)
{
	int err = desc_enter(c->desc, DESC_WRITING);
	if (err != 0)
		return err;
	err = desc_wait(c->desc, DESC_WRITE);
	desc_leave(c->desc, DESC_WRITING);
	return err;
}

static ssize_t try_writev(int fd, struct iovec *iov, int iov_len)
{
	struct msghdr msg = { .msg_iov = iov,
			      .msg_iovlen = (size_t)(iov_len < IOV_MAX ? iov_len : IOV_MAX) };
	ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

static void advance(struct iovec **iov, int *iov_len, size_t n)
{
	while (*iov_len > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*iov_len)--;
	}
	if (n > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

ssize_t conn_writev(struct conn *c, struct iovec *iov, int iov_len)
{
	ssize_t n = desc_enter(c->desc, DESC_WRITING);
	if (n != 0)
		return n;
	ssize_t total = 0;
	g_give_way();
	CALL_BEGIN();
	advance(&iov, &iov_len, 0); /* leading empty ones */
	n = desc_in_time(c->desc, DESC_WRITE);
	while (iov_len > 0 && n >= 0) {
		n = try_writev(c->fd, iov, iov_len);
		if (n == -EAGAIN)
			n = desc_wait(c->desc, DESC_WRITE);
		if (n > 0) {
			total += n;
			advance(&iov, &iov_len, (size_t)n);
		}
		n = n == -EINTR ? 0 : n;
	}
	CALL_END();
	desc_leave(c->desc, DESC_WRITING);
	return n < 0 ? n : total;
}

ssize_t conn_write(struct conn *c, const void *buf, size_t size)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = size };
	return conn_writev(c, &iov, 1);
}

int conn_shutdown_write(struct conn *c)
{
	int err = desc_enter(c->desc, DESC_CALLING);
	if (err != 0)
		return err;
	err = shutdown(c->fd, SHUT_WR) == 0 ? 0 : -errno;
	desc_leave(c->desc, DESC_CALLING);
	return err;
}

/* --- deadlines and interruption --- */

void conn_set_read_deadline(struct conn *c, int64_t deadline_ns)
{
	desc_set_deadline(c->desc, DESC_READ, deadline_ns);
}

void conn_set_write_deadline(struct conn *c, int64_t deadline_ns)
{
	desc_set_deadline(c->desc, DESC_WRITE, deadline_ns);
}

void conn_set_deadline(struct conn *c, int64_t deadline_ns)
{
	conn_set_read_deadline(c, deadline_ns);
	conn_set_write_deadline(c, deadline_ns);
}

void conn_interrupt(struct conn *c, int err)
{
	desc_interrupt(c->desc, err);
}

void conn_clear_interrupt(struct conn *c)
{
	desc_interrupt(c->desc, 0);
}

/* --- at rest --- */

/* A report may be older than the last read: only the socket knows. */
static bool still_quiet(const struct conn *c)
{
	char byte;
	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void idle_report(void *owner, void *arg);

static bool watch_if_quiet(struct conn *c, void *arg)
{
	do {
		if (desc_watch(c->desc, idle_report, arg))
			return true;
	} while (still_quiet(c));
	desc_unsure(c->desc);
	return false;
}

static void idle_report(void *owner, void *arg)
{
	struct conn *c = owner;
	if (!still_quiet(c) || !watch_if_quiet(c, arg))
		c->idle_fn(c, arg);
}

bool conn_watch_idle(struct conn *c, conn_idle_fn *fn, void *arg)
{
	if (fn == NULL)
		return desc_unwatch(c->desc);
	c->idle_fn = fn;
	return watch_if_quiet(c, arg);
}

/* --- the rest --- */

int conn_fd(const struct conn *c)
{
	return c->fd;
}

const struct sockaddr *conn_peer(const struct conn *c, socklen_t *ret_len)
{
	*ret_len = c->peer_len;
	return &c->peer.any;
}

int conn_local(struct conn *c, struct sockaddr_storage *ret_addr, socklen_t *ret_len)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);
	int err = desc_enter(c->desc, DESC_CALLING); /* so that the descriptor stays ours */
	if (err != 0)
		return err;
	err = getsockname(c->fd, (struct sockaddr *)&addr, &len) == 0 ? 0 : -errno;
	desc_leave(c->desc, DESC_CALLING);
	if (err == 0) {
		*ret_addr = addr;
		*ret_len = len;
	}
	return err;
}

void conn_close(struct conn *c)
{
	if (c != NULL)
		desc_close(c->desc);
}
