/* SPDX-License-Identifier: MIT
 *
 * Tests of net.h: desc.c, conn.c, listener.c, fdwait.c, poll_epoll.c. Loopback and Unix sockets only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/net.h"
#include "runtime/rand.h"
#include "runtime/sched.h"
#include "runtime/timer.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"

static struct listener *listen_on_loopback(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct listener *l;
	CHECK_OK(listener_open((struct sockaddr *)&addr, sizeof(addr), 512, &l));
	return l;
}

static int dial_listener(const struct listener *l, int64_t deadline_ns, struct conn **ret_conn)
{
	socklen_t len;
	const struct sockaddr *addr = listener_addr(l, &len);
	return conn_dial(addr, len, deadline_ns, ret_conn);
}

struct pair {
	struct conn *client, *server;
};

static struct pair connected_pair(void)
{
	struct listener *l = listen_on_loopback();
	struct pair p;
	CHECK_OK(dial_listener(l, NEVER, &p.client));
	CHECK_OK(listener_accept(l, &p.server));
	listener_close(l);
	return p;
}

static void close_pair(struct pair p)
{
	conn_close(p.client);
	conn_close(p.server);
}

static void reset_by_close(struct conn *c)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	CHECK_EQ(setsockopt(conn_fd(c), SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	conn_close(c);
}

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
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
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
	CHECK_EQ(((const struct sockaddr_in *)peer)->sin_port, ((const struct sockaddr_in *)addr)->sin_port);
	conn_close(c);
	listener_close(l);
}

/* --- deadlines and interruption --- */

TEST_GO(a_read_ends_at_its_deadline_and_works_again_after_a_new_one)
{
	struct pair p = connected_pair();
	char buf[8];
	int64_t before = clock_now();
	conn_set_read_deadline(p.client, before + 10 * MILLISECOND);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	CHECK_LE(10 * MILLISECOND, clock_now() - before);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	conn_set_read_deadline(p.client, NEVER);
	CHECK_EQ(conn_write(p.server, "late", 4), 4);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 4);
	close_pair(p);
}

TEST_GO(a_deadline_in_the_past_fails_at_once)
{
	struct pair p = connected_pair();
	char buf[8];
	conn_set_deadline(p.client, clock_now() - 1);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	close_pair(p);
}

TEST_GO(a_deadline_moved_later_and_then_earlier_is_kept)
{
	struct pair p = connected_pair();
	char buf[8];
	int64_t start = clock_now();
	conn_set_read_deadline(p.client, start + 5 * MILLISECOND);
	conn_set_read_deadline(p.client, start + 40 * MILLISECOND);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	CHECK_LE(40 * MILLISECOND, clock_now() - start);
	start = clock_now();
	conn_set_read_deadline(p.client, start + 60 * SECOND);
	conn_set_read_deadline(p.client, start + 10 * MILLISECOND);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	CHECK_LT(clock_now() - start, 5 * SECOND);
	close_pair(p);
}

TEST_GO(a_write_ends_at_its_deadline)
{
	struct pair p = connected_pair();
	static char buf[16 << 20];
	conn_set_write_deadline(p.client, clock_now() + 20 * MILLISECOND);
	CHECK_EQ(conn_write(p.client, buf, sizeof(buf)), -ETIMEDOUT);
	close_pair(p);
}

struct reader {
	struct conn *conn;
	ssize_t result;
	struct waitgroup done;
};

static void read_once(struct reader *r)
{
	char buf[64];
	r->result = conn_read(r->conn, buf, sizeof(buf));
	waitgroup_done(&r->done);
}

static void wait_for_io_waits(int64_t n)
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
static void start_reader(struct reader *r, struct conn *c)
{
	*r = (struct reader){ .conn = c };
	waitgroup_add(&r->done, 1);
	go(read_once, r);
	wait_for_io_waits(1);
}

TEST_GO(setting_a_past_deadline_wakes_the_reader)
{
	struct pair p = connected_pair();
	struct reader r;
	start_reader(&r, p.client);
	conn_set_read_deadline(p.client, 1);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -ETIMEDOUT);
	close_pair(p);
}

