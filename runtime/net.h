/* SPDX-License-Identifier: MIT
 *
 * net: sockets on the netpoller: connections (TCP and Unix), listeners, and fd_wait for descriptors that a library owns.
 *
 *	struct conn *c;
 *	int err = conn_dial(&addr, addr_len, clock_now() + 5 * SECOND, &c);
 *	if (!err && conn_write(c, "GET / HTTP/1.0\r\n\r\n", 18) == 18)
 *		n = conn_read(c, buf, sizeof(buf));	// parks; 0 = end of stream; or -errno
 *	if (!err)
 *		conn_close(c);
 *
 * One reader and one writer at a time per connection, one who accepts per listener (a second panics: Go's lock would make it wait, and it
 * would get some of the bytes); any goroutine may set deadlines, interrupt or close. Each call gives -errno: -ETIMEDOUT deadline passed,
 * -ECANCELED interrupted, -EBADF closed, else the socket's (-ECONNRESET, -EPIPE; never a SIGPIPE).
 * A connection has one epoll registration for life, edge-triggered; what an edge won't report again is remembered (desc.h).
 */
#ifndef RUNTIME_NET_H
#define RUNTIME_NET_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "runtime/base.h"

struct conn;
struct listener;

/* Connects. Parks. deadline_ns absolute (NEVER = none). Owns: *ret_conn is the caller's, ends with conn_close. TCP_NODELAY is set.
 * Errors: -ECONNREFUSED, -ETIMEDOUT, -ENETUNREACH, -EMFILE, ...; -EAGAIN when a Unix listener's backlog is full. An abstract Unix address is one
 * whose sun_path begins with a zero byte; addr_len says where it ends. */
int conn_dial(const struct sockaddr *addr, socklen_t addr_len, int64_t deadline_ns,
	      struct conn **ret_conn) MUST_USE;

/* The same in two steps, for whoever must be able to interrupt a dial: start never parks, wait parks until connected, failed,
 * interrupted or the write deadline. After a failure the caller still closes. */
int conn_dial_start(const struct sockaddr *addr, socklen_t addr_len,
		    struct conn **ret_conn) MUST_USE;
int conn_dial_wait(struct conn *c) MUST_USE;

/* Takes over a connected stream socket (made non-blocking). */
int conn_from_fd(int fd, struct conn **ret_conn) MUST_USE;

/* Parks until bytes come; reads up to size. 0 = end of stream (or size was 0). */
ssize_t conn_read(struct conn *c, void *buf, size_t size) MUST_USE;

/* Parks until bytes come, then reads into this OS thread's 64 KiB buffer: *ret_data is valid until this goroutine next parks or
 * calls into another connection. So thousands of waiting requests own no read buffer. 0 = end of stream. */
ssize_t conn_read_view(struct conn *c, const char **ret_data) MUST_USE;

/* Writes all; parks while the socket is full. Gives size, or -errno (some bytes may have gone): after a deadline at once, room or no room. */
ssize_t conn_write(struct conn *c, const void *buf, size_t size) MUST_USE;
ssize_t conn_writev(struct conn *c, struct iovec *iov, int iov_len) MUST_USE; /* iov is used up */

/* One try that never parks: -EAGAIN when it would; deadline and interruption are not looked at. For TLS records and for the pool's "is it still quiet?". */
ssize_t conn_try_read(struct conn *c, void *buf, size_t size) MUST_USE;
ssize_t conn_try_write(struct conn *c, const void *buf, size_t size) MUST_USE;
/* The same for what needs no hurry, because more is about to be written: over TCP they go out as one. They wait for it no longer than 200 ms. */
ssize_t conn_try_write_ahead(struct conn *c, const void *buf, size_t size) MUST_USE;

/* Parks until a try may succeed; 0 or -errno. After a try that gave -EAGAIN. */
int conn_wait_readable(struct conn *c) MUST_USE;
int conn_wait_writable(struct conn *c) MUST_USE;

/* Absolute deadlines for the present and later waits; NEVER = none; in the past wakes the waiter at once. Cheap to move later:
 * a pending timer that fires early re-arms itself. Any thread of the runtime. */
void conn_set_deadline(struct conn *c, int64_t deadline_ns);
void conn_set_read_deadline(struct conn *c, int64_t deadline_ns);
void conn_set_write_deadline(struct conn *c, int64_t deadline_ns);

/* Makes present and later waits (not a write that finds room) fail with `err` (-ECANCELED, -ETIMEDOUT) until conn_clear_interrupt. Never parks; any thread of the
 * runtime, timers and context_after callbacks too. */
void conn_interrupt(struct conn *c, int err);
void conn_clear_interrupt(struct conn *c);

/* For connections at rest, with no reader: calls fn (on the netpoller, must not park) when the peer sends, closes or resets.
 * The watch fires once.
 * False, and no watch, when one of these has happened already. fn = NULL takes the watch off: true if it had not fired; after that
 * returns, fn is not running (so not from fn itself). What has come stays there for the next read. */
typedef void conn_idle_fn(struct conn *c, void *arg);
bool conn_watch_idle(struct conn *c, conn_idle_fn *fn, void *arg);

int conn_shutdown_write(struct conn *c);
int conn_fd(const struct conn *c);
/* Peer's address as connected to; borrowed. Our own is asked from the kernel; -EBADF once closed. */
const struct sockaddr *conn_peer(const struct conn *c, socklen_t *ret_len);
int conn_local(struct conn *c, struct sockaddr_storage *ret_addr, socklen_t *ret_len) MUST_USE;
/* Closes the descriptor, wakes both waiters with -EBADF, frees when they are gone. NULL is fine. For goroutines that are inside a call; one that
 * would call again afterwards is ended first: interrupt, wait for it, close. */
void conn_close(struct conn *c);

/* Connections open now: for leak checks. Any thread. */
int64_t conn_count(void);

/* Listens. For TCP SO_REUSEADDR is set; a Unix path is bound as given (the caller unlinks a stale one). */
int listener_open(const struct sockaddr *addr, socklen_t addr_len, int backlog,
		  struct listener **ret_listener) MUST_USE;
int listener_from_fd(int fd, struct listener **ret_listener) MUST_USE;
/* Parks. Connections that were reset while they waited are passed over. Out of descriptors or memory (-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM): the
 * connection stays in the backlog for the next call, and the error comes after a pause of 10 ms, so that a loop doesn't spin. */
int listener_accept(struct listener *l, struct conn **ret_conn) MUST_USE;
/* Absolute; -ETIMEDOUT for the present and later accepts once it has passed, as conn_set_deadline. */
void listener_set_deadline(struct listener *l, int64_t deadline_ns);
/* Makes present and later accepts fail with `err`: to end a goroutine that accepts, before listener_close. Never parks. */
void listener_interrupt(struct listener *l, int err);
const struct sockaddr *listener_addr(const struct listener *l, socklen_t *ret_len);
void listener_close(struct listener *l);

/* Parks until fd is ready, level-triggered, for descriptors that belong to a library. Gives the ready set (FD_READ|FD_WRITE;
 * errors count as both) or -errno (-EPERM: a regular file, which is always ready). One waiter per fd at a time (a second panics).
 * fd_wait_end: before the library closes fd; wakes its waiter with -EBADF. */
enum fd_events {
	FD_READ = 1,
	FD_WRITE = 2
};
int fd_wait(int fd, unsigned events, int64_t deadline_ns) MUST_USE;
void fd_wait_end(int fd);

#endif
