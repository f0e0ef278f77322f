/* SPDX-License-Identifier: MIT
 *
 * server: accepts, counts, refuses what is too much, and at the end waits for everybody.
 *
 * The connections' errgroup has a limit, and errgroup_try_go is the only question asked of it: a
 * connection over the limit gets a 503 at once rather than silence in the backlog.
 */
#define _GNU_SOURCE
#include "src/fetchd/server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/errgroup.h"
#include "runtime/goroutine.h"
#include "src/common/log.h"
#include "src/fetchd/connection.h"

#define PAUSE_AFTER_FAILURE (100 * MILLISECOND)

/* Its length is told by the end of the connection. */
static const char too_many[] =
	"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: "
	"close\r\n\r\n"
	"{\"error\":\"too_many_connections\",\"detail\":\"close some, or try again later\"}\n";

static void refuse(struct server *s, struct conn *conn)
{
	atomic_fetch_add_explicit(&s->refused, 1, memory_order_relaxed);
	(void)!conn_try_write(conn, too_many, sizeof(too_many) - 1);
	conn_close(conn);
}

static void admit(struct server *s, struct conn *conn)
{
	struct call *x = connection_new(s, conn);
	if (!x) {
		refuse(s, conn);
		return;
	}
	atomic_fetch_add_explicit(&s->accepted, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&s->open, 1, memory_order_relaxed);
	if (!errgroup_try_go(s->connections, connection_run, x)) {
		atomic_fetch_sub_explicit(&s->open, 1, memory_order_relaxed);
		refuse(s, conn);
		free(x);
	}
}

/* The acceptor's goroutine. */
static int accept_all(void *arg)
{
	struct server *s = arg;
	while (context_err(s->ctx) == 0) {
		struct conn *conn;
		int err = listener_accept(s->listener, &conn);
		if (err == 0) {
			admit(s, conn);
		} else if (context_err(s->ctx) == 0) {
			log_warn("api: accept: %s", strerrordesc_np(-err));
			goroutine_sleep(PAUSE_AFTER_FAILURE);
		}
	}
	return 0;
}

static void set_default(int64_t *ns, int64_t fallback)
{
	if (*ns == 0)
		*ns = fallback;
}

int server_open(const struct server_options *o, struct server **ret_server)
{
	struct server *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->options = *o;
	set_default(&s->options.keep_alive_ns, 60 * SECOND);
	set_default(&s->options.head_ns, 10 * SECOND);
	set_default(&s->options.progress_ns, 30 * SECOND);
	int err = listener_from_fd(o->socket.fd, &s->listener);
	if (err) {
		free(s);
		return err;
	}
	s->ctx = context_with_cancel(context_background());
	s->acceptor = errgroup_new(s->ctx);
	s->connections = errgroup_new(s->ctx);
	errgroup_set_limit(s->connections, o->max_connections ? (int)o->max_connections : 256);
	*ret_server = s;
	errgroup_go(s->acceptor, accept_all, s);
	return 0;
}

void server_close(struct server *s)
{
	unix_socket_remove(&s->options.socket);
	context_cancel(s->ctx);
	listener_interrupt(s->listener, -ECANCELED);
	(void)!errgroup_wait(s->acceptor);
	listener_close(s->listener);
	(void)!errgroup_wait(s->connections);
	context_unref(s->ctx);
	free(s);
}

void server_stats(const struct server *s, struct server_stats *ret_stats)
{
	*ret_stats = (struct server_stats){
		.connections = atomic_load_explicit(&s->open, memory_order_relaxed),
		.connections_total = atomic_load_explicit(&s->accepted, memory_order_relaxed),
		.requests_total = atomic_load_explicit(&s->requests, memory_order_relaxed),
		.refused_total = atomic_load_explicit(&s->refused, memory_order_relaxed),
	};
}
