/* SPDX-License-Identifier: MIT
 *
 * connection: the loop "read a head, have it handled, settle what is left of it" over one
 * connection.
 *
 * A request whose body was not read to its end when it was answered costs the connection: the
 * answer said "close", and what the client still sends is read and dropped for a moment (linger),
 * since a client that is busy sending would otherwise see a broken pipe and not the answer.
 */
#include "src/fetchd/connection.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "src/common/json.h"
#include "src/common/log.h"

#define LINGER_NS    (2 * SECOND)
#define LINGER_BYTES (16 << 20)

/* ---- parsing ---- */

static int on_head(void *user, const struct message_head *head)
{
	struct call *x = user;
	x->head = *head;
	x->bodiless = str_eq(head->method, STR("HEAD"));
	x->continued = !head->expect_continue;
	if (buf_append_str(&x->target, head->target))
		return FETCH_OUT_OF_MEMORY;
	str_cut(buf_str(&x->target), '?', &x->path, &x->query);
	return FETCH_OK;
}

static int on_body(void *user, const char *data, size_t len)
{
	struct call *x = user;
	return buf_append(&x->body, data, len) ? FETCH_OUT_OF_MEMORY : FETCH_OK;
}

static const struct message_events events = { .on_head = on_head, .on_body = on_body };

int connection__fill(struct call *x, int64_t deadline_ns)
{
	if (x->in_pos == x->in_len) {
		conn_set_read_deadline(x->conn, deadline_ns);
		ssize_t n = conn_read(x->conn, x->in, sizeof(x->in));
		if (n <= 0)
			return n < 0 ? (int)n : -ECONNRESET;
		x->in_pos = 0;
		x->in_len = (size_t)n;
	}
	size_t used = 0;
	x->malformed =
		message_parser_feed(&x->parser, x->in + x->in_pos, x->in_len - x->in_pos, &used);
	x->in_pos += used;
	return x->malformed == FETCH_OK ? 0 : -EBADMSG;
}

/* ---- the server's end ---- */

static void interrupt(struct context_after *guard)
{
	conn_interrupt(CONTAINER_OF(guard, struct call, guard)->conn, -ECANCELED);
}

void connection__guard(struct call *x, bool on)
{
	if (on == x->guarded)
		return;
	x->guarded = on;
	if (on) {
		context_after(x->server->ctx, &x->guard, interrupt);
	} else {
		(void)context_stop_after(&x->guard);
		conn_clear_interrupt(x->conn);
	}
}

/* ---- one request after the other ---- */

static void forget_request(struct call *x)
{
	message_parser_reset(&x->parser);
	x->head = (struct message_head){ 0 };
	x->malformed = FETCH_OK;
	buf_clear(&x->target);
	buf_clear(&x->body);
	x->path = x->query = (struct str){ 0 };
	x->body_given = false;
	x->continued = true;
	x->answer = ANSWER_NONE;
	x->status = 0;
	x->bodiless = x->chunked = x->close = false;
}

static int read_head(struct call *x)
{
	const struct server_options *o = &x->server->options;
	int64_t deadline = clock_now() + o->keep_alive_ns;
	bool started = false;
	int err = 0;
	while (err == 0 && !message_head_done(&x->parser)) {
		if (!started && (x->in_pos < x->in_len || message_started(&x->parser))) {
			started = true;
			deadline = clock_now() + o->head_ns;
		}
		err = connection__fill(x, deadline);
	}
	return err;
}

static int status_of(enum fetch_error malformed)
{
	switch (malformed) {
	case FETCH_STATUS_LINE_TOO_LONG:
		return 414;
	case FETCH_FIELD_TOO_LARGE:
	case FETCH_FIELDS_TOO_LARGE:
	case FETCH_TOO_MANY_FIELDS:
		return 431;
	case FETCH_BODY_TOO_LARGE:
		return 413;
	case FETCH_OUT_OF_MEMORY:
		return 503;
	default:
		return 400;
	}
}

/* A head that can't be served; who sent nothing at all gets nothing. */
static void answer_bad_head(struct call *x, int err)
{
	int status = err == -EBADMSG ? status_of(x->malformed) : 408;
	struct buf body = { 0 };
	struct json j = json_to(&body);
	if (err != -EBADMSG && !(err == -ETIMEDOUT && message_started(&x->parser)))
		return;
	x->close = true;
	json_object_begin(&j);
	json_put_cstr(&j, "error", err == -EBADMSG ? fetch_error_name(x->malformed) : "timeout");
	json_put_cstr(&j, "detail",
		      err == -EBADMSG ? fetch_error_text(x->malformed)
				      : "the request's head took too long");
	json_object_end(&j);
	buf_append_char(&body, '\n');
	(void)call_reply(x, status, "application/json", buf_str(&body));
	buf_done(&body);
}

static void linger(struct call *x)
{
	int64_t deadline = clock_now() + LINGER_NS;
	size_t dropped = 0;
	ssize_t n = conn_shutdown_write(x->conn) == 0;
	conn_set_read_deadline(x->conn, deadline);
	while (n > 0 && dropped < LINGER_BYTES) {
		n = conn_read(x->conn, x->in, sizeof(x->in));
		dropped += n > 0 ? (size_t)n : 0;
	}
}

static void handle(struct call *x)
{
	struct server *s = x->server;
	atomic_fetch_add_explicit(&s->requests, 1, memory_order_relaxed);
	s->options.handle(s->options.user, x);
	connection__unwatch(x);
	struct str method = x->head.method;
	log_debug("api: %.*s %.*s %d", STR_ARG(method), STR_ARG(x->path), x->status);
}

/* True when the connection may carry another request. */
static bool serve_one(struct call *x)
{
	connection__guard(x, true);
	forget_request(x);
	int err = read_head(x);
	if (err)
		answer_bad_head(x, err);
	else
		handle(x);
	if (x->answer != ANSWER_WHOLE)
		return false;
	if (!message_done(&x->parser)) {
		connection__guard(x, true);
		linger(x);
		return false;
	}
	return !x->close && message_keep_alive(&x->parser);
}

struct call *connection_new(struct server *s, struct conn *conn)
{
	struct call *x = malloc(sizeof(*x));
	if (!x)
		return NULL;
	memset(x, 0, offsetof(struct call, in));
	x->server = s;
	x->conn = conn;
	message_parser_init(&x->parser, MESSAGE_REQUEST, &message_default_limits, &events, x);
	return x;
}

int connection_run(void *call)
{
	struct call *x = call;
	while (serve_one(x))
		;
	connection__guard(x, false);
	atomic_fetch_sub_explicit(&x->server->open, 1, memory_order_relaxed);
	conn_close(x->conn);
	message_parser_done(&x->parser);
	buf_done(&x->target);
	buf_done(&x->body);
	buf_done(&x->out);
	free(x);
	return 0;
}
