/* SPDX-License-Identifier: MIT
 *
 * test_faults: each system call that a request makes fails once in each way that the kernel has for it, and each
 * allocation, of the client's and of the libraries', fails once, alone and with all that come after it.
 * Whatever it was: the request ends, with the right answer or with an error that is true; the next one on the
 * same client succeeds; and at the end nothing is left over (the harness's leak check, and ASan's).
 *
 * A scenario is a kind of request. It is made again and again, with the first call failing, the second, and
 * so on, until it has made fewer calls than that. Before that come some without a fault: what a library
 * sets up once in a process is no part of a request.
 *
 * A TLS handshake allocates some thousand times. Of a scenario's allocations no more than MOST fail, spread
 * evenly; with FAULTS=all each one.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/net.h"
#include "src/client/body.h"
#include "tests/client/faults/farm.h"
#include "tests/client/faults/inject.h"
#include "tests/client/relay.h"
#include "tests/client/rig.h"

#define MOST 600
/* A datagram that is lost comes again after 2 s: no need to wait for that. */
#define PATIENCE_NS	(300 * MILLISECOND)
#define LONG_BODY_BYTES 100000

struct fault {
	enum injected_call call;
	int error;
	enum fetch_error errors[4]; /* of a request that it ends; none: it must end none */
};

#define ENDS_IN(...) .errors = { __VA_ARGS__ }
#define BROKEN	     ENDS_IN(FETCH_SEND_FAILED, FETCH_CLOSED_EARLY, FETCH_RESET, FETCH_TLS_HANDSHAKE)
#define ENDS_NOTHING .errors = { FETCH_OK }

static const struct fault memory_fault = { CALL_MEMORY, ENOMEM, ENDS_IN(FETCH_OUT_OF_MEMORY) };

static const struct fault system_faults[] = {
	{ CALL_SOCKET, EMFILE, ENDS_IN(FETCH_OUT_OF_DESCRIPTORS) },
	{ CALL_SOCKET, ENFILE, ENDS_IN(FETCH_OUT_OF_DESCRIPTORS) },
	{ CALL_SOCKET, ENOBUFS, ENDS_IN(FETCH_OUT_OF_MEMORY) },
	{ CALL_SOCKET, ENOMEM, ENDS_IN(FETCH_OUT_OF_MEMORY) },
	{ CALL_SOCKET, EAFNOSUPPORT, ENDS_IN(FETCH_CONNECT_FAILED) },
	{ CALL_CONNECT, EINTR, ENDS_NOTHING },
	{ CALL_CONNECT, ECONNREFUSED, ENDS_IN(FETCH_CONNECT_REFUSED) },
	{ CALL_CONNECT, ENETUNREACH, ENDS_IN(FETCH_CONNECT_FAILED) },
	{ CALL_CONNECT, EADDRNOTAVAIL, ENDS_IN(FETCH_CONNECT_FAILED) },
	{ CALL_CONNECT, EPERM, ENDS_IN(FETCH_CONNECT_FAILED) },
	{ CALL_CONNECT, ENOBUFS, ENDS_IN(FETCH_OUT_OF_MEMORY) },
	{ CALL_GETSOCKOPT, ECONNREFUSED, ENDS_IN(FETCH_CONNECT_REFUSED) },
	{ CALL_GETSOCKOPT, EHOSTUNREACH, ENDS_IN(FETCH_CONNECT_FAILED) },
	{ CALL_GETSOCKOPT, ETIMEDOUT, ENDS_IN(FETCH_CONNECT_FAILED, FETCH_CONNECT_TIMEOUT) },
	{ CALL_EPOLL_ADD, ENOMEM, ENDS_IN(FETCH_OUT_OF_MEMORY) },
	{ CALL_EPOLL_ADD, ENOSPC, ENDS_IN(FETCH_OUT_OF_DESCRIPTORS) },
	{ CALL_SETSOCKOPT, ENOBUFS, ENDS_NOTHING },
	{ CALL_GETSOCKNAME, ENOBUFS, ENDS_NOTHING },
	{ CALL_FCNTL, EMFILE, ENDS_IN(FETCH_OUT_OF_DESCRIPTORS) },
	{ CALL_SEND, EINTR, ENDS_NOTHING },
	{ CALL_SEND, EAGAIN, ENDS_NOTHING },
	{ CALL_SEND, INJECT_SHORT, ENDS_NOTHING },
	{ CALL_SEND, EPIPE, BROKEN },
	{ CALL_SEND, ECONNRESET, BROKEN },
	{ CALL_SEND, EHOSTUNREACH, ENDS_IN(FETCH_SEND_FAILED, FETCH_TLS_HANDSHAKE) },
	{ CALL_SEND, ENOBUFS, ENDS_IN(FETCH_OUT_OF_MEMORY) },
	{ CALL_SEND, ENOMEM, ENDS_IN(FETCH_OUT_OF_MEMORY) },
	{ CALL_WRITEV, ENOBUFS, ENDS_NOTHING },
	{ CALL_RECV, EINTR, ENDS_NOTHING },
	{ CALL_RECV, EAGAIN, ENDS_NOTHING },
	{ CALL_RECV, INJECT_SHORT, ENDS_NOTHING },
	{ CALL_RECV, ECONNRESET, ENDS_IN(FETCH_RESET, FETCH_TLS_HANDSHAKE) },
	{ CALL_RECV, EHOSTUNREACH, ENDS_IN(FETCH_RESET, FETCH_TLS_HANDSHAKE) },
	{ CALL_RECV, ENOMEM, ENDS_IN(FETCH_OUT_OF_MEMORY) },
	{ CALL_CLOSE, EINTR, ENDS_NOTHING },
	{ CALL_CLOSE, EIO, ENDS_NOTHING },
	{ CALL_FOPEN, EMFILE, ENDS_NOTHING },
};

