/* SPDX-License-Identifier: MIT
 *
 * Tests of conn.c: reading, writing, dialling.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/context.h"
#include "tests/runtime/loopback.h"

TEST_GO(bytes_arrive_in_both_directions)
{
	struct pair p = connected_pair();
	char buf[16];
	CHECK_EQ(conn_write(p.client, "ping", 4), 4);
	CHECK_EQ(conn_read(p.server, buf, sizeof(buf)), 4);
	CHECK_EQ(conn_write(p.server, "pong!", 5), 5);
	const char *view;
	CHECK_EQ(conn_read_view(p.client, &view), 5);
	CHECK_MEM(view, "pong!", 5);
	close_pair(p);
}

TEST_GO(small_reads_get_all_of_a_large_message)
{
	struct pair p = connected_pair();
	char sent[1000], byte;
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)i;
	CHECK_EQ(conn_write(p.client, sent, sizeof(sent)), 1000);
	for (size_t i = 0; i < sizeof(sent); i++) {
		CHECK_EQ(conn_read(p.server, &byte, 1), 1);
		CHECK_EQ(byte, sent[i]);
	}
	close_pair(p);
}

TEST_GO(end_of_stream_is_seen_behind_the_last_data)
{
	struct pair p = connected_pair();
	char buf[64];
	CHECK_EQ(conn_write(p.client, "bye", 3), 3);
	conn_close(p.client);
	CHECK_EQ(conn_read(p.server, buf, sizeof(buf)), 3);
	CHECK_EQ(conn_read(p.server, buf, sizeof(buf)), 0);
	CHECK_EQ(conn_read(p.server, buf, sizeof(buf)), 0);
	conn_close(p.server);
}

TEST_GO(end_of_stream_is_seen_when_it_came_before_the_first_read)
{
	struct pair p = connected_pair();
	const char *view;
	CHECK_EQ(conn_write(p.client, "x", 1), 1);
	conn_close(p.client);
	goroutine_sleep(5 * MILLISECOND);
	CHECK_EQ(conn_read_view(p.server, &view), 1);
	CHECK_EQ(conn_read_view(p.server, &view), 0);
	conn_close(p.server);
}

TEST_GO(half_closed_connections_still_carry_the_other_half)
{
	struct pair p = connected_pair();
	char buf[16];
	CHECK_OK(conn_shutdown_write(p.client));
	CHECK_EQ(conn_read(p.server, buf, sizeof(buf)), 0);
	CHECK_EQ(conn_write(p.server, "answer", 6), 6);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 6);
	close_pair(p);
}

TEST_GO(a_reset_is_reported_and_writing_after_it_gives_epipe)
{
	struct pair p = connected_pair();
	char buf[16];
	reset_by_close(p.client);
	CHECK_EQ(conn_read(p.server, buf, sizeof(buf)), -ECONNRESET);
	CHECK_EQ(conn_write(p.server, "x", 1), -EPIPE);
	conn_close(p.server);
}

/* On the thread that may take signals the process would die of it; on others it would be pending. */
static void check_no_sigpipe(void)
{
	sigset_t pending;
	CHECK_EQ(sigpending(&pending), 0);
	CHECK(!sigismember(&pending, SIGPIPE));
}

TEST_GO(writing_to_a_connection_that_was_reset_raises_no_sigpipe)
{
	struct pair p = connected_pair();
	struct iovec iov[] = { { "a", 1 }, { "b", 1 } };
	struct sigaction action;
	char buf[8];
	CHECK_EQ(sigaction(SIGPIPE, NULL, &action), 0);
	CHECK(action.sa_handler == SIG_DFL);
	reset_by_close(p.client);
	CHECK_EQ(conn_read(p.server, buf, sizeof(buf)), -ECONNRESET);
	CHECK_EQ(conn_write(p.server, "x", 1), -EPIPE);
	check_no_sigpipe();
	CHECK_EQ(conn_writev(p.server, iov, 2), -EPIPE);
	check_no_sigpipe();
	CHECK_EQ(conn_try_write(p.server, "x", 1), -EPIPE);
	check_no_sigpipe();
	conn_close(p.server);
}

