/* SPDX-License-Identifier: MIT
 *
 * loopback: connected pairs and waiting readers, for the tests of net.h.
 */
#ifndef TESTS_RUNTIME_LOOPBACK_H
#define TESTS_RUNTIME_LOOPBACK_H

#include <netinet/in.h>

#include "runtime/goroutine.h"
#include "runtime/net.h"
#include "runtime/sched.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"

static inline struct listener *listen_on_loopback(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct listener *l;
	CHECK_OK(listener_open((struct sockaddr *)&addr, sizeof(addr), 512, &l));
	return l;
}

static inline int dial_listener(const struct listener *l, int64_t deadline_ns,
				struct conn **ret_conn)
{
	socklen_t len;
	const struct sockaddr *addr = listener_addr(l, &len);
	return conn_dial(addr, len, deadline_ns, ret_conn);
}

struct pair {
	struct conn *client, *server;
};

static inline struct pair connected_pair(void)
{
	struct listener *l = listen_on_loopback();
	struct pair p;
	CHECK_OK(dial_listener(l, NEVER, &p.client));
	CHECK_OK(listener_accept(l, &p.server));
	listener_close(l);
	return p;
}

static inline void close_pair(struct pair p)
{
	conn_close(p.client);
	conn_close(p.server);
}

static inline void reset_by_close(struct conn *c)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	CHECK_EQ(setsockopt(conn_fd(c), SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	conn_close(c);
}

struct reader {
	struct conn *conn;
	ssize_t result;
	struct waitgroup done;
};

static inline void read_once(struct reader *r)
{
	char buf[64];
	r->result = conn_read(r->conn, buf, sizeof(buf));
	waitgroup_done(&r->done);
}

struct writer {
	struct conn *conn;
	const void *data;
	size_t size;
	ssize_t result;
	struct waitgroup done;
};

static inline void write_all(struct writer *w)
{
	w->result = conn_write(w->conn, w->data, w->size);
	waitgroup_done(&w->done);
}

static inline void wait_for_io_waits(int64_t n)
{
	int64_t sum;
	do {
		goroutine_yield();
		sum = 0;
		for (uint32_t i = 0; i < sched.procs; i++)
			sum += atomic_load(&sched.p[i].io_waits);
	} while (sum != n);
}

/* Returns when the reader waits. */
static inline void start_reader(struct reader *r, struct conn *c)
{
	*r = (struct reader){ .conn = c };
	waitgroup_add(&r->done, 1);
	go(read_once, r);
	wait_for_io_waits(1);
}

/* More than fits into the buffers: returns when `waits` goroutines wait for I/O, the writer among them. */
static inline void start_writer(struct writer *w, struct conn *c, int64_t waits)
{
	static char zeroes[32 << 20];
	*w = (struct writer){ .conn = c, .data = zeroes, .size = sizeof(zeroes) };
	waitgroup_add(&w->done, 1);
	go(write_all, w);
	wait_for_io_waits(waits);
}

#endif
