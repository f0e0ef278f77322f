/* SPDX-License-Identifier: MIT
 *
 * Echo: messages of 64 bytes to a server and back, over TCP on loopback; both sides in this process, a goroutine a connection on each.
 */
#include "bench/runtime/bench.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/goroutine.h"
#include "runtime/net.h"
#include "runtime/waitgroup.h"

#define MESSAGE 64
#define BUFFER	512

struct side {
	struct conn *c;
	int64_t n;
	struct waitgroup *wg;
};

static void must(bool fine, const char *what)
{
	if (!fine)
		panic("%s failed (descriptors? ulimit -n)", what);
}

/* False at the end of the stream. */
static bool read_message(struct conn *c, char *buf)
{
	size_t have = 0;
	while (have < MESSAGE) {
		ssize_t n = conn_read(c, buf + have, BUFFER - have);
		must(n >= 0, "read");
		if (n == 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

static void serve(struct side *s)
{
	char buf[BUFFER];
	while (read_message(s->c, buf))
		must(conn_write(s->c, buf, MESSAGE) == MESSAGE, "write");
	conn_close(s->c);
	waitgroup_done(s->wg);
}

static void ask(struct side *s)
{
	char buf[BUFFER] = { 0 };
	for (int64_t i = 0; i < s->n; i++) {
		must(conn_write(s->c, buf, MESSAGE) == MESSAGE, "write");
		must(read_message(s->c, buf), "read");
	}
	waitgroup_done(s->wg);
}

static struct listener *listen_on_loopback(void)
{
	struct listener *l;
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	must(listener_open((struct sockaddr *)&any, sizeof(any), 128, &l) == 0, "listen");
	return l;
}

/* Dials and accepts by turns: no backlog to overflow. */
static void connect_all(struct conn **ret_client, int conns, struct waitgroup *served)
{
	struct listener *l = listen_on_loopback();
	socklen_t len;
	const struct sockaddr *addr = listener_addr(l, &len);
	for (int i = 0; i < conns; i++) {
		struct conn *server;
		must(conn_dial(addr, len, NEVER, &ret_client[i]) == 0, "dial");
		must(listener_accept(l, &server) == 0, "accept");
		go_with(serve, (struct side){ .c = server, .wg = served });
	}
	listener_close(l);
}

static void echo(int64_t n, int conns)
{
	struct conn **client = calloc((size_t)conns, sizeof(struct conn *));
	must(client != NULL, "calloc");
	struct waitgroup asked = { 0 }, served = { 0 };
	waitgroup_add(&asked, conns);
	waitgroup_add(&served, conns);
	connect_all(client, conns, &served);
	bench_report_cpu();
	bench_start_timer();
	for (int i = 0; i < conns; i++)
		go_with(ask, (struct side){ client[i], bench_share(n, i, conns), &asked });
	waitgroup_wait(&asked);
	bench_stop_timer();
	for (int i = 0; i < conns; i++)
		conn_close(client[i]);
	waitgroup_wait(&served);
	free(client);
}

BENCH(Echo1, "64 bytes there and back over TCP, 1 connection")
{
	echo(n, 1);
}

BENCH(Echo64, "the same, 64 connections")
{
	echo(n, 64);
}

BENCH(Echo1000, "the same, 1,000 connections")
{
	echo(n, (int)bench_crowd(1000));
}
