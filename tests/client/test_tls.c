/* SPDX-License-Identifier: MIT
 *
 * test_tls: verification and its errors by name, the framing that only TLS makes safe, reuse, and
 * stalls in the handshake.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "tests/client/certs.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

static const struct reply replies[] = {
	REPLY("/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
	REPLY("/until-close", "HTTP/1.1 200 OK\r\n\r\nall of it", .then = THEN_CLOSE),
	REPLY("/until-cut", "HTTP/1.1 200 OK\r\n\r\nall of it", .then = THEN_CUT),
	REPLY("/pieces", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", .piece = 3),
	REPLY("/stall", "HTTP/1.1 200 OK\r\n", .then = THEN_STALL),
	REPLY("/beyond", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", .then = THEN_CLOSE),
	NO_MORE_REPLIES,
};

struct world {
	struct certs *certs;
	SSL_CTX *ctx;
	struct origin *origin;
	struct rig *rig;
	char url[256];
};

/* ca_file is filled in unless options have one. */
static struct world *world_open(const struct cert *how, const struct client_options *options)
{
	struct world *w = calloc(1, sizeof(*w));
	struct client_options o = *options;
	w->certs = certs_new();
	w->ctx = certs_server(w->certs, how);
	w->origin = origin_open(&(struct origin_options){ .replies = replies, .tls = w->ctx });
	if (!o.tls.ca_file)
		o.tls.ca_file = w->certs->ca_file;
	w->rig = rig_open(&o);
	return w;
}

static void world_close(struct world *w)
{
	rig_close(w->rig);
	origin_close(w->origin);
	SSL_CTX_free(w->ctx);
	certs_free(w->certs);
	free(w);
}

static const char *at(struct world *w, const char *host, const char *path)
{
	return origin_url_at(w->origin, host, path, w->url, sizeof(w->url));
}

static void check_refused(const struct cert *how, enum fetch_error e, const char *detail)
{
	struct world *w = world_open(how, &(struct client_options){ 0 });
	struct fetched *f = rig_get(w->rig, at(w, "localhost", "/ok"));
	CHECK_ERROR(f, e);
	if (!strstr(f->resp->detail, detail))
		test_fail("want \"%s\" in \"%s\"", detail, f->resp->detail);
	CHECK_EQ(w->origin->requests, 0);
	fetched_free(f);
	world_close(w);
}

TEST_GO(tls_fetches_from_a_verified_server_and_reuses)
{
	struct world *w = world_open(&(struct cert){ 0 }, &(struct client_options){ 0 });
	check_get(w->rig, at(w, "localhost", "/ok"), FETCH_OK, 200, "hi");
	check_get(w->rig, at(w, "localhost", "/pieces"), FETCH_OK, 200, "hello world");
	check_get(w->rig, at(w, "localhost", "/none"), FETCH_OK, 404, "");
	CHECK_EQ(w->origin->connections, 1);
	check_get(w->rig, at(w, "127.0.0.1", "/ok"), FETCH_OK, 200,
		  "hi"); /* an IP in the certificate */
	CHECK_EQ(w->origin->connections, 2);
	struct fetched *f = rig_get(w->rig, at(w, "localhost", "/ok"));
	CHECK(f->resp->conn_reused);
	CHECK_EQ(f->resp->t.tls_done, 0);
	fetched_free(f);
	world_close(w);
}

TEST_GO(tls_1_2_works)
{
	struct world *w =
		world_open(&(struct cert){ .max_version = TLS1_2_VERSION, .rsa_bits = 2048 },
			   &(struct client_options){ 0 });
	check_get(w->rig, at(w, "localhost", "/ok"), FETCH_OK, 200, "hi");
	check_get(w->rig, at(w, "localhost", "/pieces"), FETCH_OK, 200, "hello world");
	CHECK_EQ(w->origin->connections, 1);
	world_close(w);
}

TEST_GO(tls_errors_say_which_check_failed)
{
	check_refused(&(struct cert){ .begins_s = -7200, .ends_s = -3600 }, FETCH_TLS_EXPIRED,
		      "certificate has expired");
	check_refused(&(struct cert){ .begins_s = 3000 }, FETCH_TLS_NOT_YET_VALID, "not yet valid");
	check_refused(&(struct cert){ .host = "other.test" }, FETCH_TLS_HOST_MISMATCH, "mismatch");
	check_refused(&(struct cert){ .self_signed = true }, FETCH_TLS_SELF_SIGNED, "self-signed");
	check_refused(&(struct cert){ .rsa_bits = 1024 }, FETCH_TLS_WEAK, "too");
	check_refused(&(struct cert){ .max_version = TLS1_1_VERSION }, FETCH_TLS_PROTOCOL, "");
}

TEST_GO(tls_an_address_must_be_in_the_certificate)
{
	struct world *w =
		world_open(&(struct cert){ .host = "localhost" }, &(struct client_options){ 0 });
	check_get(w->rig, at(w, "127.0.0.1", "/ok"), FETCH_TLS_HOST_MISMATCH, 0, "");
	world_close(w);
}

