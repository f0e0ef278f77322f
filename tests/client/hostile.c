/* SPDX-License-Identifier: MIT
 *
 * hostile: plays a row's part, makes its request, judges both. See hostile.h.
 */
#include "tests/client/hostile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "src/common/buf.h"
#include "src/common/cleanup.h"
#include "tests/client/rig.h"

/* Far beyond what any row may take on a machine with other things to do. */
#define PATIENCE (20 * SECOND)
#define BLOCK	 (16 << 10)

const struct hostile *hostile_of(const struct peer *p)
{
	return p->origin->options.user;
}

/* --- The origin --- */

static bool say_slowly(struct peer *p, struct str text, int64_t pause_ns)
{
	for (size_t i = 0; i < text.len; i++) {
		if (!peer_write(p, text.data + i, 1))
			return false;
		goroutine_sleep(pause_ns);
	}
	return true;
}

static bool say(struct peer *p, struct str text)
{
	const struct hostile *h = hostile_of(p);
	if (h->pause_ns)
		return say_slowly(p, text, h->pause_ns);
	return peer_write(p, text.data, text.len);
}

/* In large writes. */
void hostile_say_without_end(struct peer *p, struct str text)
{
	cleanup(buf_done) struct buf block = { 0 };
	do
		buf_append_str(&block, text);
	while (block.len < BLOCK && !hostile_of(p)->pause_ns);
	while (say(p, buf_str(&block)))
		goroutine_yield();
}

/* False: the connection is to be closed. */
static bool end_part(struct peer *p, enum then then)
{
	switch (then) {
	case THEN_KEEP:
		return true;
	case THEN_CLOSE:
		if (p->ssl)
			(void)SSL_shutdown(p->ssl);
		return false;
	case THEN_RESET:
		peer_reset(p);
		return false;
	case THEN_STALL:
		peer_wait_closed(p);
		return false;
	default:
		return false;
	}
}

static bool play_part(struct peer *p)
{
	const struct hostile *h = hostile_of(p);
	if (h->play) {
		h->play(p);
		return end_part(p, h->then);
	}
	if (!say(p, h->text))
		return false;
	if (h->again.len)
		hostile_say_without_end(p, h->again);
	return end_part(p, h->then);
}

static bool say_next(struct peer *p)
{
	char text[128];
	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nnext on %4d",
		 p->number);
	return peer_say(p, text);
}

static void play_row(struct peer *p)
{
	const struct hostile *h = hostile_of(p);
	if (h->raw && (p->number == 1 || h->always)) {
		h->raw(p);
		return;
	}
	if (p->origin->options.tls && !peer_handshake(p))
		return;
	while (peer_read_head(p))
		if (strstr(p->request, " /next ") ? !say_next(p) : !play_part(p))
			return;
}

/* --- The client --- */

struct zeros {
	struct body_source source;
	size_t left;
};

static ssize_t read_zeros(struct body_source *s, void *buf, size_t size)
{
	struct zeros *z = (struct zeros *)s;
	size_t n = size < z->left ? size : z->left;
	memset(buf, 0, n);
	z->left -= n;
	return (ssize_t)n;
}

static struct fetched *fetch(struct hostile_world *w, const struct hostile *h, struct origin *o,
			     const char *path)
{
	bool next = strcmp(path, "/next") == 0;
	struct zeros zeros = { { .len = (int64_t)h->upload, .read = read_zeros }, h->upload };
	struct fetch_request req = { .method = str_of(h->method && !next ? h->method : "GET") };
	char url[256];
	if (h->upload && !next)
		req.body = &zeros.source;
	if (!next)
		req.limits = h->limits;
	struct fetched *f = fetched_new();
	fetched_run(f, w->rig, context_background(), &req,
		    origin_url_at(o, h->host ? h->host : "127.0.0.1", path, url, sizeof(url)));
	return f;
}

static void complain(struct hostile_world *w, const struct hostile *h, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("%s: %s\n", h->name, text);
	atomic_fetch_add(&w->failures, 1);
}

static bool is_right(const struct hostile *h, enum fetch_error e)
{
	bool right = e == h->error;
	for (size_t i = 0; i < ARRAY_LEN(h->or_errors); i++)
		right = right || (e && e == h->or_errors[i]);
	return right;
}

static void check_end(struct hostile_world *w, const struct hostile *h, const struct fetched *f)
{
	const struct fetch_response *r = f->resp;
	if (!is_right(h, f->error))
		complain(w, h, "want %s, got %s (%s), status %u, %zu bytes",
			 fetch_error_name(h->error), fetch_error_name(f->error), r->detail,
			 r->status, f->len);
	if (r->status != h->status && f->error != FETCH_TOTAL_TIMEOUT)
		complain(w, h, "want status %u, got %u", h->status, r->status);
	if (h->body && strcmp(f->body, h->body) != 0)
		complain(w, h, "want \"%s\", got \"%s\"", h->body, f->body);
	if (h->detail && f->error == h->error && !strstr(r->detail, h->detail))
		complain(w, h, "want \"%s\" in \"%s\"", h->detail, r->detail);
}

static void wait_until_gone(struct hostile_world *w, const struct hostile *h, struct origin *o,
			    int most)
{
	int64_t end = clock_now() + PATIENCE;
	while (o->open > most && clock_now() < end)
		goroutine_sleep(MILLISECOND);
	if (o->open > most)
		complain(w, h, "%d connections are left open", o->open);
}

/* The next request of that origin, and which connection it takes. late: the first request's time may have been over
 * while it was being connected: then that connection is kept for this one, all the same. */
static void check_next(struct hostile_world *w, const struct hostile *h, struct origin *o,
		       bool late)
{
	int number = 0;
	struct fetched *f = fetch(w, h, o, "/next");
	if (f->error || f->resp->status != 200 || sscanf(f->body, "next on %d", &number) != 1)
		complain(w, h, "the next request: %s (%s), status %u, \"%s\"",
			 fetch_error_name(f->error), f->resp->detail, f->resp->status, f->body);
	else if ((number == 1) != h->kept && !late)
		complain(w, h, "the next request came on connection %d", number);
	fetched_free(f);
}

void hostile_run(struct hostile_world *w, const struct hostile *h)
{
	SSL_CTX *tls = h->cert ? certs_server(w->certs, h->cert) : NULL;
	if (h->set_up)
		h->set_up(tls);
	struct origin *o = origin_open(&(struct origin_options){
		.play = play_row, .user = (void *)(uintptr_t)h, .tls = tls, .late = true });
	struct fetched *f = fetch(w, h, o, "/row");
	check_end(w, h, f);
	bool late = f->error == FETCH_TOTAL_TIMEOUT && f->resp->t.sent == 0;
	fetched_free(f);
	if (h->settle || h->always)
		wait_until_gone(w, h, o, 0);
	if (!h->always && !h->alone)
		check_next(w, h, o, late);
	wait_until_gone(w, h, o, late ? 2 : 1);
	origin_close(o);
	SSL_CTX_free(tls);
}