TEST_GO(interrupt_wakes_the_reader_and_lasts_until_cleared)
{
	struct pair p = connected_pair();
	struct reader r;
	char buf[8];
	start_reader(&r, p.client);
	conn_interrupt(p.client, -ECANCELED);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -ECANCELED);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), -ECANCELED);
	conn_clear_interrupt(p.client);
	CHECK_EQ(conn_write(p.server, "ok", 2), 2);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 2);
	close_pair(p);
}

TEST_GO(close_wakes_the_reader_with_ebadf)
{
	struct pair p = connected_pair();
	struct reader r;
	start_reader(&r, p.client);
	conn_close(p.client);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -EBADF);
	conn_close(p.server);
}

TEST_GO_DIES(two_readers_at_once_panic, "a second goroutine reads from")
{
	struct pair p = connected_pair();
	struct reader a, b;
	start_reader(&a, p.client);
	start_reader(&b, p.client);
}

/* The descriptor's number must not go to somebody else while a reader may still use it. */
TEST_GO(a_close_that_races_with_data_gives_the_reader_one_or_the_other, .timeout_s = 60)
{
	for (int i = 0; i < 500; i++) {
		struct pair p = connected_pair();
		struct reader r;
		start_reader(&r, p.client);
		if (i % 4 != 0)
			CHECK_EQ(conn_write(p.server, "x", 1), 1);
		if (i % 3 == 0)
			goroutine_yield();
		conn_close(p.client);
		struct pair other = connected_pair();
		waitgroup_wait(&r.done);
		CHECK(r.result == -EBADF || r.result == 1);
		close_pair(other);
		conn_close(p.server);
	}
}

/* --- idle watch --- */

struct idle {
	_Atomic int fired;
};

static void went_off(struct conn *c, void *arg)
{
	(void)c;
	atomic_fetch_add(&((struct idle *)arg)->fired, 1);
}

static void wait_for_fire(struct idle *idle)
{
	while (atomic_load(&idle->fired) == 0)
		goroutine_sleep(100 * MICROSECOND);
}

TEST_GO(idle_watch_fires_when_the_peer_closes)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	CHECK(conn_watch_idle(p.client, went_off, &idle));
	conn_close(p.server);
	wait_for_fire(&idle);
	CHECK(!conn_watch_idle(p.client, NULL, NULL));
	CHECK_EQ(idle.fired, 1);
	conn_close(p.client);
}

TEST_GO(idle_watch_fires_when_the_peer_sends_and_the_bytes_stay)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	char buf[8];
	CHECK(conn_watch_idle(p.client, went_off, &idle));
	CHECK_EQ(conn_write(p.server, "408", 3), 3);
	wait_for_fire(&idle);
	CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 3);
	close_pair(p);
}

TEST_GO(idle_watch_taken_off_in_time_does_not_fire)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	char buf[8];
	for (int i = 0; i < 100; i++) {
		CHECK(conn_watch_idle(p.client, went_off, &idle));
		CHECK(conn_watch_idle(p.client, NULL, NULL));
		CHECK_EQ(conn_write(p.server, "x", 1), 1);
		CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 1);
	}
	CHECK_EQ(idle.fired, 0);
	close_pair(p);
}

TEST_GO(idle_watch_is_refused_when_the_peer_has_closed_already)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	conn_close(p.server);
	goroutine_sleep(5 * MILLISECOND);
	if (conn_watch_idle(p.client, went_off, &idle))
		wait_for_fire(&idle); /* the report had not come yet */
	conn_close(p.client);
}

TEST_GO(a_stale_report_does_not_end_an_idle_watch)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	char buf[4];
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(conn_write(p.server, "full", 4), 4);
		CHECK_EQ(conn_read(p.client, buf, sizeof(buf)), 4); /* filled the buffer: "more" */
		CHECK(conn_watch_idle(p.client, went_off, &idle));
		CHECK(conn_watch_idle(p.client, NULL, NULL));
	}
	close_pair(p);
}

static void close_it(struct conn *c, void *arg)
{
	went_off(c, arg);
	conn_close(c);
}

