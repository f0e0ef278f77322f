/* SPDX-License-Identifier: MIT
 *
 * test_client: the front door: whole fetches over loopback, every framing, every misfortune, and
 * that nothing is left behind.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

#define LATE (100 * MILLISECOND) /* the patience of tests that wait for a time-out */

static const struct reply replies[] = {
	REPLY("/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
	REPLY("/empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
	REPLY("/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: v\r\n\r\n"),
	REPLY("/chunked-in-pieces",
	      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	      "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: v\r\n\r\n",
	      .piece = 1),
	REPLY("/until-close", "HTTP/1.1 200 OK\r\n\r\nall of it", .then = THEN_CLOSE),
	REPLY("/old", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", .then = THEN_CLOSE),
	REPLY("/close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
	      .then = THEN_CLOSE),
	REPLY("/head", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
	REPLY("/204", "HTTP/1.1 204 No Content\r\n\r\n"),
	REPLY("/304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"),
	REPLY("/103", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
		      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
	REPLY("/500", "HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\noops"),

	REPLY("/cut-body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", .then = THEN_CLOSE),
	REPLY("/cut-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
	      .then = THEN_CLOSE),
	REPLY("/cut-head", "HTTP/1.1 200 OK\r\nContent-Le", .then = THEN_CLOSE),
	REPLY("/no-answer", "", .then = THEN_CLOSE),
	REPLY("/reset", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", .then = THEN_RESET),
	REPLY("/garbage", "SSH-2.0-OpenSSH\r\n", .then = THEN_STALL),
	REPLY("/bad-field", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .then = THEN_STALL),
	REPLY("/bad-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	      .then = THEN_STALL),
	REPLY("/two-lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
	      .then = THEN_STALL),
	REPLY("/101", "HTTP/1.1 101 Switching Protocols\r\n\r\n", .then = THEN_STALL),
	REPLY("/too-much", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "b\r\nhello world\r\n0\r\n\r\n"),
	REPLY("/beyond", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more"),

	REPLY("/stall-first", "", .then = THEN_STALL),
	REPLY("/stall-head", "HTTP/1.1 200 OK\r\n", .then = THEN_STALL),
	REPLY("/stall-body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", .then = THEN_STALL),
	NO_MORE_REPLIES,
};

static struct origin *open_origin(void)
{
	return origin_open(&(struct origin_options){ .replies = replies });
}

TEST_GO(client_understands_every_framing)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	check_get(rig, origin_url(o, "/ok"), FETCH_OK, 200, "hi");
	check_get(rig, origin_url(o, "/empty"), FETCH_OK, 200, "");
	check_get(rig, origin_url(o, "/chunked"), FETCH_OK, 200, "hello world");
	check_get(rig, origin_url(o, "/chunked-in-pieces"), FETCH_OK, 200, "hello world");
	check_get(rig, origin_url(o, "/204"), FETCH_OK, 204, "");
	check_get(rig, origin_url(o, "/304"), FETCH_OK, 304, "");
	check_get(rig, origin_url(o, "/103"), FETCH_OK, 200, "hi");
	check_get(rig, origin_url(o, "/none"), FETCH_OK, 404, "");
	check_get(rig, origin_url(o, "/500"), FETCH_OK, 500, "oops");
	CHECK_EQ(o->connections, 1);
	check_get(rig, origin_url(o, "/until-close"), FETCH_OK, 200, "all of it");
	check_get(rig, origin_url(o, "/old"), FETCH_OK, 200, "hi");
	check_get(rig, origin_url(o, "/close"), FETCH_OK, 200, "hi");
	CHECK_EQ(o->connections, 3);
	rig_close(rig);
	origin_close(o);
}

static bool has_ipv6(void)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&in6, sizeof(in6)) == 0;
	close(fd);
	return ok;
}

TEST_GO(client_connects_over_ipv6)
{
	if (!has_ipv6())
		test_skip("no IPv6 here");
	struct origin *o =
		origin_open(&(struct origin_options){ .replies = replies, .ipv6 = true });
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f = rig_get(rig, origin_url(o, "/ok"));
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->resp->remote.sa.sa_family, AF_INET6);
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(client_expects_no_body_after_head)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ .limits.message.body_bytes = 10 });
	for (int i = 0; i < 2; i++) {
		struct fetched *f =
			rig_fetch(rig, context_background(), "HEAD", origin_url(o, "/head"), NULL);
		CHECK_ERROR(f, FETCH_OK);
		CHECK_EQ(f->resp->status, 200);
		CHECK_EQ(f->len, 0);
		fetched_free(f);
	}
	CHECK_EQ(o->connections, 1);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(client_names_every_misfortune)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ .limits.message.body_bytes = 10 });
	check_get(rig, origin_url(o, "/cut-body"), FETCH_TRUNCATED, 200, "hi");
	check_get(rig, origin_url(o, "/cut-chunk"), FETCH_TRUNCATED, 200, NULL);
	check_get(rig, origin_url(o, "/cut-head"), FETCH_CLOSED_EARLY, 0, "");
	check_get(rig, origin_url(o, "/no-answer"), FETCH_CLOSED_EARLY, 0, "");
	check_get(rig, origin_url(o, "/garbage"), FETCH_MALFORMED_STATUS, 0, "");
	check_get(rig, origin_url(o, "/bad-field"), FETCH_MALFORMED_FIELD, 0, "");
	check_get(rig, origin_url(o, "/bad-chunk"), FETCH_MALFORMED_CHUNK, 200, "");
	check_get(rig, origin_url(o, "/two-lengths"), FETCH_CONTENT_LENGTH, 0, "");
	check_get(rig, origin_url(o, "/101"), FETCH_UNEXPECTED_UPGRADE, 0, "");
	check_get(rig, origin_url(o, "/too-much"), FETCH_BODY_TOO_LARGE, 200, NULL);
	struct fetched *f = rig_get(rig, origin_url(o, "/reset"));
	CHECK(f->error == FETCH_RESET); /* how much came before is the kernel's affair */
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(client_never_reuses_a_connection_in_doubt)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct client_stats stats;
	check_get(rig, origin_url(o, "/beyond"), FETCH_OK, 200, "hi");
	check_get(rig, origin_url(o, "/bad-chunk"), FETCH_MALFORMED_CHUNK, 200, NULL);
	check_get(rig, origin_url(o, "/ok"), FETCH_OK, 200, "hi");
	CHECK_EQ(o->connections, 3);
	client_stats(rig->client, &stats);
	CHECK_EQ(stats.conns_open, 1);
	CHECK_EQ(stats.conns_idle, 1);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(client_without_keepalive_closes_each_connection)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ .no_keepalive = true });
	char request[4096];
	check_get(rig, origin_url(o, "/ok"), FETCH_OK, 200, "hi");
	check_get(rig, origin_url(o, "/ok"), FETCH_OK, 200, "hi");
	CHECK_EQ(o->connections, 2);
	origin_last_request(o, request);
	CHECK(strstr(request, "\r\nConnection: close\r\n") != NULL);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(client_each_phase_has_its_own_timeout)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ .limits.first_byte_timeout_ns = LATE,
							     .limits.idle_timeout_ns = LATE });
	check_get(rig, origin_url(o, "/stall-first"), FETCH_FIRST_BYTE_TIMEOUT, 0, "");
	check_get(rig, origin_url(o, "/stall-head"), FETCH_IDLE_TIMEOUT, 0, "");
	check_get(rig, origin_url(o, "/stall-body"), FETCH_IDLE_TIMEOUT, 200, "hi");
	rig_close(rig);
	rig = rig_open(&(struct client_options){ .limits.total_timeout_ns = LATE });
	check_get(rig, origin_url(o, "/stall-first"), FETCH_TOTAL_TIMEOUT, 0, "");
	check_get(rig, origin_url(o, "/stall-head"), FETCH_TOTAL_TIMEOUT, 0, "");
	check_get(rig, origin_url(o, "/stall-body"), FETCH_TOTAL_TIMEOUT, 200, "hi");
	rig_close(rig);
	origin_close(o);
}