TEST_GO(a_reset_wakes_the_reader)
{
	struct pair p = connected_pair();
	struct reader r;
	start_reader(&r, p.client);
	reset_by_close(p.server);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -ECONNRESET);
	conn_close(p.client);
}

TEST_GO(a_reset_wakes_the_writer)
{
	struct pair p = connected_pair();
	struct writer w;
	start_writer(&w, p.client, 1);
	reset_by_close(p.server);
	waitgroup_wait(&w.done);
	CHECK(w.result == -ECONNRESET || w.result == -EPIPE);
	conn_close(p.client);
}

TEST_GO(nothing_to_read_or_write_is_done_at_once)
{
	struct pair p = connected_pair();
	char byte;
	CHECK_EQ(conn_read(p.client, &byte, 0), 0);
	CHECK_EQ(conn_write(p.client, "", 0), 0);
	close_pair(p);
}

TEST_GO(a_half_close_ends_the_peers_reading_while_it_waits)
{
	struct pair p = connected_pair();
	struct reader r;
	char buf[8];
	start_reader(&r, p.server);
	CHECK_OK(conn_shutdown_write(p.client));
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, 0);
	CHECK_EQ(conn_write(p.client, "x", 1), -EPIPE);
	CHECK_OK(conn_shutdown_write(p.server));
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 0);
	close_pair(p);
}

struct stream {
	struct conn *conn;
	size_t size;
	struct waitgroup *done;
};

static void send_stream(struct stream *s)
{
	char *block = malloc(s->size);
	for (size_t i = 0; i < s->size; i++)
		block[i] = (char)(i * 31);
	CHECK_EQ(conn_write(s->conn, block, s->size), (ssize_t)s->size);
	free(block);
	waitgroup_done(s->done);
}

static void receive_stream(struct conn *c, size_t size)
{
	char buf[5000];
	size_t got = 0;
	while (got < size) {
		ssize_t n = conn_read(c, buf, sizeof(buf));
		CHECK_LT(0, n);
		for (ssize_t i = 0; i < n; i++, got++)
			CHECK_EQ(buf[i], (char)(got * 31));
	}
	CHECK_EQ(got, size);
}

TEST_GO(writes_larger_than_all_buffers_park_and_finish)
{
	struct pair p = connected_pair();
	struct waitgroup done = { 0 };
	waitgroup_add(&done, 1);
	go_with(send_stream, (struct stream){ .conn = p.client, .size = 20 << 20, .done = &done });
	receive_stream(p.server, 20 << 20);
	waitgroup_wait(&done);
	close_pair(p);
}

TEST_GO(writev_sends_all_parts_and_skips_empty_ones)
{
	struct pair p = connected_pair();
	struct iovec iov[] = { { "", 0 }, { "ab", 2 }, { "", 0 }, { "cde", 3 }, { "", 0 } };
	char buf[16];
	CHECK_EQ(conn_writev(p.client, iov, 5), 5);
	CHECK_EQ(conn_read(p.server, buf, sizeof(buf)), 5);
	CHECK_MEM(buf, "abcde", 5);
	struct iovec nothing = { "", 0 };
	CHECK_EQ(conn_writev(p.client, &nothing, 1), 0);
	close_pair(p);
}

struct parts {
	struct conn *conn;
	struct iovec *iov;
	int len;
	size_t size;
	struct waitgroup *done;
};

static void send_parts(struct parts *p)
{
	CHECK_EQ(conn_writev(p->conn, p->iov, p->len), (ssize_t)p->size);
	waitgroup_done(p->done);
}

