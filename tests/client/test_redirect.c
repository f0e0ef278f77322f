/* SPDX-License-Identifier: MIT
 *
 * test_redirect: chains of hops: where they lead, what changes on the way, what ends them.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "tests/client/certs.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

#define TO(status, location) \
	"HTTP/1.1 " status " Go\r\nLocation: " location "\r\nContent-Length: 4\r\n\r\ngone"

static const struct reply replies[] = {
	REPLY("/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
	REPLY("/dir/ok", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ndir"),
	REPLY("/absolute-path", TO("302", "/ok")),
	REPLY("/dir/relative", TO("301", "ok")),
	REPLY("/dir/up", TO("308", "../ok?")),
	REPLY("/three", TO("307", "/two")),
	REPLY("/two", TO("302", "/one")),
	REPLY("/one", TO("303", "/ok#there")),
	REPLY("/self", TO("302", "/self")),
	REPLY("/ping", TO("302", "/pong")),
	REPLY("/pong", TO("302", "/ping#x")),
	REPLY("/form", TO("303", "/form")),
	REPLY("/301", TO("301", "/ok")),
	REPLY("/303", TO("303", "/ok")),
	REPLY("/307", TO("307", "/ok")),
	REPLY("/nowhere", "HTTP/1.1 302 Go\r\nContent-Length: 4\r\n\r\ngone"),
	REPLY("/304", "HTTP/1.1 304 Not Modified\r\nLocation: /ok\r\n\r\n"),
	REPLY("/bad", TO("302", "http://a b/")),
	REPLY("/ftp", TO("302", "ftp://example.com/")),
	REPLY("/metadata", TO("302", "http://169.254.169.254/latest/meta-data/")),
	REPLY("/long-body", "HTTP/1.1 302 Go\r\nLocation: /ok\r\nContent-Length: 1000000\r\n\r\nx",
	      .then = THEN_STALL),
	REPLY("/cut-body", "HTTP/1.1 302 Go\r\nLocation: /ok\r\nContent-Length: 1000\r\n\r\nx",
	      .then = THEN_CLOSE),
	NO_MORE_REPLIES,
};

static struct origin *open_origin(void)
{
	return origin_open(&(struct origin_options){ .replies = replies });
}

TEST_GO(redirect_targets_are_relative_to_the_hop)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	check_get(rig, origin_url(o, "/absolute-path"), FETCH_OK, 200, "hi");
	check_get(rig, origin_url(o, "/dir/relative"), FETCH_OK, 200, "dir");
	check_get(rig, origin_url(o, "/dir/up"), FETCH_OK, 404, "");
	CHECK_EQ(o->connections, 1);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(redirect_hops_are_kept)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	char url[256];
	struct fetched *f = rig_get(rig, origin_url(o, "/three#here"));
	CHECK_ERROR(f, FETCH_OK);
	CHECK_STR(f->body, "hi");
	CHECK_EQ(f->begins, 1);
	CHECK_EQ(f->resp->hops_len, 3);
	CHECK_STR(f->resp->hops[0].url,
		  origin_url_at(o, "127.0.0.1", "/three#here", url, sizeof(url)));
	CHECK_STR(f->resp->hops[1].url,
		  origin_url_at(o, "127.0.0.1", "/two#here", url, sizeof(url)));
	CHECK_EQ(f->resp->hops[0].status, 307);
	CHECK_EQ(f->resp->hops[2].status, 303);
	CHECK(!f->resp->hops[0].conn_reused && f->resp->hops[1].conn_reused);
	CHECK(f->resp->hops[0].t.connect_done && !f->resp->hops[1].t.connect_done);
	CHECK(f->resp->start_ns == f->resp->hops[0].t.start);
	CHECK(f->resp->hops[2].t.done <= f->resp->t.start);
	for (uint32_t i = 0; i < 3; i++) {
		const struct fetch_hop *hop = &f->resp->hops[i];
		CHECK(hop->t.start <= hop->t.sent && hop->t.sent <= hop->t.first_byte &&
		      hop->t.first_byte <= hop->t.done);
		CHECK_EQ(hop->http_minor, 1);
		CHECK_EQ(hop->size_download, 4);
		CHECK_EQ(hop->remote.in.sin_family, AF_INET);
		CHECK_EQ(ntohs(hop->remote.in.sin_port), o->port);
	}
	CHECK_STR(f->resp->url_effective.href.data,
		  origin_url_at(o, "127.0.0.1", "/ok#there", url, sizeof(url)));
	CHECK_EQ(f->resp->attempts, 4);
	CHECK_EQ(f->resp->size_download, 2);
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(redirect_leaves_nothing_in_a_response_that_is_used_again)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f = rig_get(rig, origin_url(o, "/three#here"));
	struct fetch_request again = { .method = STR("GET") };
	const char *block = f->resp->fields.block;
	char url[256];
	CHECK_ERROR(f, FETCH_OK);
	fetched_run(f, rig, context_background(), &again,
		    origin_url_at(o, "127.0.0.1", "/ok", url, sizeof(url)));
	CHECK_ERROR(f, FETCH_OK);
	CHECK_STR(f->body, "hi");
	CHECK_STR(f->resp->url_effective.href.data, url);
	CHECK(f->resp->hops_len == 0 && !f->resp->hops);
	CHECK(f->resp->attempts == 1 && f->resp->size_download == 2);
	CHECK_EQ(fields_count(&f->resp->fields, STR("Content-Length")), 1);
	CHECK(f->resp->fields.block == block); /* what it had is enough */
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(redirect_limit_and_loops)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ .limits.max_redirects = 2 });
	check_get(rig, origin_url(o, "/two"), FETCH_OK, 200, "hi");
	check_get(rig, origin_url(o, "/three"), FETCH_TOO_MANY_REDIRECTS, 303, "");
	rig_close(rig);
	rig = rig_open(&(struct client_options){ 0 });
	check_get(rig, origin_url(o, "/self"), FETCH_REDIRECT_LOOP, 302, "");
	check_get(rig, origin_url(o, "/ping"), FETCH_REDIRECT_LOOP, 302, "");
	check_get(rig, origin_url(o, "/form"), FETCH_REDIRECT_LOOP, 303, "");
	rig_close(rig);
	origin_close(o);
}

