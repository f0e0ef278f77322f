/* SPDX-License-Identifier: MIT
 *
 * Tests of listener.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/resource.h>

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
	goroutine_sleep(MILLISECOND);
	listener_close(l);
	waitgroup_wait(&r.done);
	CHECK_EQ(r.result, -EBADF);
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