/* More parts than one call takes, and a socket that takes few bytes at a time: every write is a partial one. */
TEST_GO(writev_goes_on_after_partial_writes)
{
	enum {
		PARTS = 3000,
		PART = 700
	};
	struct pair p = connected_pair();
	struct waitgroup done = { 0 };
	struct iovec *iov = calloc(PARTS, sizeof(*iov));
	char *data = malloc(PARTS * PART);
	CHECK(iov != NULL && data != NULL);
	for (size_t i = 0; i < PARTS * PART; i++)
		data[i] = (char)(i * 31);
	for (size_t i = 0; i < PARTS; i++)
		iov[i] = (struct iovec){ data + i * PART, PART };
	CHECK_EQ(setsockopt(conn_fd(p.client), SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int)),
		 0);
	waitgroup_add(&done, 1);
	go_with(send_parts, (struct parts){ p.client, iov, PARTS, PARTS * PART, &done });
	receive_stream(p.server, PARTS * PART);
	waitgroup_wait(&done);
	free(data);
	free(iov);
	close_pair(p);
}

TEST_GO(tries_never_park)
{
	struct pair p = connected_pair();
	char buf[65536] = { 0 };
	CHECK_EQ(conn_try_read(p.server, buf, sizeof(buf)), -EAGAIN);
	while (conn_try_write(p.client, buf, sizeof(buf)) > 0)
		;
	CHECK_EQ(conn_try_write(p.client, buf, 1), -EAGAIN);
	CHECK_OK(conn_wait_readable(p.server));
	CHECK_LT(0, conn_try_read(p.server, buf, sizeof(buf)));
	close_pair(p);
}

static void drain(struct conn *c)
{
	static char buf[1 << 20];
	for (int i = 0; i < 20; i++)
		CHECK_LT(0, conn_read(c, buf, sizeof(buf)));
}

TEST_GO(what_is_written_ahead_arrives_before_the_next_write_and_without_one)
{
	struct pair p = connected_pair();
	char buf[8] = { 0 };
	CHECK_EQ(conn_try_write_ahead(p.client, "ab", 2), 2);
	CHECK_EQ(conn_try_write(p.client, "cd", 2), 2);
	for (ssize_t n = 0; n < 4;)
		n += conn_read(p.server, buf + n, sizeof(buf) - (size_t)n);
	CHECK_STR(buf, "abcd");
	CHECK_EQ(conn_try_write_ahead(p.client, "e", 1), 1);
	CHECK_EQ(conn_read(p.server, buf, sizeof(buf)), 1);
	close_pair(p);
}

TEST_GO(wait_writable_returns_when_the_peer_has_read)
{
	struct pair p = connected_pair();
	static char buf[65536];
	while (conn_try_write(p.client, buf, sizeof(buf)) > 0)
		;
	go(drain, p.server);
	do {
		CHECK_OK(conn_wait_writable(p.client));
	} while (conn_try_write(p.client, buf, sizeof(buf)) == -EAGAIN);
	while (goroutine_count() > 1) {
		if (conn_try_write(p.client, buf, sizeof(buf)) < 0)
			goroutine_yield();
	}
	close_pair(p);
}

/* --- dialling --- */

TEST_GO(dialling_a_closed_port_is_refused)
{
	struct listener *l = listen_on_loopback();
	socklen_t len;
	struct sockaddr_in addr = *(const struct sockaddr_in *)listener_addr(l, &len);
	listener_close(l);
	struct conn *c = NULL;
	CHECK_EQ(conn_dial((struct sockaddr *)&addr, sizeof(addr), NEVER, &c), -ECONNREFUSED);
	CHECK(c == NULL);
}

/* Nobody accepts: once the backlog is full, the handshake hangs. */
static struct listener *full_listener(struct conn *ret_fillers[], int n)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct listener *l;
	CHECK_OK(listener_open((struct sockaddr *)&addr, sizeof(addr), 0, &l));
	socklen_t len;
	for (int i = 0; i < n; i++)
		CHECK_OK(conn_dial_start(listener_addr(l, &len), sizeof(addr), &ret_fillers[i]));
	goroutine_sleep(10 * MILLISECOND);
	return l;
}