TEST_GO(client_request_overrides_total_time_and_body_limit)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetch_request req = { .method = STR("GET"), .limits.total_timeout_ns = LATE };
	struct fetched *f = fetched_new();
	fetched_run(f, rig, context_background(), &req, origin_url(o, "/stall-first"));
	CHECK_ERROR(f, FETCH_TOTAL_TIMEOUT);
	req = (struct fetch_request){ .method = STR("GET"), .limits.message.body_bytes = 1 };
	fetched_run(f, rig, context_background(), &req, origin_url(o, "/ok"));
	CHECK_ERROR(f, FETCH_BODY_TOO_LARGE);
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(client_contexts_deadline_is_the_total_timeout)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct context *ctx = context_with_timeout(context_background(), LATE);
	struct fetched *f = rig_fetch(rig, ctx, "GET", origin_url(o, "/stall-body"), NULL);
	CHECK_ERROR(f, FETCH_TOTAL_TIMEOUT);
	fetched_free(f);
	f = rig_fetch(rig, ctx, "GET", origin_url(o, "/ok"), NULL);
	CHECK_ERROR(f, FETCH_TOTAL_TIMEOUT);
	fetched_free(f);
	context_unref(ctx);
	rig_close(rig);
	origin_close(o);
}

struct canceller {
	struct context *ctx;
	struct origin *origin;
	int requests;
};

