/* SPDX-License-Identifier: MIT
 *
 * Tests of conn.c: reading, writing, dialling.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "runtime/clock.h"
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
