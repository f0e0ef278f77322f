/* SPDX-License-Identifier: MIT
 *
 * The HTTP server with handlers of this test, spoken to in bytes over its Unix socket.
 */
#include "src/fetchd/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/net.h"
#include "src/common/buf.h"
#include "src/common/cleanup.h"
#include "tests/harness.h"

/* ---- a server to talk to ---- */

static struct server *server;
static char path[200];
static _Atomic int outcome; /* what a handler's last read or wait gave; 1000 = nothing yet */
static _Atomic int waiting; /* handlers that wait */

static void echo(struct call *x)
{
	cleanup(buf_done) struct buf all = { 0 };
	struct str piece;
	int more;
	while ((more = call_read(x, &piece)) > 0)
		buf_append_str(&all, piece);
	atomic_store(&outcome, more);
	if (more == 0)
		call_reply(x, 200, "text/plain", buf_str(&all));
}

static void stream(struct call *x)
{
	char line[20];
	int err = call_stream_begin(x, 200, "text/plain");
	for (int i = 0; i < 3 && err == 0; i++) {
		snprintf(line, sizeof(line), "line %d\n", i);
		err = call_stream(x, str_of(line));
	}
	if (!err)
		call_stream_end(x);
}

/* More than a socket holds. */
static void flood(struct call *x)
{
	static const char zeros[65536];
	int err = call_stream_begin(x, 200, NULL);
	for (int i = 0; i < 1000 && err == 0; i++)
		err = call_stream(x, str_make(zeros, sizeof(zeros)));
	atomic_store(&outcome, err);
}

static void wait_for_end(struct call *x)
{
	struct context *ctx = call_context(x);
	atomic_fetch_add(&waiting, 1);
	chan_recv(context_done(ctx), NULL);
	atomic_fetch_sub(&waiting, 1);
	atomic_store(&outcome, context_err(ctx));
}

static void handle(void *user, struct call *x)
{
	struct str p = call_path(x);
	(void)user;
	if (str_eq(p, STR("/echo")))
		echo(x);
	else if (str_eq(p, STR("/stream")))
		stream(x);
	else if (str_eq(p, STR("/flood")))
		flood(x);
	else if (str_eq(p, STR("/wait")))
		wait_for_end(x);
	else if (str_eq(p, STR("/refuse")))
		call_reply(x, 400, "text/plain", STR("no\n"));
	else if (str_eq(p, STR("/query")))
		call_reply(x, 200, "text/plain", call_query(x));
	else if (!str_eq(p, STR("/silence")))
		call_reply(x, 404, NULL, STR(""));
}

static void start(struct server_options o)
{
	char *reason = NULL;
	snprintf(path, sizeof(path), "%s/s", test_dir());
	atomic_store(&outcome, 1000);
	if (unix_socket_open(path, &o.socket, &reason))
		test_fail("%s", reason);
	o.handle = handle;
	CHECK_OK(server_open(&o, &server));
}

static void start_default(void)
{
	start((struct server_options){ 0 });
}

static struct conn *dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct conn *c;
	strcpy(address.sun_path, path);
	CHECK_OK(conn_dial((struct sockaddr *)&address, sizeof(address), clock_now() + 5 * SECOND,
			   &c));
	conn_set_deadline(c, clock_now() + 20 * SECOND);
	return c;
}

static void say(struct conn *c, const char *text)
{
	CHECK_EQ(conn_write(c, text, strlen(text)), strlen(text));
}

/* Reads until the text has come, or the end has; gives all that came, which the next call forgets.
 * */
static const char *hear(struct conn *c, const char *until)
{
	static char all[300000];
	size_t len = 0;
	ssize_t n = 1;
	all[0] = '\0';
	while (n > 0 && !(until && strstr(all, until))) {
		n = conn_read(c, all + len, sizeof(all) - 1 - len);
		if (n < 0 && n != -ECONNRESET)
			CHECK_OK(n);
		len += n > 0 ? (size_t)n : 0;
		all[len] = '\0';
	}
	return all;
}

static void check_heard(struct conn *c, const char *until, const char *want)
{
	const char *all = hear(c, until);
	if (!strstr(all, want))
		test_fail("'%s' is not in: %s", want, all);
}

