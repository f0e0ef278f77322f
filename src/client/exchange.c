/* SPDX-License-Identifier: MIT
 *
 * exchange: sends the request (send.c), then feeds what comes to the parser until the message is
 * complete.
 *
 * Two system calls when all goes well: one write, and one read after the wait for it. Deadlines are
 * moved, not made: the connection's timer stays where it is and looks at the deadline when it
 * fires. While waiting, a request has nothing but its response and its struct exchange.
 *
 * A connection is reusable only if nothing at all is in doubt: the message complete and keep-alive,
 * no byte before its request or beyond it, no cancellation on the way. What a server says on a new connection before
 * it is asked passes for the answer, as it does with curl (a server with too much to do may say 503 at once): it is
 * meant for nobody else. But the next answer could then be the one to this request.
 */
#include "src/client/exchange.h"

#include <errno.h>

#include "runtime/clock.h"
#include "src/client/send.h"

/* A followed redirect's body is read up to here to save the connection. */
#define REDIRECT_BODY_MAX (64 << 10)
/* What curl waits, too. */
#define CONTINUE_WAIT_NS SECOND

/* --- The answer --- */

static bool is_redirect(const struct message_head *head)
{
	struct str location;
	int s = head->status;
	return (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) &&
	       fields_get(head->fields, STR("Location"), &location);
}

/* Nobody gets to see this answer. */
static bool is_passing(const struct exchange *x)
{
	return x->redirect || x->refused;
}

static int on_decoded(void *user, const char *data, size_t len)
{
	struct exchange *x = user;
	x->resp->size_body += len;
	if (!x->sink || !x->sink->write)
		return FETCH_OK;
	return x->sink->write(x->sink, data, len) ? FETCH_SINK_FAILED : FETCH_OK;
}

/* The body that this head announces will be decoded, if it says so and is whole. */
static enum fetch_error prepare_decoder(struct exchange *x, const struct message_head *head)
{
	if (x->as_is || head->framing == FRAMING_NONE || head->status == 206)
		return FETCH_OK;
	enum fetch_error e =
		decoder_new(head->fields, &x->limits.decode, on_decoded, x, &x->decoder);
	if (e == FETCH_DECODE_FAILED || e == FETCH_DECODE_LIMIT)
		return fault(x->resp->detail, e, "Content-Encoding: %.*s",
			     STR_ARG(fields_value(head->fields, STR("Content-Encoding"))));
	return e;
}

/* The final head of what is no redirect to be followed. */
static enum fetch_error begin_body(struct exchange *x, const struct message_head *head,
				   bool bodiless)
{
	enum fetch_error e = bodiless ? FETCH_OK : prepare_decoder(x, head);
	if (e == FETCH_OK && x->sink && x->sink->begin &&
	    x->sink->begin(x->sink, x->resp->status, head->fields))
		return FETCH_SINK_FAILED;
	return e;
}

/* The answer is not the origin's. */
static enum fetch_error proxy_wants_credentials(const struct exchange *x,
						const struct message_head *head)
{
	return fault(x->resp->detail, FETCH_PROXY_AUTH, "407 (Proxy-Authenticate: %.*s)",
		     STR_ARG(fields_value(head->fields, STR("Proxy-Authenticate"))));
}

static int on_head(void *user, const struct message_head *head)
{
	struct exchange *x = user;
	struct fetch_response *resp = x->resp;
	resp->status = (uint16_t)head->status;
	resp->http_minor = (uint8_t)head->minor;
	bool bodiless = str_eq(x->method, STR("HEAD"));
	enum fetch_error e = FETCH_OK;
	if (head->status == 407 && exchange_is_relayed(x))
		return proxy_wants_credentials(x, head);
	x->redirect = x->follow && is_redirect(head);
	x->refused = x->awaits && head->status == 417;
	if (is_passing(x))
		x->message.body_bytes = REDIRECT_BODY_MAX;
	else
		e = begin_body(x, head, bodiless);
	resp->fields = message_take_fields(&x->parser);
	return e || !bodiless ? (int)e : MESSAGE_BODILESS;
}

static int on_body(void *user, const char *data, size_t len)
{
	struct exchange *x = user;
	x->resp->size_download += len;
	if (is_passing(x))
		return FETCH_OK;
	return x->decoder ? (int)decoder_feed(x->decoder, data, len) : on_decoded(x, data, len);
}

static int on_informational(void *user, int status)
{
	struct exchange *x = user;
	x->continued = x->continued || status == 100;
	return FETCH_OK;
}

