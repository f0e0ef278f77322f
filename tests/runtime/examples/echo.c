/* SPDX-License-Identifier: MIT
 *
 * echo: a TCP server with a goroutine per connection, and a client. Code that reads as if it blocked; underneath all goroutines wait in
 * one epoll.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/net.h"
#include "runtime/waitgroup.h"

static void serve(struct conn *c)
{
	char buf[256];
	ssize_t n;
	while ((n = conn_read(c, buf, sizeof(buf))) > 0 && conn_write(c, buf, (size_t)n) == n)
		;
	conn_close(c);
}

struct server {
	struct listener *listener;
	struct waitgroup accepting;
};

static void accept_all(struct server *s)
{
	struct conn *c;
	while (listener_accept(s->listener, &c) == 0)
		go(serve, c);
	waitgroup_done(&s->accepting);
}

/* Says its piece, and prints what comes back until the server has nothing more to say. */
static bool talk(struct conn *c, const char *text)
{
	char buf[256];
	ssize_t n = conn_write(c, text, strlen(text));
	if (n < 0 || conn_shutdown_write(c) != 0)
		return false;
	while ((n = conn_read(c, buf, sizeof(buf))) > 0)
		printf("%.*s", (int)n, buf);
	return n == 0;
}

static int start(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct server s = { 0 };
	struct conn *c;
	if (listener_open((struct sockaddr *)&any, sizeof(any), 16, &s.listener) != 0)
		return 1;
	waitgroup_add(&s.accepting, 1);
	go(accept_all, &s);

	socklen_t len;
	const struct sockaddr *addr = listener_addr(s.listener, &len);
	if (conn_dial(addr, len, clock_now() + 10 * SECOND, &c) != 0)
		return 1;
	bool ok = talk(c, "hello\n");
	conn_close(c);

	listener_interrupt(s.listener, -ECANCELED); /* ends the accepting goroutine, */
	waitgroup_wait(&s.accepting);
	listener_close(s.listener); /* then nobody uses it any more */
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	return runtime_main(start, argc, argv);
}