TEST_GO(a_dial_ends_at_its_deadline)
{
	struct conn *fillers[8], *c = NULL;
	struct listener *l = full_listener(fillers, 8);
	int64_t before = clock_now();
	CHECK_EQ(dial_listener(l, before + 30 * MILLISECOND, &c), -ETIMEDOUT);
	CHECK_LE(30 * MILLISECOND, clock_now() - before);
	CHECK(c == NULL);
	for (int i = 0; i < 8; i++)
		conn_close(fillers[i]);
	listener_close(l);
}

struct dial {
	struct conn *conn;
	int result;
	struct waitgroup done;
};

static void wait_for_dial(struct dial *d)
{
	d->result = conn_dial_wait(d->conn);
	waitgroup_done(&d->done);
}

TEST_GO(a_dial_can_be_interrupted)
{
	struct conn *fillers[8];
	struct listener *l = full_listener(fillers, 8);
	struct dial d = { 0 };
	socklen_t len;
	const struct sockaddr *addr = listener_addr(l, &len);
	CHECK_OK(conn_dial_start(addr, len, &d.conn));
	waitgroup_add(&d.done, 1);
	go(wait_for_dial, &d);
	goroutine_sleep(MILLISECOND);
	conn_interrupt(d.conn, -ECANCELED);
	waitgroup_wait(&d.done);
	CHECK_EQ(d.result, -ECANCELED);
	conn_close(d.conn);
	for (int i = 0; i < 8; i++)
		conn_close(fillers[i]);
	listener_close(l);
}

TEST_GO(a_dial_whose_deadline_has_passed_is_not_begun)
{
	struct sockaddr_un addr = { .sun_family =
					    AF_UNIX }; /* there a dial would be done at once */
	struct listener *l;
	struct conn *c = NULL;
	CHECK_OK(listener_open((struct sockaddr *)&addr, sizeof(addr.sun_family), 16, &l));
	CHECK_EQ(dial_listener(l, clock_now(), &c), -ETIMEDOUT);
	CHECK_EQ(dial_listener(l, INT64_MIN, &c), -ETIMEDOUT);
	CHECK(c == NULL);
	listener_close(l);
}

struct dial_guard {
	struct context_after after;
	struct conn *conn;
};

static void interrupt_dial(struct context_after *a)
{
	conn_interrupt(CONTAINER_OF(a, struct dial_guard, after)->conn, -ECANCELED);
}

TEST_GO(a_dial_ends_with_its_context)
{
	struct conn *fillers[8];
	struct listener *l = full_listener(fillers, 8);
	struct context *ctx = context_with_timeout(context_background(), 5 * MILLISECOND);
	struct dial_guard g;
	socklen_t len;
	const struct sockaddr *addr = listener_addr(l, &len);
	CHECK_OK(conn_dial_start(addr, len, &g.conn));
	context_after(ctx, &g.after, interrupt_dial);
	CHECK_EQ(conn_dial_wait(g.conn), -ECANCELED);
	CHECK(!context_stop_after(&g.after));
	CHECK_EQ(context_err(ctx), -ETIMEDOUT);
	conn_close(g.conn);
	for (int i = 0; i < 8; i++)
		conn_close(fillers[i]);
	context_unref(ctx);
	listener_close(l);
}

/* TCP has no multicast: the kernel says so before it sends anything. */
TEST_GO(dialling_what_no_route_leads_to_is_unreachable)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(80),
				    .sin_addr.s_addr = htonl(0xe0000001) };
	struct conn *c = NULL;
	CHECK_EQ(conn_dial((struct sockaddr *)&addr, sizeof(addr), NEVER, &c), -ENETUNREACH);
	CHECK(c == NULL);
}

TEST_GO(dialling_a_unix_path_without_a_listener_fails)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct conn *c = NULL;
	struct listener *l;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/none", test_dir());
	CHECK_EQ(conn_dial((struct sockaddr *)&addr, sizeof(addr), NEVER, &c), -ENOENT);
	CHECK_OK(listener_open((struct sockaddr *)&addr, sizeof(addr), 16, &l));
	listener_close(l);
	CHECK_EQ(conn_dial((struct sockaddr *)&addr, sizeof(addr), NEVER, &c), -ECONNREFUSED);
	CHECK(c == NULL);
}