static const struct message_events events = {
	.on_head = on_head,
	.on_body = on_body,
	.on_informational = on_informational,
};

static const char *phase_of(const struct exchange *x)
{
	if (!message_started(&x->parser))
		return "waiting for the answer";
	return message_head_done(&x->parser) ? "reading the body" : "reading the head";
}

static enum fetch_error read_failed(struct exchange *x, struct httpconn *h, int err)
{
	char *detail = x->resp->detail;
	bool started = message_started(&x->parser);
	switch (err) {
	case -ETIMEDOUT:
	case -ECANCELED:
		return fault(detail,
			     scope_error(&x->scope, err,
					 started ? FETCH_IDLE_TIMEOUT : FETCH_FIRST_BYTE_TIMEOUT),
			     "%s", phase_of(x));
	case -ENOMEM:
		return FETCH_OUT_OF_MEMORY;
	case TLS_BROKEN:
		return h->tls->ops->error(h->tls, err, detail);
	default:
		return fault(detail, FETCH_RESET, "%s: %s", phase_of(x), fault_errno(err));
	}
}

/* The stream has ended, with TLS's own word for it or without. */
static enum fetch_error ended(struct exchange *x, bool cut_off)
{
	enum fetch_error e = message_parser_finish(&x->parser);
	if (e == FETCH_OK && cut_off && !x->options->unclean_close)
		return fault(x->resp->detail, FETCH_TRUNCATED, "TLS ended without close_notify");
	return e;
}

/* What one read gave. *ret_clean: it was used up to its last byte. */
static enum fetch_error digest(struct exchange *x, struct httpconn *h, ssize_t n, const char *data,
			       bool *ret_clean)
{
	*ret_clean = false;
	if (n < 0 && n != TLS_CUT_OFF)
		return read_failed(x, h, (int)n);
	if (n <= 0)
		return ended(x, n == TLS_CUT_OFF);
	size_t consumed;
	enum fetch_error e = message_parser_feed(&x->parser, data, (size_t)n, &consumed);
	*ret_clean = consumed == (size_t)n;
	return e;
}

/* The message is whole by its framing: is it by its coding, too? */
static enum fetch_error end_body(struct exchange *x)
{
	return x->decoder ? decoder_finish(x->decoder) : FETCH_OK;
}

static enum fetch_error drain(struct exchange *x)
{
	if (!x->sink || !x->sink->drain || is_passing(x) || !message_head_done(&x->parser))
		return FETCH_OK;
	int64_t begin = x->limits.min_speed ? clock_now() : 0;
	int err = x->sink->drain(x->sink);
	if (x->limits.min_speed)
		pace_excuse(&x->pace, clock_now() - begin);
	return err ? FETCH_SINK_FAILED : FETCH_OK;
}

/* More is to come. The scope is looked at here, too: TLS gives what its peer has sent already
 * without a wait, and so for ever if the peer is fast or the sink slow. */
static enum fetch_error wait_on(struct exchange *x, struct httpconn *h, bool heard)
{
	int64_t now = clock_now();
	if (heard)
		x->heard_ns = now;
	enum fetch_error e = scope_check(&x->scope);
	if (e)
		return fault(x->resp->detail, e, "%s", phase_of(x));
	if (message_head_done(&x->parser) &&
	    !pace_keeps(&x->pace, &x->limits, now, x->resp->size_download))
		return fault(x->resp->detail, FETCH_TOO_SLOW, "less than %llu bytes a second",
			     (unsigned long long)x->limits.min_speed);
	int64_t idle = scope_until(&x->scope, x->heard_ns, x->limits.idle_timeout_ns);
	int64_t pace = pace_until(&x->pace, &x->limits);
	conn_set_read_deadline(h->conn, pace < idle ? pace : idle);
	return FETCH_OK;
}

/* The read has waited until the speed was to be judged, and may wait on. */
static bool only_pace_is_due(const struct exchange *x, ssize_t n, int64_t now)
{
	return n == -ETIMEDOUT && pace_until(&x->pace, &x->limits) <= now &&
	       now < scope_until(&x->scope, x->heard_ns, x->limits.idle_timeout_ns);
}

