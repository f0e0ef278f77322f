/* SPDX-License-Identifier: MIT
 *
 * test_depth: how much of its stack a request uses where it waits. Tens of thousands wait at once, so their stacks
 * are what they cost: a page for each, if they are shallow.
 *
 * Measured on the parked goroutine itself, the one that connects included, from its saved stack pointer up its frame
 * pointers to its beginning, or to client_fetch: the depth, and the largest frame. And by paint, on the stack before the request begins: how deep it has ever been until the wait
 * for the answer. The limits are the release build's: in others the test is only seen to work.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "runtime/sched.h"
#include "runtime/switch.h"
#include "runtime/symbol.h"
#include "src/client/body.h"
#include "tests/client/certs.h"
#include "tests/client/nameserver.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

#define DEPTH_MAX     2048
#define FRAME_MAX     256
#define NEW_DEPTH_MAX 3072 /* once, on the way, when the connection had to be made */
#define PAINT	      0xa5
#define PAINT_BYTES   16384

#if defined(RUNTIME_DEBUG) || !defined(__x86_64__)
#define IS_RELEASE false
#else
#define IS_RELEASE true
#endif

struct waiting {
	struct rig *rig;
	struct context *ctx;
	struct url url;
	struct fetch_request req;
	struct fetch_response *resp;
	const char *base; /* the frame of client_fetch's caller */
};

struct measured {
	size_t depth, largest;
	char largest_name[128];
	size_t touched;
	bool found; /* the function that it is to wait in */
	char frames[2048];
};

/* --- The request --- */

__attribute__((noinline)) static void paint(void)
{
	volatile unsigned char area[PAINT_BYTES];
	for (size_t i = 0; i < sizeof(area); i++)
		area[i] = PAINT;
}

static int fetch_it(void *arg)
{
	struct waiting *w = arg;
	w->base = __builtin_frame_address(0);
	paint();
	(void)!client_fetch(w->rig->client, w->ctx, &w->req, w->resp);
	return 0;
}

/* --- Its stack --- */

/* False: client_fetch's caller has been reached. */
static bool note_frame(struct measured *m, const void *pc, size_t size, const char *function)
{
	struct symbol s;
	char line[160];
	symbol_find((const char *)pc - 1, &s);
	const char *name = s.function ? s.function : "?";
	if (!strcmp(name, "fetch_it"))
		return false;
	snprintf(line, sizeof(line), "%6zu %s\n", size, name);
	strncat(m->frames, line, sizeof(m->frames) - strlen(m->frames) - 1);
	m->found = m->found || !strcmp(name, function);
	m->depth += size;
	if (size > m->largest) {
		m->largest = size;
		snprintf(m->largest_name, sizeof(m->largest_name), "%s", name);
	}
	return true;
}

/* What is neither paint nor zero, as the kernel gives it after a stack has been shrunk. */
static size_t touched_below(const char *base)
{
	const unsigned char *top = (const unsigned char *)base, *at = top - PAINT_BYTES;
	while (at < top && (*at == PAINT || *at == 0))
		at++;
	return (size_t)(top - at);
}

/* False: it doesn't wait, or somewhere else. */
static bool measure(const struct g *g, const char *function, struct measured *ret)
{
	*ret = (struct measured){ 0 };
	if (gstate_get(&g->state) != G_PARKED)
		return false;
	const char *sp = g->sp, *from = sp;
	void *frame, *pc;
	switch_resume_point(sp, &frame, &pc);
	while ((const char *)frame >= from && (const char *)frame < (const char *)g) {
		const char *end = (const char *)((void **)frame + 2);
		if (!note_frame(ret, pc, (size_t)(end - from), function))
			break;
		from = end;
		pc = ((void **)frame)[1];
		frame = ((void **)frame)[0];
	}
	return ret->found && g->sp == sp && gstate_get(&g->state) == G_PARKED;
}

/* Of all goroutines, the one that waits there. */
static bool find(const char *function, struct measured *ret)
{
	for (uint32_t i = 0; i < stack_used(); i++)
		if (!stack_is_listed(i) && measure(stack_slot(i), function, ret))
			return true;
	return false;
}

