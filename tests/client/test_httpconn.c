/* SPDX-License-Identifier: MIT
 *
 * test_httpconn: what a peer says before it is asked.
 */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "runtime/goroutine.h"
#include "src/client/httpconn.h"
#include "tests/client/rig.h"

struct pair {
	struct listener *listener;
	struct conn *ours, *theirs;
};

static void pair_open(struct pair *p)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len;
	CHECK_OK(listener_open((struct sockaddr *)&in, sizeof(in), 16, &p->listener));
	const struct sockaddr *addr = listener_addr(p->listener, &len);
	CHECK_OK(conn_dial(addr, len, NEVER, &p->ours));
	CHECK_OK(listener_accept(p->listener, &p->theirs));
}

static void pair_close(struct pair *p)
{
	conn_close(p->ours);
	conn_close(p->theirs);
	listener_close(p->listener);
}

static void say(struct pair *p, const char *text)
{
	CHECK_EQ(conn_write(p->theirs, text, strlen(text)), (ssize_t)strlen(text));
}

static void check_reads(struct httpconn *h, const char *text)
{
	const char *data;
	CHECK_EQ(httpconn_read(h, &data), (ssize_t)strlen(text));
	CHECK_MEM(data, text, strlen(text));
}

TEST_GO(httpconn_hears_what_is_said_before_the_request_and_keeps_it)
{
	struct pair p;
	pair_open(&p);
	struct httpconn h = { .conn = p.ours };
	CHECK(!httpconn_spoke_first(&h));
	say(&p, "early");
	WAIT_FOR(httpconn_spoke_first(&h));
	check_reads(&h, "early");
	CHECK(!httpconn_spoke_first(&h));
	say(&p, "late");
	check_reads(&h, "late");
	pair_close(&p);
}

TEST_GO(httpconn_hears_an_end_before_the_request)
{
	struct pair p;
	const char *data;
	pair_open(&p);
	struct httpconn h = { .conn = p.ours };
	CHECK_OK(conn_shutdown_write(p.theirs));
	WAIT_FOR(httpconn_spoke_first(&h));
	CHECK_EQ(httpconn_read(&h, &data), 0);
	pair_close(&p);
}
