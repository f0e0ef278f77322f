/* SPDX-License-Identifier: MIT
 *
 * send: writes the request.
 *
 * The head is built in the block that the answer's fields will be in: so it takes no memory of its own,
 * and no place on the stack, where 10,000 waiting requests would have a second page each for it.
 *
 * A body that is small and known goes out with the head, in one write. A longer one goes block by
 * block, and a watch on the connection tells at once when the peer has something to say meanwhile:
 * most likely that it doesn't want the rest. The watch interrupts a write that waits, for a peer that
 * has answered may never read on. But it may also be a 100 (Continue) that comes late, or, over TLS, a
 * session ticket: so it is read, and unless it is an answer the sending goes on.
 */
#include "src/client/send.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "src/common/buf.h"
#include "src/common/cleanup.h"
#include "src/http/request.h"

/* A body up to here goes out with its head; longer ones in blocks of that size. */
#define BLOCK_BYTES 16384
/* "4000\r\n" before a chunk, "\r\n" behind it. */
#define CHUNK_BEFORE 8
#define CHUNK_BEHIND 2

/* --- The head --- */

/* RFC 9110 §15.4: what was meant for the first origin must not reach another. */
static bool is_sensitive(struct str name)
{
	return str_eq_nocase(name, STR("Authorization")) || str_eq_nocase(name, STR("Cookie")) ||
	       str_eq_nocase(name, STR("Proxy-Authorization"));
}

/* What speaks of a body that is not sent any more (RFC 9110 §15.4). */
static bool is_about_content(struct str name)
{
	return str_eq_nocase(str_slice(name, 0, strlen("Content-")), STR("Content-")) ||
	       str_eq_nocase(name, STR("Digest")) || str_eq_nocase(name, STR("Last-Modified"));
}

/* It is for a proxy that reads it, and for one that knows us by no name of its own. To an origin it would
 * give the proxy's password away. */
static bool is_for_no_proxy(const struct exchange *x, struct str name)
{
	return str_eq_nocase(name, STR("Proxy-Authorization")) &&
	       (!exchange_is_relayed(x) || proxy_has_credentials(x->proxy));
}

static bool is_left_out(const struct exchange *x, struct str name)
{
	return is_for_no_proxy(x, name) ||
	       (x->withhold && (is_sensitive(name) || field_has_token(x->sensitive, name))) ||
	       (x->bodiless && is_about_content(name));
}

/* Not without content (RFC 9110 §10.1.1). */
static bool expects_continue(const struct exchange *x)
{
	return x->body && x->body->len != 0 && x->expects;
}

#define OWN_FIELDS 4

/* The caller's fields that go out, our name unless the caller has given one, and the codings that we
 * can take off. A caller who speaks of codings himself gets what comes, as in Go's net/http. A part of a
 * body (Range) can't be decoded by itself. list has room for all. */
static size_t collect_fields(struct exchange *x, struct field *list)
{
	size_t n = 0;
	bool named = !x->options->user_agent, in_part = false;
	x->as_is = x->options->no_decode;
	struct field f;
	for (uint32_t at = 0; x->fields && fields_next(x->fields, &at, &f);) {
		if (is_left_out(x, f.name))
			continue;
		named = named || str_eq_nocase(f.name, STR("User-Agent"));
		in_part = in_part || str_eq_nocase(f.name, STR("Range"));
		x->as_is = x->as_is || str_eq_nocase(f.name, STR("Accept-Encoding"));
		list[n++] = f;
	}
	if (!named)
		list[n++] = (struct field){ STR("User-Agent"), str_of(x->options->user_agent) };
	if (!x->as_is && !in_part)
		list[n++] = (struct field){ STR("Accept-Encoding"), STR(DECODE_ACCEPTED) };
	if (expects_continue(x))
		list[n++] = (struct field){ STR("Expect"), STR("100-continue") };
	return n;
}

/* RFC 9110 §8.6: a method that usually has content says that there is none. */
static int64_t content_length(const struct exchange *x)
{
	if (x->body)
		return x->body->len == BODY_UNKNOWN_LENGTH ? REQUEST_CHUNKED : x->body->len;
	bool usual = str_eq(x->method, STR("POST")) || str_eq(x->method, STR("PUT")) ||
		     str_eq(x->method, STR("PATCH"));
	return usual ? 0 : REQUEST_NO_BODY;
}

/* The absolute form (RFC 9112 §3.2.2), without the URL's user and password. */
static int build_absolute(const struct exchange *x, struct buf *b)
{
	buf_append_str(b, x->url->protocol);
	buf_append_str(b, STR("//"));
	buf_append_str(b, x->url->host_port);
	return buf_append_str(b, url_request_target(x->url));
}