static int cancel_when_asked(void *arg)
{
	struct canceller *c = arg;
	WAIT_FOR(atomic_load(&c->origin->requests) >= c->requests);
	goroutine_sleep(5 * MILLISECOND);
	context_cancel(c->ctx);
	return 0;
}

TEST_GO(client_cancel_ends_a_request_wherever_it_waits)
{
	static const char *paths[] = { "/stall-first", "/stall-head", "/stall-body" };
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	for (int i = 0; i < 3; i++) {
		struct context *ctx = context_with_cancel(context_background());
		struct canceller c = { ctx, o, i + 1 };
		struct errgroup *g = errgroup_new(context_background());
		errgroup_go(g, cancel_when_asked, &c);
		struct fetched *f = rig_fetch(rig, ctx, "GET", origin_url(o, paths[i]), NULL);
		CHECK_ERROR(f, FETCH_CANCELLED);
		fetched_free(f);
		CHECK_EQ(errgroup_wait(g), 0);
		context_unref(ctx);
	}
	WAIT_FOR(o->open == 0);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(client_refused_port_is_connect_refused)
{
	struct origin *o = open_origin();
	char url[256];
	snprintf(url, sizeof(url), "%s", origin_url(o, "/"));
	origin_close(o);
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f = rig_get(rig, url);
	CHECK_ERROR(f, FETCH_CONNECT_REFUSED);
	CHECK(strstr(f->resp->detail, "127.0.0.1:") != NULL);
	CHECK(strstr(f->resp->detail, "onnection refused") != NULL);
	CHECK(f->resp->t.done >= f->resp->t.dns_done && f->resp->t.dns_done > 0);
	fetched_free(f);
	rig_close(rig);
}

TEST_GO(client_policy_denied_says_rule_and_key)
{
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f = rig_get(rig, "http://10.1.2.3/");
	CHECK_ERROR(f, FETCH_POLICY_DENIED);
	CHECK_STR(f->resp->detail, "10.1.2.3:80: private address (see [policy] allow)");
	fetched_free(f);
	f = rig_get(rig, "http://[::ffff:169.254.169.254]/");
	CHECK_ERROR(f, FETCH_POLICY_DENIED);
	CHECK(strstr(f->resp->detail, "cloud metadata address") != NULL);
	fetched_free(f);
	rig_close(rig);
}

TEST_GO(client_sends_the_callers_fields_and_refuses_bad_ones)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ .user_agent = "probe/1" });
	struct fields fields = { 0 };
	char request[4096];
	CHECK_OK(fields_add(&fields, STR("Cookie"), STR("a=b")));
	struct fetched *f =
		rig_fetch(rig, context_background(), "GET", origin_url(o, "/ok"), &fields);
	CHECK_ERROR(f, FETCH_OK);
	fetched_free(f);
	origin_last_request(o, request);
	CHECK(strstr(request, "\r\nCookie: a=b\r\n") != NULL);
	CHECK(strstr(request, "\r\nUser-Agent: probe/1\r\n") != NULL);
	CHECK_OK(fields_add(&fields, STR("X"), STR("a\r\nEvil: yes")));
	f = rig_fetch(rig, context_background(), "GET", origin_url(o, "/ok"), &fields);
	CHECK_ERROR(f, FETCH_BAD_REQUEST);
	fetched_free(f);
	f = rig_fetch(rig, context_background(), "GET /evil", origin_url(o, "/ok"), NULL);
	CHECK_ERROR(f, FETCH_BAD_REQUEST);
	fetched_free(f);
	fields_done(&fields);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(client_sinks_error_ends_the_request)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	for (int i = 0; i < 2; i++) {
		struct fetch_request req = { .method = STR("GET") };
		struct fetched *f = fetched_new();
		f->begin_result = i == 0 ? -EIO : 0;
		f->write_result = -EIO;
		fetched_run(f, rig, context_background(), &req, origin_url(o, "/ok"));
		CHECK_ERROR(f, FETCH_SINK_FAILED);
		fetched_free(f);
	}
	rig_close(rig);
	origin_close(o);
}