TEST_GO(the_idle_watch_may_close_its_connection)
{
	struct pair p = connected_pair();
	struct idle idle = { 0 };
	CHECK(conn_watch_idle(p.client, close_it, &idle));
	conn_close(p.server);
	wait_for_fire(&idle);
	while (conn_count() > 0)
		goroutine_yield();
}

/* --- listeners --- */

static void accept_until_closed(struct reader *r)
{
	struct listener *l = (void *)r->conn;
	struct conn *c = NULL;
	r->result = listener_accept(l, &c);
	waitgroup_done(&r->done);
}

TEST_GO(closing_a_listener_wakes_accept_with_ebadf)
{
	struct listener *l = listen_on_loopback();
	struct reader r = { .conn = (void *)l };
	waitgroup_add(&r.done, 1);
	go(accept_until_closed, &r);
	goroutine_sleep(MILLISECOND);
	listener_close(l);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -EBADF);
}

TEST_GO(accept_gets_every_connection_of_a_burst)
{
	enum { BURST = 300 };
	struct listener *l = listen_on_loopback();
	struct conn *clients[BURST];
	for (int i = 0; i < BURST; i++)
		CHECK_OK(dial_listener(l, NEVER, &clients[i]));
	for (int i = 0; i < BURST; i++) {
		struct conn *c;
		CHECK_OK(listener_accept(l, &c));
		conn_close(c);
		conn_close(clients[i]);
	}
	listener_close(l);
}

TEST_GO(accept_without_descriptors_gives_emfile_and_recovers)
{
	struct listener *l = listen_on_loopback();
	struct conn *client, *server;
	CHECK_OK(dial_listener(l, NEVER, &client));
	struct rlimit old, none;
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){ .rlim_cur = 3, .rlim_max = old.rlim_max };
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_EQ(listener_accept(l, &server), -EMFILE);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_OK(listener_accept(l, &server));
	conn_close(client);
	conn_close(server);
	listener_close(l);
}

/* --- many at once --- */

static void echo(struct conn *c)
{
	const char *data;
	ssize_t n;
	while ((n = conn_read_view(c, &data)) > 0) {
		char copy[256];
		CHECK_LE(n, (ssize_t)sizeof(copy));
		memcpy(copy, data, (size_t)n);
		CHECK_EQ(conn_write(c, copy, (size_t)n), n);
	}
	conn_close(c);
}

static void serve_echo(struct listener *l)
{
	struct conn *c;
	while (listener_accept(l, &c) == 0)
		go(echo, c);
}

struct client {
	struct listener *listener;
	int id, rounds;
	struct waitgroup *done;
};

static void talk(struct client *a)
{
	struct conn *c;
	CHECK_OK(dial_listener(a->listener, clock_now() + 20 * SECOND, &c));
	for (int i = 0; i < a->rounds; i++) {
		char sent[64], got[64];
		int len = snprintf(sent, sizeof(sent), "client %d round %d", a->id, i);
		conn_set_deadline(c, clock_now() + 20 * SECOND);
		CHECK_EQ(conn_write(c, sent, (size_t)len), len);
		CHECK_EQ(conn_read(c, got, sizeof(got)), len);
		CHECK_MEM(got, sent, (size_t)len);
	}
	conn_close(c);
	waitgroup_done(a->done);
}

