/* SPDX-License-Identifier: MIT
 *
 * Tests of net.h as a whole: many connections at once, and everything racing with everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/rand.h"
#include "tests/runtime/loopback.h"

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

/* An accept loop and the way to end it: it is not always inside listener_accept when its owner wants to close. */
struct server {
	struct listener *listener;
	void (*serve)(struct conn *c);
	struct waitgroup accepting;
};

static void accept_all(struct server *s)
{
	struct conn *c;
	while (listener_accept(s->listener, &c) == 0)
		go(s->serve, c);
	waitgroup_done(&s->accepting);
}

static void start_server(struct server *s, void (*serve)(struct conn *c))
{
	*s = (struct server){ .listener = listen_on_loopback(), .serve = serve };
	waitgroup_add(&s->accepting, 1);
	go(accept_all, s);
}

static void stop_server(struct server *s)
{
	listener_interrupt(s->listener, -ECANCELED);
	waitgroup_wait(&s->accepting);
	listener_close(s->listener);
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
	enum {
		CLIENTS = 200
	};
	struct server s;
	struct waitgroup done = { 0 };
	start_server(&s, echo);
	waitgroup_add(&done, CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		go_with(talk,
			(struct client){
				.listener = s.listener, .id = i, .rounds = 50, .done = &done });
	waitgroup_wait(&done);
	stop_server(&s);
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

TEST_GO(dials_deadlines_interrupts_and_closes_may_race, .timeout_s = 60)
{
	enum {
		CLIENTS = 30
	};
	struct server s;
	struct waitgroup done = { 0 };
	start_server(&s, echo_or_fail);
	waitgroup_add(&done, CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		go_with(dial_and_vanish,
			(struct client){ .listener = s.listener, .rounds = 40, .done = &done });
	waitgroup_wait(&done);
	stop_server(&s);
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