TEST_GO(client_tells_where_the_time_went)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f = rig_get(rig, origin_url(o, "/ok"));
	const struct fetch_timings *t = &f->resp->t;
	CHECK(!f->resp->conn_reused);
	CHECK_EQ(f->resp->attempts, 1);
	CHECK_EQ(f->resp->size_download, 2);
	CHECK_EQ(ntohs(f->resp->remote.in.sin_port), o->port);
	CHECK_EQ(f->resp->http_minor, 1);
	CHECK(f->resp->start_ns <= t->start && t->start <= t->dns_done);
	CHECK(t->dns_done <= t->connect_done && t->connect_done <= t->sent);
	CHECK(t->tls_done == 0);
	CHECK(t->sent <= t->first_byte && t->first_byte <= t->done && t->done <= clock_now());
	fetched_free(f);
	f = rig_get(rig, origin_url(o, "/ok"));
	t = &f->resp->t;
	CHECK(f->resp->conn_reused);
	CHECK(t->dns_done == 0 && t->connect_done == 0);
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(client_out_of_descriptors_says_so)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct rlimit few = { .rlim_cur = 64, .rlim_max = 64 };
	int fds[64], n = 0;
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	while ((fds[n] = dup(0)) >= 0)
		n++;
	check_get(rig, origin_url(o, "/ok"), FETCH_OUT_OF_DESCRIPTORS, 0, "");
	while (n > 0)
		close(fds[--n]);
	check_get(rig, origin_url(o, "/ok"), FETCH_OK, 200, "hi");
	rig_close(rig);
	origin_close(o);
}

struct many {
	struct rig *rig;
	char url[256];
	_Atomic int ok;
};

static int fetch_one(void *arg)
{
	struct many *m = arg;
	struct fetched *f = rig_get(m->rig, m->url);
	CHECK_ERROR(f, FETCH_OK);
	CHECK_STR(f->body, "hi");
	fetched_free(f);
	atomic_fetch_add(&m->ok, 1);
	return 0;
}

TEST_GO(client_a_thousand_requests_over_seven_connections, .timeout_s = 60)
{
	struct origin *o = open_origin();
	struct many m = { .rig = rig_open(&(struct client_options){ .max_conns_per_host = 7 }) };
	snprintf(m.url, sizeof(m.url), "%s", origin_url(o, "/ok"));
	struct errgroup *g = errgroup_new(context_background());
	for (int i = 0; i < 1000; i++)
		errgroup_go(g, fetch_one, &m);
	CHECK_EQ(errgroup_wait(g), 0);
	CHECK_EQ(m.ok, 1000);
	CHECK_LE(o->connections, 7);
	rig_close(m.rig);
	origin_close(o);
}

TEST_GO(client_a_thousand_requests_without_keepalive_over_seven_connections, .timeout_s = 60)
{
	struct origin *o = open_origin();
	struct many m = { .rig = rig_open(&(struct client_options){ .max_conns_per_host = 7,
								    .no_keepalive = true }) };
	snprintf(m.url, sizeof(m.url), "%s", origin_url(o, "/ok"));
	struct errgroup *g = errgroup_new(context_background());
	for (int i = 0; i < 1000; i++)
		errgroup_go(g, fetch_one, &m);
	CHECK_EQ(errgroup_wait(g), 0);
	CHECK_EQ(m.ok, 1000);
	CHECK_EQ(o->connections, 1000);
	rig_close(m.rig);
	origin_close(o);
}

/* What follows a 2xx to it is another protocol, and the connection none for the pool. */
TEST_GO(client_makes_no_tunnels)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = replies });
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f =
		rig_fetch(rig, context_background(), "CONNECT", origin_url(o, "/ok"), NULL);
	CHECK_ERROR(f, FETCH_BAD_REQUEST);
	CHECK_STR(f->resp->detail, "CONNECT would make a tunnel");
	CHECK_EQ(o->connections, 0);
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}