static void check_closed(struct conn *c)
{
	char byte;
	ssize_t n = conn_read(c, &byte, 1);
	CHECK(n == 0 || n == -ECONNRESET);
}

static void await_value(_Atomic int *what, int want)
{
	while (atomic_load(what) != want)
		goroutine_sleep(MILLISECOND);
}

/* ---- requests and answers ---- */

TEST_GO(server_answers_and_keeps_the_connection)
{
	start_default();
	struct conn *c = dial();
	for (int i = 0; i < 3; i++) {
		say(c, "GET /query?a=b HTTP/1.1\r\nHost: x\r\n\r\n");
		check_heard(c, "a=b", "HTTP/1.1 200 OK\r\n");
	}
	conn_close(c);
	server_close(server);
}

TEST_GO(server_answers_pipelined_requests_in_order)
{
	start_default();
	struct conn *c = dial();
	say(c, "GET /query?first HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\nHost: "
	       "x\r\nContent-Length: 6\r\n\r\nsecond"
	       "GET /query?third HTTP/1.1\r\nHost: x\r\n\r\n");
	const char *all = hear(c, "third");
	CHECK(strstr(all, "first") < strstr(all, "second"));
	CHECK(strstr(all, "second") < strstr(all, "third"));
	conn_close(c);
	server_close(server);
}

