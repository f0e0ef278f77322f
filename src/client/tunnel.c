/* SPDX-License-Identifier: MIT
 *
 * tunnel: the answer goes through the same parser as any other, under the request's limits, 1xx
 * included; a 2xx has no body whatever its head says.
 *
 * A byte behind the head of a 2xx could only be the target's, and a target of https speaks second. So
 * it is a fault: to hand it to TLS would be the start of somebody else's handshake at best.
 */
#include "src/client/tunnel.h"

#include <errno.h>
#include <stdlib.h>

#include "src/common/cleanup.h"
#include "src/http/authorization.h"
#include "src/http/request.h"

/* On the heap: the goroutine waits meanwhile. */
struct tunnel {
	struct conn *conn;
	const struct scope *scope;
	char *detail;
	int status;
	struct message_parser parser;
};

/* --- The request --- */

static int build_head(struct buf *b, const struct proxy *proxy,
		      const struct tunnel_request *request)
{
	cleanup(buf_done) struct buf target = { 0 }, credentials = { 0 };
	struct field fields[2];
	size_t n = 0;
	buf_append_str(&target, request->host);
	buf_append_char(&target, ':');
	buf_append_u64(&target, request->port);
	fields[n++] = (struct field){ STR("User-Agent"), request->user_agent.len
								 ? request->user_agent
								 : STR(REQUEST_USER_AGENT) };
	int err = proxy_authorization(proxy, &credentials);
	if (err || target.failed)
		return -ENOMEM;
	if (credentials.len)
		fields[n++] = (struct field){ STR("Proxy-Authorization"), buf_str(&credentials) };
	const struct request_head head = { .method = STR("CONNECT"),
					   .host = buf_str(&target),
					   .target = buf_str(&target),
					   .fields = fields,
					   .field_count = n,
					   .content_length = REQUEST_NO_BODY,
					   .bare = true };
	return request_write_head(b, &head);
}

static enum fetch_error io_failed(const struct tunnel *t, ssize_t n)
{
	if (n == -ETIMEDOUT || n == -ECANCELED)
		return fault(t->detail, scope_error(t->scope, (int)n, FETCH_CONNECT_TIMEOUT),
			     "waiting for the proxy's answer to CONNECT");
	if (n == -ENOMEM || n == -ENOBUFS)
		return FETCH_OUT_OF_MEMORY;
	return fault(t->detail, FETCH_PROXY_BAD_ANSWER, "CONNECT: %s",
		     n == 0 ? "the proxy closed the connection" : fault_errno((int)n));
}

static enum fetch_error send_head(const struct tunnel *t, const struct proxy *proxy,
				  const struct tunnel_request *request)
{
	cleanup(buf_done) struct buf head = { 0 };
	int err = build_head(&head, proxy, request);
	if (err)
		return err == -EINVAL ? FETCH_BAD_REQUEST : FETCH_OUT_OF_MEMORY;
	ssize_t n = conn_write(t->conn, head.data, head.len);
	return n < 0 ? io_failed(t, n) : FETCH_OK;
}

/* --- The answer --- */

static int on_head(void *user, const struct message_head *head)
{
	struct tunnel *t = user;
	t->status = head->status;
	if (head->status == 407)
		fault(t->detail, FETCH_PROXY_AUTH, "CONNECT: 407 (Proxy-Authenticate: %.*s)",
		      STR_ARG(fields_value(head->fields, STR("Proxy-Authenticate"))));
	return MESSAGE_BODILESS;
}

static const struct message_events events = { .on_head = on_head };

/* *ret_over: bytes came behind the head. */
static enum fetch_error receive(struct tunnel *t, bool *ret_over)
{
	const char *data;
	while (!message_done(&t->parser)) {
		ssize_t n = conn_read_view(t->conn, &data);
		if (n <= 0)
			return io_failed(t, n);
		size_t consumed;
		enum fetch_error e = message_parser_feed(&t->parser, data, (size_t)n, &consumed);
		if (e == FETCH_OUT_OF_MEMORY)
			return e;
		if (e)
			return fault(t->detail, FETCH_PROXY_BAD_ANSWER, "CONNECT: %s",
				     fetch_error_text(e));
		*ret_over = consumed < (size_t)n;
	}
	return FETCH_OK;
}

static enum fetch_error judge(const struct tunnel *t, bool over)
{
	if (t->status >= 200 && t->status < 300)
		return over ? fault(t->detail, FETCH_PROXY_BAD_ANSWER,
				    "CONNECT: bytes behind the head of the answer")
			    : FETCH_OK;
	if (t->status == 407)
		return FETCH_PROXY_AUTH;
	return fault(t->detail, t->status >= 500 ? FETCH_PROXY_CONNECT : FETCH_PROXY_REFUSED,
		     "CONNECT: the proxy answered %d", t->status);
}

enum fetch_error tunnel_open(struct conn *conn, const struct proxy *proxy,
			     const struct tunnel_request *request, const struct scope *scope,
			     char *detail)
{
	bool over = false;
	cleanup(cleanup_free) struct tunnel *t = calloc(1, sizeof(*t));
	if (!t)
		return FETCH_OUT_OF_MEMORY;
	t->conn = conn;
	t->scope = scope;
	t->detail = detail;
	enum fetch_error e = send_head(t, proxy, request);
	if (e)
		return e;
	message_parser_init(&t->parser, MESSAGE_RESPONSE, request->limits, &events, t);
	e = receive(t, &over);
	message_parser_done(&t->parser);
	return e ? e : judge(t, over);
}