/* --- A wait --- */

/* Fetches, waits until it waits in that function, measures, cancels. */
static struct measured wait_in(struct rig *rig, const char *url, struct body_source *body,
			       const char *function)
{
	struct waiting w = { .rig = rig,
			     .ctx = context_with_cancel(context_background()),
			     .resp = fetch_response_new() };
	struct errgroup *group = errgroup_new(context_background());
	struct measured m;
	const char *reason = "";
	CHECK_OK(url_parse(str_of(url), NULL, &w.url, &reason));
	w.req = (struct fetch_request){ .method = body ? STR("POST") : STR("GET"),
					.url = &w.url,
					.body = body };
	errgroup_go(group, fetch_it, &w);
	while (!find(function, &m))
		goroutine_yield();
	m.touched = touched_below(w.base);
	context_cancel(w.ctx);
	CHECK_OK(errgroup_wait(group));
	context_unref(w.ctx);
	CHECK_EQ(w.resp->error, FETCH_CANCELLED);
	fetch_response_free(w.resp);
	url_done(&w.url);
	return m;
}

static struct measured check_wait(struct rig *rig, const char *url, struct body_source *body,
				  const char *function)
{
	struct measured m = wait_in(rig, url, body, function);
	printf("%s: %zu bytes deep, once %zu; the largest frame is %s's: %zu\n%s", function,
	       m.depth, m.touched, m.largest_name, m.largest, m.frames);
	if (IS_RELEASE) {
		CHECK_LE(m.depth, DEPTH_MAX);
		CHECK_LE(m.largest, FRAME_MAX);
	}
	return m;
}

/* --- Origins --- */