/* --- A world --- */

struct scenario {
	const char *path;
	const char *host; /* another name under this each time; NULL = 127.0.0.1 */
	struct str body;  /* the answer's */
	struct str sent;  /* the request's; NULL = none */
	bool https;
	const char *proxy;  /* its scheme; NULL = direct */
	bool small_faults;  /* each takes time: only some faults, and memory */
	const char *before; /* the path of a request that goes before; NULL = none */
	struct client_options options;
};

struct world {
	const struct scenario *s;
	struct farm *farm;
	struct rig *rig;
	const struct proxy *proxy;
	struct fetch_response *resp;
	struct body_sink sink;
	size_t len;
	char body[LONG_BODY_BYTES];
	int serial;
};

static int begin_body(struct body_sink *s, uint16_t status, const struct fields *fields)
{
	(void)status, (void)fields;
	CONTAINER_OF(s, struct world, sink)->len = 0;
	return 0;
}

static int keep(struct body_sink *s, const char *data, size_t len)
{
	struct world *w = CONTAINER_OF(s, struct world, sink);
	CHECK_LE(len, sizeof(w->body) - w->len);
	memcpy(w->body + w->len, data, len);
	w->len += len;
	return 0;
}

static struct world *world_open(const struct scenario *s)
{
	struct world *w = calloc(1, sizeof(*w));
	struct client_options options = s->options;
	w->s = s;
	w->farm = farm_open();
	w->sink = (struct body_sink){ .begin = begin_body, .write = keep };
	w->resp = fetch_response_new();
	options.dns_servers = w->farm->dns;
	options.tls.ca_file = w->farm->ca_file;
	options.limits.total_timeout_ns = 8 * SECOND;
	w->rig = rig_open(&options);
	if (s->proxy)
		w->proxy = relay_proxy_at((uint16_t)(strcmp(s->proxy, "http") == 0
							     ? w->farm->http_proxy
							     : w->farm->socks_proxy),
					  s->proxy, false);
	return w;
}

static void world_close(struct world *w)
{
	rig_close(w->rig);
	proxy_unref(w->proxy);
	fetch_response_free(w->resp);
	farm_close(w->farm);
	free(w);
}

static void make_url(struct world *w, const char *host, const char *path, struct url *ret_url)
{
	char text[256], name[64];
	const char *reason = "";
	snprintf(name, sizeof(name), "%s", "127.0.0.1");
	if (host)
		snprintf(name, sizeof(name), "n%d.%s", w->serial, host);
	snprintf(text, sizeof(text), "%s://%s:%u%s", w->s->https ? "https" : "http", name,
		 w->s->https ? w->farm->tls : w->farm->plain, path);
	if (url_parse(str_of(text), NULL, ret_url, &reason))
		test_fail("%s: %s", text, reason);
}