/* What a head is made of beside the caller's fields. */
struct head_parts {
	struct buf authorization, target, for_proxy;
};

static void head_parts_done(struct head_parts *p)
{
	buf_done(&p->authorization);
	buf_done(&p->target);
	buf_done(&p->for_proxy);
}

static int make_parts(const struct exchange *x, struct head_parts *p)
{
	int err = auth_write(&p->authorization, &x->auth, x->url, x->withhold);
	if (!err && exchange_is_relayed(x))
		err = build_absolute(x, &p->target);
	if (!err && exchange_is_relayed(x))
		err = proxy_authorization(x->proxy, &p->for_proxy);
	return err;
}

static int build_head(struct exchange *x, struct buf *b)
{
	size_t room = OWN_FIELDS + (x->fields ? x->fields->count : 0);
	struct field few[OWN_FIELDS];
	cleanup(cleanup_free) struct field *many =
		room > OWN_FIELDS ? malloc(room * sizeof(*many)) : NULL;
	struct field *list = room > OWN_FIELDS ? many : few;
	cleanup(head_parts_done) struct head_parts parts = { 0 };
	if (!list || make_parts(x, &parts))
		return -ENOMEM;
	struct request_head head = request_head_for(x->method, x->url);
	head.fields = list;
	head.field_count = collect_fields(x, list);
	if (parts.for_proxy.len)
		list[head.field_count++] =
			(struct field){ STR("Proxy-Authorization"), buf_str(&parts.for_proxy) };
	if (parts.target.len)
		head.target = buf_str(&parts.target);
	head.authorization = buf_str(&parts.authorization);
	head.close = x->options->no_keepalive;
	head.content_length = content_length(x);
	return request_write_head(b, &head);
}

static enum fetch_error send_failed(struct exchange *x, struct httpconn *h, ssize_t n)
{
	if (n == TLS_BROKEN && h->tls)
		return h->tls->ops->error(h->tls, (int)n, x->resp->detail);
	if (n == -ETIMEDOUT || n == -ECANCELED)
		return fault(x->resp->detail, scope_error(&x->scope, (int)n, FETCH_SEND_FAILED),
			     "sending the request");
	bool shortage = n == -ENOMEM || n == -ENOBUFS;
	return fault(x->resp->detail, shortage ? FETCH_OUT_OF_MEMORY : FETCH_SEND_FAILED, "%s",
		     fault_errno((int)n));
}

static enum fetch_error source_failed(struct exchange *x, ssize_t n)
{
	return fault(x->resp->detail, FETCH_BODY_SOURCE, "%s", fault_errno((int)n));
}

static ssize_t read_body(struct exchange *x, void *buf, size_t size)
{
	x->body_begun = true;
	return x->body->read(x->body, buf, size);
}

bool send_rewind(struct exchange *x)
{
	if (x->body && x->body_begun && (!x->body->rewind || x->body->rewind(x->body)))
		return false;
	x->body_begun = false;
	return true;
}

static bool is_small(const struct body_source *body)
{
	return body->len >= 0 && body->len <= BLOCK_BYTES;
}

/* Appends all of a small body. */
static enum fetch_error append_body(struct exchange *x, struct buf *b)
{
	size_t len = (size_t)x->body->len;
	if (buf_reserve(b, len + 1))
		return FETCH_OUT_OF_MEMORY;
	for (size_t done = 0; done <= len;) {
		ssize_t n = read_body(x, b->data + b->len, len + 1 - done);
		if (n < 0)
			return source_failed(x, n);
		if (n == 0 && done < len)
			return fault(x->resp->detail, FETCH_BODY_SOURCE,
				     "ends %zu bytes before its length", len - done);
		if (n == 0)
			return FETCH_OK;
		done += (size_t)n;
		b->len += (size_t)n;
	}
	return fault(x->resp->detail, FETCH_BODY_SOURCE, "is longer than its length");
}

/* The peer takes no more. It may have said why: an answer, or an alert of TLS. (Not on a connection that
 * has gone stale: what lies there was no answer to this request.) */
static bool is_cut_off(ssize_t n)
{
	return n == -EPIPE || n == -ECONNRESET;
}