TEST_GO(tls_the_systems_authorities_dont_know_ours)
{
	struct certs *certs = certs_new();
	SSL_CTX *ctx = certs_server(certs, &(struct cert){ 0 });
	struct origin *o = origin_open(&(struct origin_options){ .replies = replies, .tls = ctx });
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	check_get(rig, origin_url(o, "/ok"), FETCH_TLS_UNTRUSTED, 0, "");
	rig_close(rig);
	rig = rig_open(&(struct client_options){ .tls = { .insecure = true } });
	check_get(rig, origin_url(o, "/ok"), FETCH_OK, 200, "hi");
	rig_close(rig);
	origin_close(o);
	SSL_CTX_free(ctx);
	certs_free(certs);
}

TEST_GO(tls_close_delimited_needs_close_notify)
{
	struct world *w = world_open(&(struct cert){ 0 }, &(struct client_options){ 0 });
	check_get(w->rig, at(w, "localhost", "/until-close"), FETCH_OK, 200, "all of it");
	check_get(w->rig, at(w, "localhost", "/until-cut"), FETCH_TRUNCATED, 200, "all of it");
	world_close(w);
}

TEST_GO(tls_idle_connection_dies_when_the_server_closes)
{
	struct world *w = world_open(&(struct cert){ 0 }, &(struct client_options){ 0 });
	struct client_stats stats;
	check_get(w->rig, at(w, "localhost", "/beyond"), FETCH_OK, 200, "hi");
	do {
		goroutine_yield();
		client_stats(w->rig->client, &stats);
	} while (stats.conns_open);
	check_get(w->rig, at(w, "localhost", "/ok"), FETCH_OK, 200, "hi");
	world_close(w);
}

/* The first connection breaks instead of a second answer. */
static void play_break(struct peer *p)
{
	static const char forged[] = "\x17\x03\x03\x00\x10"
				     "0123456789abcdef";
	for (int n = 1; peer_read_head(p); n++) {
		if (p->number > 1 || n == 1) {
			peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
			continue;
		}
		CHECK_EQ(conn_write(p->conn, forged, sizeof(forged) - 1), sizeof(forged) - 1);
		peer_wait_closed(p);
	}
}

TEST_GO(tls_that_breaks_on_a_kept_connection_is_tried_again_on_a_fresh_one)
{
	struct certs *certs = certs_new();
	SSL_CTX *ctx = certs_server(certs, &(struct cert){ 0 });
	struct origin *o = origin_open(&(struct origin_options){ .play = play_break, .tls = ctx });
	struct rig *rig =
		rig_open(&(struct client_options){ .tls = { .ca_file = certs->ca_file } });
	check_get(rig, origin_url(o, "/"), FETCH_OK, 200, "hi");
	check_get(rig, origin_url(o, "/"), FETCH_OK, 200, "hi");
	CHECK_EQ(o->connections, 2);
	rig_close(rig);
	origin_close(o);
	SSL_CTX_free(ctx);
	certs_free(certs);
}

static void never_answer(struct peer *p)
{
	peer_wait_closed(p);
}

static void close_at_once(struct peer *p)
{
	(void)p;
}

static void speak_plain(struct peer *p)
{
	peer_say(p, "HTTP/1.1 400 Bad Request\r\n\r\n");
	peer_wait_closed(p);
}