/* One request; calls are counted from its begin to its end, unless what is NULL. */
static enum fetch_error fetch(struct world *w, const char *host, const char *path, struct str sent,
			      const struct injection *what, bool *ret_hit)
{
	struct url url = { 0 };
	struct body_bytes body = body_of_bytes(sent);
	struct fetch_request req = { .method = sent.data ? STR("PUT") : STR("GET"),
				     .url = &url,
				     .proxy = w->proxy,
				     .body = sent.data ? &body.source : NULL,
				     .sink = &w->sink };
	if (what)
		req.limits.resolve_timeout_ns = PATIENCE_NS;
	make_url(w, host, path, &url);
	if (what)
		inject_begin(what);
	enum fetch_error e = client_fetch(w->rig->client, context_background(), &req, w->resp);
	*ret_hit = what && inject_end();
	url_done(&url);
	return e;
}

static bool is_body(const struct world *w, struct str body)
{
	return w->resp->status == 200 && str_eq(str_make(w->body, w->len), body);
}

static void fetch_honestly(struct world *w, const char *host, const char *path, const char *after)
{
	bool hit;
	enum fetch_error e = fetch(w, host, path, (struct str){ 0 }, NULL, &hit);
	if (e || !is_body(w, STR("hi")))
		test_fail("the request after %s ends in %s (%s)", after, fetch_error_name(e),
			  w->resp->detail);
}

/* What the libraries make of it. c-ares doesn't say why it reached no server, and loses some questions;
 * OpenSSL doesn't always say that it was memory: a key that it could not read has no bits, and is weak. */
static bool is_librarys_word(const struct scenario *s, enum fetch_error e)
{
	if (s->host && e == FETCH_DNS_TIMEOUT)
		return true;
	if (strstr(inject_where(), "libcares"))
		return e == FETCH_DNS_FAILED;
	if (e == FETCH_SEND_FAILED)
		return strstr(inject_where(), "libssl") || strstr(inject_where(), "libcrypto");
	return strstr(inject_where(), "libcrypto") &&
	       (e == FETCH_TLS_HANDSHAKE || e == FETCH_TLS_WEAK || e == FETCH_TLS_BROKEN);
}

/* With a proxy it is the proxy that could not be reached, or broke off. */
static enum fetch_error without_proxy(const struct scenario *s, const struct fault *f,
				      enum fetch_error e)
{
	if (!s->proxy)
		return e;
	if (e == FETCH_PROXY_UNREACHABLE &&
	    (f->call == CALL_SOCKET || f->call == CALL_CONNECT || f->call == CALL_GETSOCKOPT))
		return f->errors[0];
	if (e == FETCH_PROXY_BAD_ANSWER && (f->call == CALL_SEND || f->call == CALL_RECV))
		return f->errors[0];
	return e;
}

static bool is_expected(const struct scenario *s, const struct fault *f, enum fetch_error e)
{
	for (size_t i = 0; i < ARRAY_LEN(f->errors); i++)
		if (f->errors[i] == without_proxy(s, f, e))
			return true;
	return e == FETCH_OK || is_librarys_word(s, e);
}

static bool is_shortage(enum fetch_error e)
{
	return e == FETCH_OUT_OF_MEMORY || e == FETCH_OUT_OF_DESCRIPTORS;
}

/* The scenario's request with that fault. False when it was over before. */
static bool attempt(struct world *w, const struct fault *f, int first, int count)
{
	const struct scenario *s = w->s;
	const struct injection what = { f->call, f->error, first, count };
	char how[700];
	bool hit;
	enum fetch_error e = fetch(w, s->host, s->path, s->sent, &what, &hit);
	snprintf(how, sizeof(how), "%s %d failing%s with %s at %s", inject_name(f->call), first,
		 count > 1 ? " and all after it" : "",
		 f->error == INJECT_SHORT ? "one byte" : strerrorname_np(f->error), inject_where());
	fprintf(stderr, "%s: %s %s\n", how, fetch_error_name(e), w->resp->detail);
	if (!is_expected(s, f, e) && !getenv("FAULTS_SAY"))
		test_fail("%s: %s (%s)", how, fetch_error_name(e), w->resp->detail);
	if (e == FETCH_OK && !is_body(w, s->body))
		test_fail("%s: ok, but %zu bytes are not those of the body", how, w->len);
	fetch_honestly(w, NULL, "/ok", how);
	if (s->host && is_shortage(e)) /* which is no news about the name */
		fetch_honestly(w, s->host, "/ok", how);
	w->serial++;
	return hit;
}

