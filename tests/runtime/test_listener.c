/* SPDX-License-Identifier: MIT
 *
 * Tests of listener.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "tests/runtime/loopback.h"

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
	wait_for_io_waits(1);
	listener_close(l);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -EBADF);
}

TEST_GO(interrupting_a_listener_wakes_accept_and_lasts)
{
	struct listener *l = listen_on_loopback();
	struct reader r = { .conn = (void *)l };
	struct conn *c;
	waitgroup_add(&r.done, 1);
	go(accept_until_closed, &r);
	wait_for_io_waits(1);
	listener_interrupt(l, -ECANCELED);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -ECANCELED);
	CHECK_EQ(listener_accept(l, &c), -ECANCELED);
	listener_close(l);
}

TEST_GO(accept_ends_at_the_listeners_deadline_and_works_after_a_new_one)
{
	struct listener *l = listen_on_loopback();
	struct conn *client, *server;
	int64_t deadline = clock_now() + 5 * MILLISECOND;
	listener_set_deadline(l, deadline);
	CHECK_EQ(listener_accept(l, &server), -ETIMEDOUT);
	CHECK_LE(deadline, clock_now());
	CHECK_OK(dial_listener(l, NEVER, &client));
	CHECK_EQ(listener_accept(l, &server), -ETIMEDOUT);
	listener_set_deadline(l, NEVER);
	CHECK_OK(listener_accept(l, &server));
	conn_close(server);
	conn_close(client);
	listener_close(l);
}

TEST_GO_DIES(two_accepting_at_once_panic, "a second goroutine reads from")
{
	struct listener *l = listen_on_loopback();
	struct reader r = { .conn = (void *)l };
	struct conn *c;
	waitgroup_add(&r.done, 1);
	go(accept_until_closed, &r);
	wait_for_io_waits(1);
	(void)!listener_accept(l, &c);
}

TEST_GO(listening_where_somebody_listens_gives_eaddrinuse)
{
	struct listener *l = listen_on_loopback(), *other = NULL;
	socklen_t len;
	const struct sockaddr *addr = listener_addr(l, &len);
	CHECK_EQ(listener_open(addr, len, 16, &other), -EADDRINUSE);
	CHECK(other == NULL);
	listener_close(l);
}

/* What accept(2) calls ECONNABORTED elsewhere: Linux hands such a connection out, dead. */
TEST_GO(accept_passes_over_connections_that_were_reset_meanwhile)
{
	struct listener *l = listen_on_loopback();
	struct conn *first, *second, *server;
	char byte;
	CHECK_OK(dial_listener(l, NEVER, &first));
	reset_by_close(first);
	CHECK_OK(dial_listener(l, NEVER, &second));
	CHECK_EQ(conn_write(second, "2", 1), 1);
	CHECK_OK(listener_accept(l, &server));
	CHECK_EQ(conn_read(server, &byte, 1), 1);
	CHECK_EQ(byte, '2');
	conn_close(second);
	conn_close(server);
	listener_close(l);
}

TEST_GO(accept_gets_every_connection_of_a_burst)
{
	enum {
		BURST = 300
	};
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

/* Descriptors above those that are open now and below `max`: none. */
static void limit_descriptors(rlim_t max)
{
	struct rlimit limit;
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = max;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST_GO(accept_goes_on_as_soon_as_a_descriptor_comes_free)
{
	enum {
		WAITING = 4
	};
	struct listener *l = listen_on_loopback();
	struct conn *clients[WAITING], *server;
	for (int i = 0; i < WAITING; i++)
		CHECK_OK(dial_listener(l, NEVER, &clients[i]));
	int next = dup(conn_fd(clients[0])); /* the lowest that is free */
	CHECK_EQ(close(next), 0);
	limit_descriptors((rlim_t)next + 1);
	CHECK_OK(listener_accept(l, &server));
	for (int i = 1; i < WAITING; i++) {
		struct conn *another;
		CHECK_EQ(listener_accept(l, &another), -EMFILE);
		conn_close(server);
		CHECK_OK(listener_accept(l, &server));
	}
	conn_close(server);
	for (int i = 0; i < WAITING; i++)
		conn_close(clients[i]);
	listener_close(l);
}

TEST_GO(accept_without_descriptors_does_not_spin)
{
	struct listener *l = listen_on_loopback();
	struct conn *client, *server;
	CHECK_OK(dial_listener(l, NEVER, &client));
	limit_descriptors(3);
	int64_t begin = clock_now();
	for (int i = 0; i < 5; i++)
		CHECK_EQ(listener_accept(l, &server), -EMFILE);
	CHECK_LE(begin + 5 * 10 * MILLISECOND, clock_now());
	conn_close(client);
	listener_close(l);
	limit_descriptors(256);
}

TEST_GO(dialling_without_descriptors_gives_emfile)
{
	struct listener *l = listen_on_loopback();
	struct conn *c = NULL;
	limit_descriptors(3);
	CHECK_EQ(dial_listener(l, NEVER, &c), -EMFILE);
	CHECK(c == NULL);
	limit_descriptors(256);
	listener_close(l);
}