static enum fetch_error receive(struct exchange *x, struct httpconn *h)
{
	struct fetch_timings *t = &x->resp->t;
	const char *data = NULL;
	bool clean = false;
	t->sent = clock_now();
	conn_set_read_deadline(h->conn,
			       scope_until(&x->scope, t->sent, x->limits.first_byte_timeout_ns));
	while (!message_done(&x->parser)) {
		ssize_t n = httpconn_read(h, &data);
		int64_t now = t->done = clock_now();
		enum fetch_error e = FETCH_OK;
		bool heard = !only_pace_is_due(x, n, now);
		if (n > 0 && !t->first_byte)
			t->first_byte = now;
		if (heard)
			e = digest(x, h, n, data, &clean);
		if (e == FETCH_OK)
			e = drain(x);
		if (e == FETCH_OK && !message_done(&x->parser))
			e = wait_on(x, h, heard);
		if (e)
			return e;
	}
	x->reusable = clean && message_keep_alive(&x->parser) && !x->options->no_keepalive &&
		      !x->cut_short && !x->spoke_first;
	return end_body(x);
}

/* --- The request --- */

/* What comes before the request is out, where it counts as an answer only with a final head: 1xx are
 * none (RFC 9110 §15.2). That head makes the rest of the body unnecessary. */
static enum fetch_error digest_early(struct exchange *x, struct httpconn *h, ssize_t n,
				     const char *data)
{
	bool clean;
	enum fetch_error e = digest(x, h, n, data, &clean);
	x->cut_short = message_head_done(&x->parser);
	if (x->cut_short)
		x->resp->t.first_byte = clock_now();
	return e ? e : drain(x);
}

enum fetch_error exchange__hear(struct exchange *x, struct httpconn *h)
{
	const char *data = NULL;
	conn_set_read_deadline(
		h->conn, scope_until(&x->scope, clock_now(), x->limits.first_byte_timeout_ns));
	ssize_t n = httpconn_read(h, &data);
	return digest_early(x, h, n, data);
}

/* Waits for a 100, or for an answer that makes the body unnecessary; a server that knows nothing of
 * Expect says nothing (RFC 9110 §10.1.1). */
static enum fetch_error await_continue(struct exchange *x, struct httpconn *h)
{
	enum fetch_error e = FETCH_OK;
	const char *data = NULL;
	conn_set_read_deadline(h->conn, scope_until(&x->scope, clock_now(), CONTINUE_WAIT_NS));
	x->awaits = true;
	while (e == FETCH_OK && !x->continued && !x->cut_short) {
		ssize_t n = httpconn_read(h, &data);
		if (n == -ETIMEDOUT && scope_check(&x->scope) == FETCH_OK)
			break;
		e = digest_early(x, h, n, data);
	}
	x->awaits = false;
	return e;
}

static enum fetch_error send_request(struct exchange *x, struct httpconn *h)
{
	bool body;
	enum fetch_error e = send_head(x, h, &body);
	message_give_fields(&x->parser, fields_take(&x->resp->fields));
	if (e == FETCH_OK && body && x->expects)
		e = await_continue(x, h);
	if (e == FETCH_OK && body && !x->cut_short)
		e = send_body(x, h);
	return e;
}

static bool ends_request(enum fetch_error e)
{
	return e == FETCH_CANCELLED || e == FETCH_TOTAL_TIMEOUT;
}

static void begin(struct exchange *x)
{
	x->wrote = x->answered = x->redirect = x->reusable = false;
	x->awaits = x->continued = x->refused = x->cut_short = false;
	x->message = x->limits.message;
	x->pace = (struct pace){ 0 };
	message_parser_init(&x->parser, MESSAGE_RESPONSE, &x->message, &events, x);
}

enum fetch_error exchange_run(struct exchange *x, struct httpconn *h)
{
	struct scope_guard guard;
	begin(x);
	x->spoke_first = !h->kept && httpconn_spoke_first(h);
	scope_guard(&guard, &x->scope, h->conn);
	enum fetch_error e = send_request(x, h);
	if (e == FETCH_OK)
		e = receive(x, h);
	bool undisturbed = scope_unguard(&guard);
	x->reusable = httpconn_read_end(h) && undisturbed && x->reusable;
	x->answered = message_started(&x->parser);
	message_parser_done(&x->parser);
	if (x->decoder && (e == FETCH_DECODE_FAILED || e == FETCH_DECODE_LIMIT))
		fault(x->resp->detail, e, "%s", decoder_reason(x->decoder));
	decoder_free(x->decoder);
	x->decoder = NULL;
	if (is_passing(x) && !ends_request(e)) {
		x->resp->detail[0] = '\0';
		return FETCH_OK;
	}
	return e;
}