static bool all_wanted(void)
{
	const char *value = getenv("FAULTS");
	return value && !strcmp(value, "all");
}

static int calls_of(struct world *w, enum injected_call call)
{
	static const struct fault none = { CALL_MEMORY, 0, ENDS_NOTHING };
	(void)attempt(w, &none, 0, 0);
	return inject_calls(call);
}

static void check_memory(struct world *w)
{
	int calls = calls_of(w, CALL_MEMORY);
	int step = all_wanted() ? 1 : calls / MOST + 1;
	for (int first = 1; attempt(w, &memory_fault, first, 1); first += step)
		;
	for (int first = 1; attempt(w, &memory_fault, first, INT_MAX); first += step)
		;
}

/* What is over after the first time: the others would wait for something that never comes. */
static bool may_last(const struct fault *f)
{
	return f->errors[0] != FETCH_OK;
}

static void check_system_call(struct world *w, const struct fault *f)
{
	for (int first = 1; attempt(w, f, first, 1); first++)
		;
	if (may_last(f))
		(void)attempt(w, f, 1, INT_MAX);
}

static void check(const struct scenario *s)
{
	struct world *w = world_open(s);
	for (int i = 0; i < 3; i++)
		(void)calls_of(w, CALL_MEMORY);
	check_memory(w);
	for (size_t i = 0; i < ARRAY_LEN(system_faults); i++)
		check_system_call(w, &system_faults[i]);
	world_close(w);
}

/* --- The scenarios --- */

TEST_GO(faults_on_a_kept_connection)
{
	check(&(struct scenario){ .path = "/ok", .body = STR("hi") });
}

TEST_GO(faults_on_a_new_connection)
{
	check(&(struct scenario){ .path = "/ok", .body = STR("hi"), .options.no_keepalive = true });
}

TEST_GO(faults_while_a_name_is_resolved)
{
	check(&(struct scenario){ .path = "/ok", .host = "ok.test", .body = STR("hi") });
}

TEST_GO(faults_along_redirects)
{
	check(&(struct scenario){ .path = "/hops", .body = STR("hi") });
}

TEST_GO(faults_while_a_short_body_is_sent)
{
	check(&(struct scenario){ .path = "/echo", .sent = STR("some"), .body = STR("some") });
}

TEST_GO(faults_while_a_long_body_is_sent)
{
	static char letters[LONG_BODY_BYTES];
	struct str body = str_make(letters, sizeof(letters));
	memset(letters, 'x', sizeof(letters));
	check(&(struct scenario){ .path = "/echo", .sent = body, .body = body });
}

static void check_coded(const char *path)
{
	static char text[FARM_TEXT_BYTES];
	farm_text(text);
	check(&(struct scenario){ .path = path, .body = str_make(text, sizeof(text)) });
}

TEST_GO(faults_while_a_gzip_body_is_decoded)
{
	check_coded("/gzip");
}

TEST_GO(faults_while_a_br_body_is_decoded)
{
	check_coded("/br");
}

TEST_GO(faults_while_a_zstd_body_is_decoded)
{
	check_coded("/zstd");
}

TEST_GO(faults_when_a_stale_connection_is_replaced)
{
	check(&(struct scenario){ .path = "/stale", .body = STR("hi") });
}

TEST_GO(faults_on_a_kept_tls_connection)
{
	check(&(struct scenario){ .path = "/ok", .body = STR("hi"), .https = true });
}

TEST_GO(faults_in_a_full_tls_handshake)
{
	check(&(struct scenario){ .path = "/ok",
				  .body = STR("hi"),
				  .https = true,
				  .options = { .no_keepalive = true, .tls.no_sessions = true } });
}

TEST_GO(faults_on_the_way_through_a_socks_proxy)
{
	check(&(struct scenario){ .path = "/ok",
				  .body = STR("hi"),
				  .proxy = "socks5h",
				  .options.no_keepalive = true });
}

TEST_GO(faults_on_the_way_through_an_http_proxy)
{
	check(&(struct scenario){ .path = "/ok",
				  .body = STR("hi"),
				  .https = true,
				  .proxy = "http",
				  .options.no_keepalive = true });
}

TEST_GO(faults_in_a_resumed_tls_handshake)
{
	check(&(struct scenario){
		.path = "/ok", .body = STR("hi"), .https = true, .options.no_keepalive = true });
}