static void check_method_after(const char *method, const char *path, const char *want)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	char request[4096], begin[64];
	struct fetched *f = rig_fetch(rig, context_background(), method, origin_url(o, path), NULL);
	CHECK_ERROR(f, FETCH_OK);
	origin_last_request(o, request);
	snprintf(begin, sizeof(begin), "%s /ok ", want);
	if (strncmp(request, begin, strlen(begin)) != 0)
		test_fail("%s %s: want %s, got %.20s", method, path, want, request);
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(redirect_rewrites_methods_as_rfc_9110_says)
{
	check_method_after("POST", "/301", "GET");
	check_method_after("POST", "/303", "GET");
	check_method_after("POST", "/307", "POST");
	check_method_after("PUT", "/301", "PUT");
	check_method_after("PUT", "/303", "GET");
	check_method_after("DELETE", "/307", "DELETE");
}

TEST_GO(redirect_303_to_the_same_url_is_no_loop_for_post)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f =
		rig_fetch(rig, context_background(), "POST", origin_url(o, "/form"), NULL);
	CHECK_ERROR(f, FETCH_REDIRECT_LOOP); /* only the second time, as GET */
	CHECK_STR(f->resp->detail, "after 1 redirects");
	CHECK_EQ(f->resp->hops_len, 1);
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(redirect_without_location_and_other_3xx_are_answers)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	check_get(rig, origin_url(o, "/nowhere"), FETCH_OK, 302, "gone");
	check_get(rig, origin_url(o, "/304"), FETCH_OK, 304, "");
	rig_close(rig);
	rig = rig_open(&(struct client_options){ .no_redirects = true });
	check_get(rig, origin_url(o, "/absolute-path"), FETCH_OK, 302, "gone");
	rig_close(rig);
	origin_close(o);
}

TEST_GO(redirect_is_the_answer_to_a_request_that_wants_it_so)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f = fetched_new();
	struct fetch_request req = { .method = STR("GET"), .no_redirects = true };
	fetched_run(f, rig, context_background(), &req, origin_url(o, "/absolute-path"));
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->resp->status, 302);
	CHECK_STR(f->body, "gone");
	CHECK_EQ(f->resp->hops_len, 0);
	fetched_free(f);
	check_get(rig, origin_url(o, "/absolute-path"), FETCH_OK, 200, "hi");
	rig_close(rig);
	origin_close(o);
}

TEST_GO(redirect_that_cant_be_followed_says_why)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	check_get(rig, origin_url(o, "/bad"), FETCH_REDIRECT_BAD, 302, "");
	check_get(rig, origin_url(o, "/ftp"), FETCH_REDIRECT_BAD, 302, "");
	rig_close(rig);
	origin_close(o);
}