enum fetch_error send_head(struct exchange *x, struct httpconn *h, bool *ret_body)
{
	cleanup(buf_done) struct buf head = fields_lend(&x->resp->fields);
	int err = build_head(x, &head);
	if (err)
		return err == -EINVAL ? FETCH_BAD_REQUEST : FETCH_OUT_OF_MEMORY;
	*ret_body = x->body && (expects_continue(x) || !is_small(x->body));
	enum fetch_error e = x->body && !*ret_body ? append_body(x, &head) : FETCH_OK;
	if (e)
		return e;
	ssize_t n = context_err(x->scope.ctx); /* a write that needs no wait would not notice */
	if (n == 0)
		n = httpconn_write(h, head.data, head.len, &x->scope, x->limits.idle_timeout_ns,
				   &x->wrote);
	if (is_cut_off(n) && (x->wrote || !h->kept)) {
		x->cut_short = true;
		*ret_body = false;
		return FETCH_OK;
	}
	return n >= 0 ? FETCH_OK : send_failed(x, h, n);
}

/* --- The body --- */

/* Any number that no write gives. */
#define ANSWERED (-EALREADY)

static void on_answer(struct conn *conn, void *arg)
{
	(void)arg;
	conn_interrupt(conn, ANSWERED);
}

/* The watch has told of something, or would not begin. An answer cuts the body short; what is none (a
 * 100 that comes late, other 1xx, TLS's own talk) is taken in, and the watch begins anew. */
static enum fetch_error look(struct exchange *x, struct httpconn *h)
{
	for (;;) {
		conn_clear_interrupt(h->conn);
		enum fetch_error e = scope_check(&x->scope); /* whose interrupt this was, too */
		if (e)
			return fault(x->resp->detail, e, "sending the request");
		bool spoke = h->tls && h->tls->ops->try_peek(h->tls) != TLS_WANTS_READ;
		if (!spoke && conn_watch_idle(h->conn, on_answer, NULL))
			return FETCH_OK;
		if (spoke || !h->tls)
			e = exchange__hear(x, h);
		if (e || x->cut_short)
			return e;
	}
}

/* Writes all of a block, unless the peer answers meanwhile. */
static enum fetch_error send_block(struct exchange *x, struct httpconn *h, const char *data,
				   size_t len)
{
	while (len > 0 && !x->cut_short) {
		ssize_t n = httpconn_write_some(h, data, len, &x->scope, x->limits.idle_timeout_ns);
		enum fetch_error e = FETCH_OK;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n == ANSWERED) {
			e = look(x, h);
		} else if (is_cut_off(n)) {
			x->cut_short = true;
		} else {
			e = send_failed(x, h, n);
		}
		if (e)
			return e;
	}
	return FETCH_OK;
}

/* A chunk around `len` bytes at block + CHUNK_BEFORE; len 0 is the last one. */
static struct str in_chunk(char *block, size_t len)
{
	char size[CHUNK_BEFORE + 1];
	int n = snprintf(size, sizeof(size), "%zx\r\n", len);
	char *begin = block + CHUNK_BEFORE - n;
	memcpy(begin, size, (size_t)n);
	memcpy(block + CHUNK_BEFORE + len, "\r\n", CHUNK_BEHIND);
	return str_make(begin, (size_t)n + len + CHUNK_BEHIND);
}

/* One block of the source; *ret_end after the last. */
static enum fetch_error send_next(struct exchange *x, struct httpconn *h, char *block,
				  int64_t *left, bool *ret_end)
{
	char *data = block + CHUNK_BEFORE;
	ssize_t n = read_body(x, data, BLOCK_BYTES);
	if (n < 0)
		return source_failed(x, n);
	*ret_end = n == 0;
	if (x->body->len == BODY_UNKNOWN_LENGTH) {
		struct str chunk = in_chunk(block, (size_t)n);
		return send_block(x, h, chunk.data, chunk.len);
	}
	if (n > *left || (n == 0 && *left > 0))
		return fault(x->resp->detail, FETCH_BODY_SOURCE, "%s",
			     n ? "is longer than its length" : "ends before its length");
	*left -= n;
	return send_block(x, h, data, (size_t)n);
}

enum fetch_error send_body(struct exchange *x, struct httpconn *h)
{
	cleanup(cleanup_free) char *block = malloc(CHUNK_BEFORE + BLOCK_BYTES + CHUNK_BEHIND);
	if (!block)
		return FETCH_OUT_OF_MEMORY;
	enum fetch_error e = FETCH_OK;
	if (!conn_watch_idle(h->conn, on_answer, NULL))
		e = look(x, h);
	int64_t left = x->body->len;
	for (bool end = false; e == FETCH_OK && !end && !x->cut_short;)
		e = send_next(x, h, block, &left, &end);
	(void)conn_watch_idle(h->conn, NULL, NULL);
	conn_clear_interrupt(h->conn);
	if (e == FETCH_OK && (e = scope_check(&x->scope)))
		fault(x->resp->detail, e, "sending the request");
	return e;
}
