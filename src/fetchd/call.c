/* SPDX-License-Identifier: MIT
 *
 * call: reading a request's body and writing its answer. Answers are gathered in x->out and leave
 * in one write per call.
 *
 * A whole answer is written without the guard: it is short, and a client that was told nothing
 * about a submission that is durable would submit it again. When the server ends it has LAST_NS to
 * go, so that a client that doesn't read can't hold up the stop. Bodies that are read and streams
 * that are written do end with the server.
 */
#define _GNU_SOURCE
#include "src/fetchd/call.h"

#include <errno.h>
#include <poll.h>

#include "runtime/clock.h"
#include "src/fetchd/connection.h"
#include "src/http/response.h"

#define LAST_NS SECOND

struct str call_method(const struct call *x)
{
	return x->head.method;
}

struct str call_path(const struct call *x)
{
	return x->path;
}

struct str call_query(const struct call *x)
{
	return x->query;
}

struct str call_field(const struct call *x, struct str name)
{
	return fields_value(&x->parser.fields, name);
}

/* ---- writing ---- */

static void hurry(struct context_after *last)
{
	conn_set_write_deadline(CONTAINER_OF(last, struct call, last)->conn, clock_now() + LAST_NS);
}

static int send_out(struct call *x)
{
	if (x->out.failed)
		return x->out.failed;
	conn_set_write_deadline(x->conn, clock_now() + x->server->options.progress_ns);
	context_after(x->server->ctx, &x->last, hurry);
	ssize_t n = conn_write(x->conn, x->out.data, x->out.len);
	(void)context_stop_after(&x->last);
	buf_clear(&x->out);
	if (n < 0)
		x->close = true;
	return n < 0 ? (int)n : 0;
}

/* The bytes of the request that the client may still be sending would be taken for its next one. */
static void decide_close(struct call *x)
{
	if (!message_done(&x->parser) || !message_keep_alive(&x->parser))
		x->close = true;
}

static int write_head(struct call *x, int status, const char *content_type, int64_t length,
		      const struct field *extra)
{
	struct field fields[2];
	size_t n = 0;
	if (content_type)
		fields[n++] = (struct field){ STR("Content-Type"), str_of(content_type) };
	if (extra)
		fields[n++] = *extra;
	decide_close(x);
	x->status = status;
	buf_clear(&x->out);
	struct response_head head = { .status = status,
				      .fields = fields,
				      .field_count = n,
				      .content_length = length,
				      .close = x->close };
	return response_write_head(&x->out, &head);
}

static int reply(struct call *x, int status, const char *content_type, struct str body,
		 const struct field *extra)
{
	int64_t length = status == 204 ? RESPONSE_NO_LENGTH : (int64_t)body.len;
	connection__guard(x, false);
	int err = write_head(x, status, content_type, length, extra);
	if (!err && !x->bodiless && status != 204)
		err = buf_append_str(&x->out, body);
	if (!err)
		err = send_out(x);
	if (!err)
		x->answer = ANSWER_WHOLE;
	return err;
}

int call_reply(struct call *x, int status, const char *content_type, struct str body)
{
	return reply(x, status, content_type, body, NULL);
}

int call_reply_with(struct call *x, int status, const char *content_type, struct str body,
		    struct field field)
{
	return reply(x, status, content_type, body, &field);
}

int call_stream_begin(struct call *x, int status, const char *content_type)
{
	x->chunked = x->head.minor >= 1;
	x->close |= !x->chunked;
	x->answer = ANSWER_STREAM;
	int err = write_head(x, status, content_type,
			     x->chunked ? RESPONSE_CHUNKED : RESPONSE_NO_LENGTH, NULL);
	return err ? err : send_out(x);
}

int call_stream(struct call *x, struct str piece)
{
	if (x->bodiless || piece.len == 0)
		return 0;
	int err = x->chunked ? response_write_chunk(&x->out, piece.data, piece.len)
			     : buf_append_str(&x->out, piece);
	return err ? err : send_out(x);
}

int call_stream_end(struct call *x)
{
	int err = 0;
	if (x->chunked && !x->bodiless) {
		err = response_write_last_chunk(&x->out);
		if (!err)
			err = send_out(x);
	}
	if (!err)
		x->answer = ANSWER_WHOLE;
	return err;
}

/* ---- reading ---- */

static int send_continue(struct call *x)
{
	x->continued = true;
	buf_clear(&x->out);
	buf_append_str(&x->out, STR("HTTP/1.1 100 Continue\r\n\r\n"));
	return send_out(x);
}

int call_read(struct call *x, struct str *ret_piece)
{
	if (x->body_given)
		buf_clear(&x->body);
	x->body_given = false;
	while (x->body.len == 0) {
		if (message_done(&x->parser))
			return 0;
		int err = x->continued || x->in_pos < x->in_len ? 0 : send_continue(x);
		if (!err)
			err = connection__fill(x, clock_now() + x->server->options.progress_ns);
		if (err)
			return err;
	}
	x->body_given = true;
	*ret_piece = buf_str(&x->body);
	return 1;
}

/* ---- the client's presence ---- */

/* Half-closed counts as gone: who asks to be kept informed keeps its side open. */
static bool client_gone(struct conn *c)
{
	struct pollfd p = { .fd = conn_fd(c), .events = POLLRDHUP };
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* On the netpoller: something happened on a connection that nobody reads. */
static void on_stir(struct conn *c, void *arg)
{
	if (client_gone(c))
		context_cancel(arg);
}

struct context *call_context(struct call *x)
{
	if (x->ctx)
		return x->ctx;
	x->ctx = context_with_cancel(x->server->ctx);
	if (!x->ctx)
		return NULL;
	x->close = true; /* the watch uses up reports of what the client might send next */
	(void)conn_watch_idle(x->conn, on_stir, x->ctx);
	if (client_gone(x->conn)) /* before the watch was set */
		context_cancel(x->ctx);
	return x->ctx;
}

void connection__unwatch(struct call *x)
{
	if (!x->ctx)
		return;
	(void)conn_watch_idle(x->conn, NULL, NULL);
	context_unref(x->ctx);
	x->ctx = NULL;
}