TEST_GO(many_connections_echo_without_mixing_up_answers, .timeout_s = 60)
{
	enum { CLIENTS = 200 };
	struct listener *l = listen_on_loopback();
	struct waitgroup done = { 0 };
	go(serve_echo, l);
	waitgroup_add(&done, CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		go_with(talk, (struct client){ .listener = l, .id = i, .rounds = 50, .done = &done });
	waitgroup_wait(&done);
	listener_close(l);
}

static void dial_and_vanish(struct client *a)
{
	for (int i = 0; i < a->rounds; i++) {
		struct conn *c;
		int64_t deadline = clock_now() + rand_below(300) * MICROSECOND;
		if (dial_listener(a->listener, deadline, &c) != 0)
			continue;
		struct reader r = { .conn = c };
		waitgroup_add(&r.done, 1);
		go(read_once, &r);
		conn_set_read_deadline(c, clock_now() + rand_below(200) * MICROSECOND);
		if (rand_below(2) == 0)
			(void)!conn_write(c, "hello", 5);
		if (rand_below(2) == 0)
			conn_interrupt(c, -ECANCELED);
		waitgroup_wait(&r.done);
		CHECK(r.result == 5 || r.result == -ECANCELED || r.result == -ETIMEDOUT);
		if (rand_below(2) == 0)
			reset_by_close(c);
		else
			conn_close(c);
	}
	waitgroup_done(a->done);
}

static void echo_or_fail(struct conn *c)
{
	char buf[64];
	ssize_t n = conn_read(c, buf, sizeof(buf));
	if (n > 0)
		(void)!conn_write(c, buf, (size_t)n);
	conn_close(c);
}

static void serve_vanishing(struct listener *l)
{
	struct conn *c;
	while (listener_accept(l, &c) == 0)
		go(echo_or_fail, c);
}

TEST_GO(dials_deadlines_interrupts_and_closes_may_race, .timeout_s = 60)
{
	enum { CLIENTS = 30 };
	struct listener *l = listen_on_loopback();
	struct waitgroup done = { 0 };
	go(serve_vanishing, l);
	waitgroup_add(&done, CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		go_with(dial_and_vanish, (struct client){ .listener = l, .rounds = 40, .done = &done });
	waitgroup_wait(&done);
	listener_close(l);
}

/* --- fd_wait --- */

TEST_GO(fd_wait_is_level_triggered)
{
	int fds[2];
	char byte;
	CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	CHECK_EQ(fd_wait(fds[1], FD_WRITE, NEVER), FD_WRITE);
	CHECK_EQ(write(fds[1], "ab", 2), 2);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(fd_wait(fds[0], FD_READ, NEVER), FD_READ);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	CHECK_EQ(fd_wait(fds[0], FD_READ, NEVER), FD_READ);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	CHECK_EQ(fd_wait(fds[0], FD_READ, clock_now() + 5 * MILLISECOND), -ETIMEDOUT);
	fd_wait_end(fds[0]);
	fd_wait_end(fds[1]);
	close(fds[0]);
	close(fds[1]);
}

TEST_GO(fd_wait_reports_a_hangup_as_readable)
{
	int fds[2];
	CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	close(fds[1]);
	CHECK(fd_wait(fds[0], FD_READ, NEVER) & FD_READ);
	fd_wait_end(fds[0]);
	close(fds[0]);
}

TEST_GO(fd_wait_survives_a_library_that_closes_and_opens_the_same_number)
{
	for (int i = 0; i < 20; i++) {
		int fds[2];
		CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
		CHECK_EQ(fd_wait(fds[1], FD_WRITE, NEVER), FD_WRITE);
		CHECK_EQ(fd_wait(fds[0], FD_READ, clock_now() + 100 * MICROSECOND), -ETIMEDOUT);
		close(fds[0]);
		close(fds[1]);
	}
}

struct fd_waiter {
	int fd, result;
	struct waitgroup done;
};

static void wait_for_fd(struct fd_waiter *w)
{
	w->result = fd_wait(w->fd, FD_READ, NEVER);
	waitgroup_done(&w->done);
}

TEST_GO(fd_wait_end_wakes_the_waiter_with_ebadf)
{
	int fds[2];
	CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	struct fd_waiter w = { .fd = fds[0] };
	waitgroup_add(&w.done, 1);
	go(wait_for_fd, &w);
	goroutine_sleep(MILLISECOND);
	fd_wait_end(fds[0]);
	waitgroup_wait(&w.done);
	CHECK_EQ(w.result, -EBADF);
	close(fds[0]);
	close(fds[1]);
}

TEST_GO(fd_wait_refuses_a_bad_descriptor)
{
	CHECK_EQ(fd_wait(-1, FD_READ, NEVER), -EBADF);
	CHECK_EQ(fd_wait(9999, FD_READ, NEVER), -EBADF);
}

TEST_GO(waiting_for_io_is_no_deadlock)
{
	struct pair p = connected_pair();
	struct reader r;
	start_reader(&r, p.client);
	goroutine_sleep(30 * MILLISECOND);
	CHECK_EQ(conn_write(p.server, "x", 1), 1);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, 1);
	close_pair(p);
}