static const struct reply replies[] = {
	REPLY("/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
	REPLY("/silent", "", .then = THEN_STALL),
	REPLY("/half", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", .then = THEN_STALL),
	NO_MORE_REPLIES,
};

static struct origin *open_plain(void)
{
	return origin_open(&(struct origin_options){ .replies = replies });
}

/* Accepts, and that is all. */
static void play_nothing(struct peer *p)
{
	CHECK_OK(conn_wait_readable(p->conn));
	while (!context_err(errgroup_context(p->origin->group)))
		goroutine_sleep(MILLISECOND);
}

TEST_GO(depth_of_the_wait_for_an_answer)
{
	struct origin *o = open_plain();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	check_get(rig, origin_url(o, "/ok"), FETCH_OK, 200, "hi");
	struct measured kept = check_wait(rig, origin_url(o, "/silent"), NULL, "conn_read_view");
	struct measured new = check_wait(rig, origin_url(o, "/silent"), NULL, "conn_read_view");
	if (IS_RELEASE) {
		CHECK_LE(kept.touched, DEPTH_MAX);
		CHECK_LE(new.touched, NEW_DEPTH_MAX);
	}
	check_wait(rig, origin_url(o, "/half"), NULL, "conn_read_view");
	rig_close(rig);
	origin_close(o);
}

TEST_GO(depth_of_the_wait_for_an_answer_through_tls)
{
	struct certs *certs = certs_new();
	SSL_CTX *tls = certs_server(certs, &(struct cert){ 0 });
	struct origin *o = origin_open(&(struct origin_options){ .replies = replies, .tls = tls });
	struct rig *rig = rig_open(&(struct client_options){ .tls.ca_file = certs->ca_file });
	check_get(rig, origin_url(o, "/ok"), FETCH_OK, 200, "hi");
	check_wait(rig, origin_url(o, "/silent"), NULL, "httpconn_read");
	check_wait(rig, origin_url(o, "/half"), NULL, "httpconn_read");
	rig_close(rig);
	origin_close(o);
	SSL_CTX_free(tls);
	certs_free(certs);
}

TEST_GO(depth_of_the_wait_in_a_handshake)
{
	char url[128];
	struct origin *o = origin_open(&(struct origin_options){ .play = play_nothing });
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", o->port);
	check_wait(rig, url, NULL, "tls_handshake");
	rig_close(rig);
	origin_close(o);
}

static ssize_t read_for_ever(struct body_source *s, void *buf, size_t size)
{
	(void)s;
	memset(buf, 'x', size);
	return (ssize_t)size;
}

TEST_GO(depth_of_the_wait_to_write_a_body)
{
	struct origin *o = origin_open(&(struct origin_options){ .play = play_nothing });
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct body_source endless = { .len = BODY_UNKNOWN_LENGTH, .read = read_for_ever };
	check_wait(rig, origin_url(o, "/"), &endless, "httpconn_write_some");
	rig_close(rig);
	origin_close(o);
}

TEST_GO(depth_of_the_wait_for_a_name)
{
	static const struct record records[] = { { "silent.test", .silent = true }, { 0 } };
	struct nameserver *ns = nameserver_open(records);
	struct rig *rig = rig_open(&(struct client_options){ .dns_servers = ns->address });
	check_wait(rig, "http://silent.test/", NULL, "cache_resolve");
	check_wait(rig, "http://silent.test/", NULL, "pool__wait");
	rig_close(rig);
	nameserver_close(ns);
}

TEST_GO(depth_of_the_wait_for_a_connection)
{
	struct origin *o = open_plain();
	struct rig *rig = rig_open(&(struct client_options){ .max_conns_per_host = 1 });
	struct waiting first = { .rig = rig, .ctx = context_with_cancel(context_background()) };
	struct errgroup *group = errgroup_new(context_background());
	const char *reason = "";
	CHECK_OK(url_parse(str_of(origin_url(o, "/silent")), NULL, &first.url, &reason));
	first.req = (struct fetch_request){ .method = STR("GET"), .url = &first.url };
	first.resp = fetch_response_new();
	errgroup_go(group, fetch_it, &first);
	WAIT_FOR(atomic_load(&o->requests) == 1);
	check_wait(rig, origin_url(o, "/ok"), NULL, "pool__wait");
	context_cancel(first.ctx);
	CHECK_OK(errgroup_wait(group));
	context_unref(first.ctx);
	fetch_response_free(first.resp);
	url_done(&first.url);
	rig_close(rig);
	origin_close(o);
}

/* A listener whose queue is full drops SYNs: connecting to it hangs. */
struct deaf {
	int fd, full[8];
	uint16_t port;
};

static void deaf_open(struct deaf *d)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	d->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(d->fd, (struct sockaddr *)&in, len) == 0 && listen(d->fd, 0) == 0);
	CHECK_OK(getsockname(d->fd, (struct sockaddr *)&in, &len));
	d->port = ntohs(in.sin_port);
	for (size_t i = 0; i < ARRAY_LEN(d->full); i++) {
		d->full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(d->full[i], (struct sockaddr *)&in, len);
	}
}

static void deaf_close(struct deaf *d)
{
	for (size_t i = 0; i < ARRAY_LEN(d->full); i++)
		close(d->full[i]);
	close(d->fd);
}

TEST_GO(depth_of_the_wait_to_connect)
{
	struct deaf d;
	char url[64];
	deaf_open(&d);
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", d.port);
	check_wait(rig, url, NULL, "conn_dial_wait");
	rig_close(rig);
	deaf_close(&d);
}

TEST_GO(depth_of_the_wait_while_addresses_race)
{
	static const struct record records[] = { { "several.test", .v4 = "127.0.0.1", .ttl = 9 },
						 { "several.test", .v4 = "127.0.0.5" },
						 { 0 } };
	struct deaf d;
	char url[64];
	deaf_open(&d);
	struct nameserver *ns = nameserver_open(records);
	struct rig *rig = rig_open(&(struct client_options){ .dns_servers = ns->address });
	snprintf(url, sizeof(url), "http://several.test:%u/", d.port);
	check_wait(rig, url, NULL, "race_run");
	rig_close(rig);
	nameserver_close(ns);
	deaf_close(&d);
}