/* A plain server behind an https URL. */
static void check_handshake_with(void (*play)(struct peer *p), enum fetch_error e)
{
	struct origin *o = origin_open(&(struct origin_options){ .play = play });
	struct rig *rig =
		rig_open(&(struct client_options){ .limits.tls_timeout_ns = 100 * MILLISECOND });
	char url[256];
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", o->port);
	check_get(rig, url, e, 0, "");
	WAIT_FOR(o->open == 0);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(tls_handshake_failures_are_told_apart)
{
	check_handshake_with(never_answer, FETCH_TLS_TIMEOUT);
	check_handshake_with(close_at_once, FETCH_TLS_HANDSHAKE);
	check_handshake_with(speak_plain, FETCH_TLS_PROTOCOL);
}

TEST_GO(tls_total_timeout_ends_a_handshake)
{
	struct origin *o = origin_open(&(struct origin_options){ .play = never_answer });
	struct rig *rig =
		rig_open(&(struct client_options){ .limits.total_timeout_ns = 100 * MILLISECOND,
						   .limits.tls_timeout_ns = 300 * MILLISECOND });
	char url[256];
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", o->port);
	check_get(rig, url, FETCH_TOTAL_TIMEOUT, 0, "");
	WAIT_FOR(o->open == 0); /* the dial goes on for its own time */
	rig_close(rig);
	origin_close(o);
}

struct canceller {
	struct context *ctx;
	struct origin *origin;
};

static int cancel_when_connected(void *arg)
{
	struct canceller *c = arg;
	WAIT_FOR(atomic_load(&c->origin->connections) == 1);
	context_cancel(c->ctx);
	return 0;
}

TEST_GO(tls_cancel_ends_a_handshake)
{
	struct origin *o = origin_open(&(struct origin_options){ .play = never_answer });
	struct rig *rig =
		rig_open(&(struct client_options){ .limits.tls_timeout_ns = 300 * MILLISECOND });
	struct canceller c = { context_with_cancel(context_background()), o };
	struct errgroup *g = errgroup_new(context_background());
	char url[256];
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", o->port);
	errgroup_go(g, cancel_when_connected, &c);
	struct fetched *f = rig_fetch(rig, c.ctx, "GET", url, NULL);
	CHECK_ERROR(f, FETCH_CANCELLED);
	fetched_free(f);
	CHECK_EQ(errgroup_wait(g), 0);
	WAIT_FOR(o->open == 0);
	context_unref(c.ctx);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(tls_read_timeouts_hold)
{
	struct world *w =
		world_open(&(struct cert){ 0 },
			   &(struct client_options){ .limits.idle_timeout_ns = 50 * MILLISECOND });
	check_get(w->rig, at(w, "localhost", "/stall"), FETCH_IDLE_TIMEOUT, 0, "");
	world_close(w);
}

#define LARGE (3 << 20)

static void play_large(struct peer *p)
{
	char *body = malloc(LARGE);
	memset(body, 'x', LARGE);
	while (peer_read_head(p)) {
		char head[128];
		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
			 LARGE);
		if (!peer_say(p, head) || !peer_write(p, body, LARGE))
			break;
	}
	free(body);
}

TEST_GO(tls_large_bodies_come_whole)
{
	struct certs *certs = certs_new();
	SSL_CTX *ctx = certs_server(certs, &(struct cert){ 0 });
	struct origin *o = origin_open(&(struct origin_options){ .play = play_large, .tls = ctx });
	struct rig *rig =
		rig_open(&(struct client_options){ .tls = { .ca_file = certs->ca_file } });
	for (int i = 0; i < 3; i++) {
		struct fetched *f = rig_get(rig, origin_url(o, "/"));
		CHECK_ERROR(f, FETCH_OK);
		CHECK_EQ(f->len, LARGE);
		CHECK_EQ(strspn(f->body, "x"), LARGE);
		fetched_free(f);
	}
	CHECK_EQ(o->connections, 1);
	rig_close(rig);
	origin_close(o);
	SSL_CTX_free(ctx);
	certs_free(certs);
}

TEST_GO(tls_a_ca_file_that_cant_be_used_is_named)
{
	struct client *client;
	char *reason = NULL;
	struct client_options o = { .tls = { .ca_file = "/nonexistent/ca.pem" } };
	CHECK_EQ(client_new(&o, &client, &reason), -EINVAL);
	CHECK(reason && strstr(reason, "/nonexistent/ca.pem") && strstr(reason, "[tls] ca_file"));
	free(reason);
}

static void play_endless(struct peer *p)
{
	static char body[64 << 10];
	if (!peer_read_head(p) || !peer_say(p, "HTTP/1.1 200 OK\r\n\r\n"))
		return;
	while (peer_write(p, body, sizeof(body)))
		;
}

/* So slow that the socket is never empty: no read has to wait. */
static int drain_slowly(struct body_sink *s)
{
	(void)s;
	goroutine_sleep(MILLISECOND);
	return 0;
}

static int cancel_soon(void *arg)
{
	goroutine_sleep(50 * MILLISECOND);
	context_cancel(arg);
	return 0;
}

static void check_endless(struct rig *rig, struct origin *o, int64_t total_ns, enum fetch_error e)
{
	struct context *ctx = context_with_cancel(context_background());
	struct errgroup *g = errgroup_new(context_background());
	struct fetch_request req = { .method = STR("GET"), .limits.total_timeout_ns = total_ns };
	struct fetched *f = fetched_new();
	f->sink.drain = drain_slowly;
	if (e == FETCH_CANCELLED)
		errgroup_go(g, cancel_soon, ctx);
	fetched_run(f, rig, ctx, &req, origin_url(o, "/"));
	CHECK_ERROR(f, e);
	CHECK_EQ(errgroup_wait(g), 0);
	fetched_free(f);
	context_unref(ctx);
}

TEST_GO(tls_a_stream_that_never_pauses_ends_with_the_request)
{
	struct certs *certs = certs_new();
	SSL_CTX *ctx = certs_server(certs, &(struct cert){ 0 });
	struct origin *o =
		origin_open(&(struct origin_options){ .play = play_endless, .tls = ctx });
	struct rig *rig = rig_open(&(struct client_options){
		.tls = { .ca_file = certs->ca_file }, .limits.message.body_bytes = 16 << 20 });
	check_endless(rig, o, 50 * MILLISECOND, FETCH_TOTAL_TIMEOUT);
	check_endless(rig, o, 0, FETCH_CANCELLED);
	rig_close(rig);
	origin_close(o);
	SSL_CTX_free(ctx);
	certs_free(certs);
}
