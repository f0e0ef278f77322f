/* SPDX-License-Identifier: MIT
 *
 * origin, the connections: a goroutine accepts for each listening socket, and a goroutine serves
 * each connection, request after request, pipelined ones too, until the peer closes, asks for it,
 * or sends what is no HTTP.
 *
 * Ten thousand of them wait in conn_read_view, which needs no read buffer; a waiting connection
 * owns a parser, one small buffer for heads and the first page of its stack. When descriptors run
 * out, the accepting goroutine gives up its spare one to accept the next caller and hang up on
 * it: the caller sees a closed connection instead of silence.
 */
#include "bench/fetch/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "src/common/buf.h"
#include "src/common/cleanup.h"

struct session {
	struct conn *conn;
	struct message_parser parser;
	struct answer answer; /* to the present request: set when its head is whole */
	struct buf scratch;
};

static int on_head(void *user, const struct message_head *head)
{
	struct session *s = user;
	answer_for(head, &s->answer);
	return 0;
}

static int on_body(void *user, const char *data, size_t len)
{
	(void)user, (void)data, (void)len;
	return 0;
}

static const struct message_events events = { .on_head = on_head, .on_body = on_body };

/* What came is no HTTP: says so; the connection ends. */
static void answer_bad(struct session *s)
{
	struct answer a = { .status = 400, .close = true };
	int err = answer_send(&a, s->conn, &s->scratch);
	(void)err; /* the peer may be gone already */
}

/* Takes bytes up to the end of one request; true when it is whole and *used of them were taken. */
static bool take_request(struct session *s, const char *data, size_t len, size_t *used, bool *go_on)
{
	if (message_parser_feed(&s->parser, data, len, used) == FETCH_OK)
		return message_done(&s->parser);
	answer_bad(s);
	*go_on = false;
	return false;
}

/* Answers each request that these bytes complete. What follows a whole request is copied first, for
 * `data` lies in the thread's buffer and answering parks. False when the connection is to end. */
static bool feed(struct session *s, const char *data, size_t len)
{
	cleanup(buf_done) struct buf rest = { 0 };
	bool go_on = true;
	size_t used;
	while (go_on && len > 0 && take_request(s, data, len, &used, &go_on)) {
		data += used;
		len -= used;
		if (len > 0 && !rest.data) {
			if (buf_append(&rest, data, len) != 0)
				return false;
			data = rest.data;
		}
		go_on = answer_send(&s->answer, s->conn, &s->scratch) == 0 && !s->answer.close;
		message_parser_reset(&s->parser);
	}
	return go_on;
}

static void serve_connection(struct conn *c)
{
	struct session s = { .conn = c };
	const char *data;
	ssize_t n;
	message_parser_init(&s.parser, MESSAGE_REQUEST, &message_default_limits, &events, &s);
	do
		n = conn_read_view(c, &data);
	while (n > 0 && feed(&s, data, (size_t)n));
	message_parser_done(&s.parser);
	buf_done(&s.scratch);
	conn_close(c);
}

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Hangs up on one caller by means of the spare descriptor. */
static void shed_one(struct listener *l, int *spare)
{
	struct conn *c;
	if (*spare >= 0)
		close(*spare);
	if (listener_accept(l, &c) == 0)
		conn_close(c);
	*spare = open_spare();
}

static void start_connection(struct conn *c)
{
	if (goroutine_count() < goroutine_limit())
		go(serve_connection, c);
	else
		conn_close(c);
}

void serve(const struct serve_args *args)
{
	struct listener *l;
	int err = listener_from_fd(args->fd, &l), spare = open_spare();
	while (err == 0 || err == -EMFILE || err == -ENFILE || err == -ECONNABORTED) {
		struct conn *c;
		err = listener_accept(l, &c);
		if (err == 0)
			start_connection(c);
		else if (err == -EMFILE || err == -ENFILE)
			shed_one(l, &spare);
	}
	fprintf(stderr, "origin: accept: %s\n", strerrordesc_np(-err));
}