TEST_GO(server_reads_a_body_with_length)
{
	start_default();
	struct conn *c = dial();
	say(c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234");
	say(c, "56789");
	check_heard(c, "9", "0123456789");
	conn_close(c);
	server_close(server);
}

TEST_GO(server_reads_a_chunked_body)
{
	start_default();
	struct conn *c = dial();
	say(c, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n");
	say(c, "3\r\nefg\r\n0\r\n\r\n");
	check_heard(c, "abcdefg", "Content-Length: 7\r\n");
	say(c, "GET /query?again HTTP/1.1\r\nHost: x\r\n\r\n");
	check_heard(c, "again", "200");
	conn_close(c);
	server_close(server);
}

TEST_GO(server_reads_a_body_larger_than_any_buffer)
{
	enum {
		SIZE = 200000
	};
	start_default();
	struct conn *c = dial();
	char *body = malloc(SIZE + 1);
	memset(body, 'x', SIZE);
	body[SIZE] = '\0';
	body[SIZE - 1] = '!';
	say(c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
	say(c, body);
	const char *all = hear(c, "x!");
	CHECK(strstr(all, "Content-Length: 200000\r\n"));
	CHECK_STR(strstr(all, "\r\n\r\n") + 4, body);
	free(body);
	conn_close(c);
	server_close(server);
}

TEST_GO(server_says_continue_when_the_body_is_wanted)
{
	start_default();
	struct conn *c = dial();
	say(c,
	    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	CHECK_STR(hear(c, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
	say(c, "ok");
	check_heard(c, "ok", "HTTP/1.1 200 OK\r\n");
	conn_close(c);
	server_close(server);
}

TEST_GO(server_says_no_continue_when_the_body_is_refused)
{
	start_default();
	struct conn *c = dial();
	say(c, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: "
	       "100-continue\r\n\r\n");
	const char *all = hear(c, NULL);
	CHECK(strncmp(all, "HTTP/1.1 400 ", 13) == 0);
	CHECK(strstr(all, "Connection: close\r\n"));
	conn_close(c);
	server_close(server);
}

/* The client sends more than the socket holds, and reads only then. */
TEST_GO(server_refusal_reaches_a_client_that_is_still_sending)
{
	static char zeros[1 << 20];
	start_default();
	struct conn *c = dial();
	say(c, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 4194304\r\n\r\n");
	for (int i = 0; i < 4; i++)
		CHECK_EQ(conn_write(c, zeros, sizeof(zeros)), sizeof(zeros));
	check_heard(c, NULL, "HTTP/1.1 400 ");
	conn_close(c);
	server_close(server);
}

TEST_GO(server_streams_in_chunks)
{
	start_default();
	struct conn *c = dial();
	say(c, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
	const char *all = hear(c, "\r\n0\r\n\r\n");
	CHECK(strstr(all, "Transfer-Encoding: chunked\r\n"));
	CHECK_STR(strstr(all, "\r\n\r\n") + 4,
		  "7\r\nline 0\n\r\n7\r\nline 1\n\r\n7\r\nline 2\n\r\n0\r\n\r\n");
	say(c, "GET /query?still HTTP/1.1\r\nHost: x\r\n\r\n");
	check_heard(c, "still", "200");
	conn_close(c);
	server_close(server);
}

TEST_GO(server_streams_to_http_1_0_until_it_closes)
{
	start_default();
	struct conn *c = dial();
	say(c, "GET /stream HTTP/1.0\r\n\r\n");
	const char *all = hear(c, NULL);
	CHECK(!strstr(all, "chunked"));
	CHECK_STR(strstr(all, "\r\n\r\n") + 4, "line 0\nline 1\nline 2\n");
	conn_close(c);
	server_close(server);
}

TEST_GO(server_leaves_out_the_body_of_head)
{
	start_default();
	struct conn *c = dial();
	say(c, "HEAD /query?12345 HTTP/1.1\r\nHost: x\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: "
	       "x\r\n\r\nGET /query?z HTTP/1.1\r\nHost: x\r\n\r\n");
	const char *all = hear(c, "\r\n\r\nz");
	CHECK(strstr(all, "Content-Length: 5\r\n"));
	CHECK(!strstr(all, "12345"));
	CHECK(!strstr(all, "line"));
	conn_close(c);
	server_close(server);
}

TEST_GO(server_closes_when_asked_to)
{
	start_default();
	struct conn *c = dial();
	say(c, "GET /query?x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	check_heard(c, NULL, "Connection: close\r\n");
	conn_close(c);
	server_close(server);
}

TEST_GO(server_closes_without_a_word_when_the_handler_says_none)
{
	start_default();
	struct conn *c = dial();
	say(c, "GET /silence HTTP/1.1\r\nHost: x\r\n\r\n");
	CHECK_STR(hear(c, NULL), "");
	conn_close(c);
	server_close(server);
}

/* ---- bad requests and limits ---- */

TEST_GO(server_answers_nonsense_with_400_and_closes)
{
	start_default();
	struct conn *c = dial();
	say(c, "how are you?\r\n\r\n");
	const char *all = hear(c, NULL);
	CHECK(strncmp(all, "HTTP/1.1 400 ", 13) == 0);
	CHECK(strstr(all, "{\"error\":\"malformed_status\""));
	conn_close(c);
	server_close(server);
}

TEST_GO(server_answers_a_head_that_is_too_large_with_431)
{
	start_default();
	struct conn *c = dial();
	say(c, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (int i = 0; i < 300; i++)
		if (conn_write(c, "X-Field: value\r\n", 16) != 16)
			break;
	check_heard(c, NULL, "HTTP/1.1 431 ");
	conn_close(c);
	server_close(server);
}

TEST_GO(server_answers_a_target_that_is_too_long_with_414)
{
	static char target[20000];
	memset(target, 'a', sizeof(target) - 1);
	start_default();
	struct conn *c = dial();
	say(c, "GET /");
	say(c, target);
	check_heard(c, NULL, "HTTP/1.1 414 ");
	conn_close(c);
	server_close(server);
}

TEST_GO(server_answers_a_head_that_takes_too_long_with_408)
{
	start((struct server_options){ .head_ns = 20 * MILLISECOND });
	struct conn *c = dial();
	say(c, "GET / HTT");
	check_heard(c, NULL, "HTTP/1.1 408 ");
	conn_close(c);
	server_close(server);
}

TEST_GO(server_closes_an_idle_connection_without_a_word)
{
	start((struct server_options){ .keep_alive_ns = 20 * MILLISECOND });
	struct conn *c = dial();
	CHECK_STR(hear(c, NULL), "");
	conn_close(c);
	server_close(server);
}

TEST_GO(server_gives_up_on_a_body_that_stops_coming)
{
	start((struct server_options){ .progress_ns = 20 * MILLISECOND });
	struct conn *c = dial();
	say(c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n012");
	check_closed(c);
	CHECK_EQ(outcome, -ETIMEDOUT);
	conn_close(c);
	server_close(server);
}

TEST_GO(server_gives_up_on_a_client_that_does_not_read)
{
	start((struct server_options){ .progress_ns = 20 * MILLISECOND });
	struct conn *c = dial();
	say(c, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
	await_value(&outcome, -ETIMEDOUT);
	conn_close(c);
	server_close(server);
}

TEST_GO(server_serves_others_while_one_client_does_not_read)
{
	start_default();
	struct conn *slow = dial(), *fast = dial();
	say(slow, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
	(void)hear(slow, "\r\n\r\n");
	for (int i = 0; i < 100; i++) {
		say(fast, "GET /query?quick HTTP/1.1\r\nHost: x\r\n\r\n");
		check_heard(fast, "quick", "200");
	}
	conn_close(slow);
	conn_close(fast);
	server_close(server);
}

TEST_GO(server_refuses_the_connection_over_the_limit_and_takes_the_next_when_one_has_gone)
{
	struct server_stats stats;
	start((struct server_options){ .max_connections = 2 });
	struct conn *c[3];
	for (int i = 0; i < 2; i++) {
		c[i] = dial();
		say(c[i], "GET /query?in HTTP/1.1\r\nHost: x\r\n\r\n");
		check_heard(c[i], "in", "200");
	}
	c[2] = dial();
	check_heard(c[2], NULL, "HTTP/1.1 503 ");
	conn_close(c[2]);
	conn_close(c[0]);
	do
		server_stats(server, &stats);
	while (stats.connections > 1 && (goroutine_sleep(MILLISECOND), true));
	CHECK_EQ(stats.refused_total, 1);
	const char *all = "";
	while (!strstr(all, "200")) { /* its goroutine ends just after it is counted out */
		c[0] = dial();
		say(c[0], "GET /query?in HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		all = hear(c[0], NULL);
		conn_close(c[0]);
	}
	conn_close(c[1]);
	server_close(server);
}

/* ---- clients that vanish ---- */

TEST_GO(server_tells_the_handler_of_a_client_that_vanishes_in_mid_upload)
{
	start_default();
	struct conn *c = dial();
	say(c, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n");
	conn_close(c);
	await_value(&outcome, -ECONNRESET);
	server_close(server);
}

TEST_GO(server_ends_the_context_of_a_client_that_vanishes)
{
	start_default();
	struct conn *c = dial();
	say(c, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	await_value(&waiting, 1);
	conn_close(c);
	await_value(&outcome, -ECANCELED);
	server_close(server);
}

TEST_GO(server_ends_the_context_of_a_client_that_has_vanished_before)
{
	start_default();
	struct conn *c = dial();
	say(c, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	conn_close(c);
	await_value(&outcome, -ECANCELED);
	server_close(server);
}

/* ---- the end ---- */

TEST_GO(server_close_ends_idle_connections_uploads_and_waits)
{
	start_default();
	struct conn *idle = dial(), *upload = dial(), *waiter = dial(), *flooded = dial();
	say(idle, "GET /query?in HTTP/1.1\r\nHost: x\r\n\r\n");
	check_heard(idle, "in", "200");
	say(upload,
	    "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
	check_heard(upload, "\r\n\r\n", "100");
	say(flooded, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
	(void)hear(flooded, "\r\n\r\n");
	say(waiter, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	await_value(&waiting, 1);
	int64_t begin = clock_now();
	server_close(server);
	CHECK_LT(clock_now() - begin, 5 * SECOND);
	CHECK_EQ(waiting, 0);
	CHECK(access(path, F_OK) < 0);
	check_closed(idle);
	check_closed(upload);
	check_closed(waiter);
	conn_close(idle);
	conn_close(upload);
	conn_close(waiter);
	conn_close(flooded);
}

TEST_GO(server_close_lets_nobody_in)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct conn *c;
	start_default();
	strcpy(address.sun_path, path);
	server_close(server);
	CHECK_EQ(conn_dial((struct sockaddr *)&address, sizeof(address), clock_now() + SECOND, &c),
		 -ENOENT);
}