TEST_GO(a_unix_listener_whose_backlog_is_full_gives_eagain)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct conn *c[8] = { 0 };
	struct listener *l;
	int n = 0, err = 0;
	CHECK_OK(listener_open((struct sockaddr *)&addr, sizeof(addr.sun_family), 1, &l));
	while (n < 8 && (err = dial_listener(l, NEVER, &c[n])) == 0)
		n++;
	CHECK_EQ(err, -EAGAIN);
	while (n > 0)
		conn_close(c[--n]);
	listener_close(l);
}

static void check_echo(struct listener *l)
{
	struct pair p;
	char buf[8];
	CHECK_OK(dial_listener(l, NEVER, &p.client));
	CHECK_OK(listener_accept(l, &p.server));
	CHECK_EQ(conn_write(p.client, "ping", 4), 4);
	CHECK_EQ(conn_read(p.server, buf, sizeof(buf)), 4);
	CHECK_EQ(conn_write(p.server, buf, 4), 4);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 4);
	CHECK_MEM(buf, "ping", 4);
	close_pair(p);
	listener_close(l);
}

TEST_GO(abstract_unix_sockets_work)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t name = (size_t)snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1,
				       "fetchd-test-%d", (int)getpid());
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + name), got;
	struct listener *l;
	CHECK_OK(listener_open((struct sockaddr *)&addr, len, 16, &l));
	CHECK_MEM(listener_addr(l, &got), &addr, len);
	CHECK_EQ(got, len);
	check_echo(l);
}

TEST_GO(tcp_over_ipv6_works)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct listener *l;
	int err = listener_open((struct sockaddr *)&addr, sizeof(addr), 16, &l);
	if (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT)
		test_skip("no IPv6 loopback here");
	CHECK_OK(err);
	check_echo(l);
}

TEST_GO(unix_sockets_work)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/socket", test_dir());
	struct listener *l;
	struct pair p;
	char buf[8];
	CHECK_OK(listener_open((struct sockaddr *)&addr, sizeof(addr), 16, &l));
	CHECK_OK(dial_listener(l, NEVER, &p.client));
	CHECK_OK(listener_accept(l, &p.server));
	CHECK_EQ(conn_write(p.client, "unix", 4), 4);
	CHECK_EQ(conn_read(p.server, buf, sizeof(buf)), 4);
	close_pair(p);
	listener_close(l);
}

TEST_GO(peer_is_the_address_dialled)
{
	struct listener *l = listen_on_loopback();
	struct conn *c;
	socklen_t len, peer_len;
	CHECK_OK(dial_listener(l, NEVER, &c));
	const struct sockaddr *addr = listener_addr(l, &len);
	const struct sockaddr *peer = conn_peer(c, &peer_len);
	CHECK_EQ(peer_len, len);
	CHECK_EQ(((const struct sockaddr_in *)peer)->sin_port,
		 ((const struct sockaddr_in *)addr)->sin_port);
	conn_close(c);
	listener_close(l);
}

static void check_addr(const struct sockaddr *a, socklen_t a_len, const struct sockaddr *b,
		       socklen_t b_len)
{
	CHECK_EQ(a_len, b_len);
	CHECK_MEM(a, b, a_len);
}

TEST_GO(each_sides_local_address_is_the_others_peer)
{
	struct pair p = connected_pair();
	struct sockaddr_storage local;
	socklen_t len, peer_len;
	CHECK_OK(conn_local(p.client, &local, &len));
	const struct sockaddr *peer = conn_peer(p.server, &peer_len);
	check_addr((struct sockaddr *)&local, len, peer, peer_len);
	CHECK_OK(conn_local(p.server, &local, &len));
	peer = conn_peer(p.client, &peer_len);
	check_addr((struct sockaddr *)&local, len, peer, peer_len);
	close_pair(p);
}