TEST_GO(redirect_to_the_metadata_address_is_refused)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f = rig_get(rig, origin_url(o, "/metadata"));
	CHECK_ERROR(f, FETCH_POLICY_DENIED);
	CHECK_STR(f->resp->url_effective.href.data, "http://169.254.169.254/latest/meta-data/");
	CHECK_EQ(f->resp->hops_len, 1);
	CHECK_EQ(f->resp->status, 0);
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(redirect_bodies_cost_the_connection_at_most)
{
	struct origin *o = open_origin();
	struct rig *rig =
		rig_open(&(struct client_options){ .limits.idle_timeout_ns = 100 * MILLISECOND });
	check_get(rig, origin_url(o, "/long-body"), FETCH_OK, 200, "hi");
	check_get(rig, origin_url(o, "/cut-body"), FETCH_OK, 200, "hi");
	rig_close(rig);
	origin_close(o);
}

/* Answers every request with a redirect to what `user` says. */
static void play_to(struct peer *p)
{
	char answer[512];
	while (peer_read_head(p)) {
		snprintf(answer, sizeof(answer),
			 "HTTP/1.1 302 Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
			 (const char *)p->origin->options.user);
		peer_say(p, answer);
	}
}

TEST_GO(redirect_to_another_origin_drops_credentials_for_good)
{
	struct origin *last = open_origin();
	char back[256], request[4096];
	origin_url_at(last, "localhost", "/ok", back, sizeof(back));
	struct origin *first =
		origin_open(&(struct origin_options){ .play = play_to, .user = back });
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fields fields = { 0 };
	CHECK_OK(fields_add(&fields, STR("authorization"), STR("Bearer x")));
	CHECK_OK(fields_add(&fields, STR("Cookie"), STR("a=b")));
	CHECK_OK(fields_add(&fields, STR("X-Kept"), STR("yes")));
	struct fetched *f =
		rig_fetch(rig, context_background(), "GET", origin_url(first, "/"), &fields);
	CHECK_ERROR(f, FETCH_OK);
	origin_last_request(first, request);
	CHECK(strcasestr(request, "authorization: Bearer x") && strcasestr(request, "cookie: a=b"));
	origin_last_request(last, request);
	CHECK(!strcasestr(request, "authorization") && !strcasestr(request, "cookie"));
	CHECK(strcasestr(request, "x-kept: yes"));
	fetched_free(f);
	fields_done(&fields);
	rig_close(rig);
	origin_close(first);
	origin_close(last);
}

/* The client's word, or the request's. */
static void check_https_to_http(bool client, bool request, enum fetch_error want)
{
	struct certs *certs = certs_new();
	SSL_CTX *ctx = certs_server(certs, &(struct cert){ 0 });
	struct origin *plain = open_origin();
	char to[256], head[4096];
	origin_url_at(plain, "127.0.0.1", "/ok", to, sizeof(to));
	struct origin *o =
		origin_open(&(struct origin_options){ .play = play_to, .user = to, .tls = ctx });
	struct rig *rig = rig_open(&(struct client_options){ .tls = { .ca_file = certs->ca_file },
							     .https_to_http = client });
	struct fetched *f = fetched_new();
	struct fetch_request req = {
		.method = STR("GET"),
		.https_to_http = request,
		.auth = { .kind = FETCH_AUTH_BEARER, .token = STR("x") },
	};
	fetched_run(f, rig, context_background(), &req, origin_url(o, "/"));
	CHECK_ERROR(f, want);
	CHECK_EQ(f->resp->status, want ? 302 : 200);
	CHECK_EQ(f->resp->hops_len, want ? 0 : 1);
	CHECK_EQ(plain->requests, want ? 0 : 1);
	origin_last_request(o, head);
	CHECK(strstr(head, "Authorization: Bearer x"));
	origin_last_request(plain, head);
	CHECK(!strstr(head, "Authorization"));
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
	origin_close(plain);
	SSL_CTX_free(ctx);
	certs_free(certs);
}

TEST_GO(redirect_from_https_to_http_is_refused_unless_allowed)
{
	check_https_to_http(false, false, FETCH_REDIRECT_REFUSED);
	check_https_to_http(true, false, FETCH_OK);
	check_https_to_http(false, true, FETCH_OK);
}
