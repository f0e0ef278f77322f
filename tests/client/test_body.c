/* SPDX-License-Identifier: MIT
 *
 * test_body: bodies of requests: in one piece, in blocks and in chunks; sources that fail; servers that
 * answer before they have it all; Expect; and what redirects and retries do with a body.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "src/common/buf.h"
#include "src/common/cleanup.h"
#include "tests/client/certs.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

/* --- An origin that gives back what it got --- */

static bool read_exactly(struct peer *p, struct buf *to, size_t len)
{
	CHECK_OK(buf_reserve(to, len));
	for (size_t left = len; left > 0;) {
		ssize_t n = peer_read(p, to->data + to->len, left);
		if (n <= 0)
			return false;
		to->len += (size_t)n;
		left -= (size_t)n;
	}
	return true;
}

static bool read_line(struct peer *p, char *line, size_t size)
{
	for (size_t len = 0; len + 1 < size; len++) {
		if (peer_read(p, line + len, 1) <= 0)
			return false;
		line[len + 1] = '\0';
		if (len > 0 && line[len - 1] == '\r' && line[len] == '\n')
			return true;
	}
	return false;
}

static bool read_chunked(struct peer *p, struct buf *to)
{
	char line[64];
	for (;;) {
		if (!read_line(p, line, sizeof(line)))
			return false;
		size_t len = strtoul(line, NULL, 16);
		if (len > 0 && !read_exactly(p, to, len))
			return false;
		if (!read_line(p, line, sizeof(line)))
			return false;
		if (len == 0)
			return true;
	}
}

static bool read_body(struct peer *p, struct buf *to)
{
	const char *length = strstr(p->request, "\r\nContent-Length: ");
	if (strstr(p->request, "\r\nTransfer-Encoding: chunked\r\n"))
		return read_chunked(p, to);
	return !length || read_exactly(p, to, strtoul(length + 18, NULL, 10));
}

static void answer(struct peer *p, const char *status, struct str body)
{
	cleanup(buf_done) struct buf b = { 0 };
	buf_printf(&b, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status, body.len);
	buf_append_str(&b, body);
	peer_write(p, b.data, b.len);
}

static void play_echo(struct peer *p)
{
	while (peer_read_head(p)) {
		cleanup(buf_done) struct buf body = { 0 };
		if (!read_body(p, &body))
			return;
		answer(p, "200 OK", buf_str(&body));
	}
}

/* --- Requests --- */

struct world {
	struct certs *certs;
	SSL_CTX *ctx;
	struct origin *origin;
	struct rig *rig;
};

static void world_open(struct world *w, void (*play)(struct peer *p), bool tls)
{
	*w = (struct world){ 0 };
	if (tls) {
		w->certs = certs_new();
		w->ctx = certs_server(w->certs, &(struct cert){ 0 });
	}
	w->origin = origin_open(&(struct origin_options){ .play = play, .tls = w->ctx });
	w->rig = rig_open(
		&(struct client_options){ .tls = { .ca_file = tls ? w->certs->ca_file : NULL } });
}

static void world_close(struct world *w)
{
	rig_close(w->rig);
	origin_close(w->origin);
	SSL_CTX_free(w->ctx);
	if (w->certs)
		certs_free(w->certs);
}

static struct fetched *run(struct world *w, struct fetch_request req, const char *path)
{
	struct fetched *f = fetched_new();
	fetched_run(f, w->rig, context_background(), &req, origin_url(w->origin, path));
	return f;
}

static struct buf noise(size_t len)
{
	struct buf b = { 0 };
	CHECK_OK(buf_reserve(&b, len));
	for (uint32_t i = 0; i < len; i++)
		b.data[i] = (char)('a' + i * 2654435761u % 26);
	b.len = len;
	return b;
}

static void check_echo(struct world *w, struct body_source *source, struct str want)
{
	struct fetched *f =
		run(w, (struct fetch_request){ .method = STR("PUT"), .body = source }, "/");
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->len, want.len);
	CHECK_MEM(f->body, want.len ? want.data : "", want.len);
	fetched_free(f);
}

static void check_head_has(struct world *w, const char *line, bool has)
{
	char head[4096];
	origin_last_request(w->origin, head);
	if ((strstr(head, line) != NULL) != has)
		test_fail("\"%s\" %s in:\n%s", line, has ? "missing" : "stands", head);
}

static const size_t sizes[] = { 0, 1, 16384, 16385, 100000, 3 << 20 };

TEST_GO(body_of_known_length_goes_out_whole)
{
	for (int tls = 0; tls < 2; tls++) {
		struct world w;
		world_open(&w, play_echo, tls);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			cleanup(buf_done) struct buf data = noise(sizes[i]);
			struct body_bytes body = body_of_bytes(buf_str(&data));
			char line[64];
			check_echo(&w, &body.source, buf_str(&data));
			snprintf(line, sizeof(line), "\r\nContent-Length: %zu\r\n", sizes[i]);
			check_head_has(&w, line, true);
		}
		CHECK_EQ(w.origin->connections, 1);
		world_close(&w);
	}
}

/* Gives pieces of odd sizes, and doesn't say how much in all. */
struct dribble {
	struct body_source source;
	struct str left;
	size_t piece;
	int end; /* what comes instead of the end */
};

static ssize_t dribble_read(struct body_source *s, void *buf, size_t size)
{
	struct dribble *d = CONTAINER_OF(s, struct dribble, source);
	d->piece = d->piece * 7 % 20011 + 1;
	struct str part = str_slice(d->left, 0, d->piece < size ? d->piece : size);
	if (part.len == 0)
		return d->end;
	memcpy(buf, part.data, part.len);
	d->left = str_slice(d->left, part.len, SIZE_MAX);
	return (ssize_t)part.len;
}

static struct dribble dribble_of(struct str s, int64_t len)
{
	return (struct dribble){ .source = { .len = len, .read = dribble_read },
				 .left = s,
				 .piece = 1 };
}

TEST_GO(body_of_unknown_length_goes_out_in_chunks)
{
	for (int tls = 0; tls < 2; tls++) {
		struct world w;
		world_open(&w, play_echo, tls);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			cleanup(buf_done) struct buf data = noise(sizes[i]);
			struct dribble d = dribble_of(buf_str(&data), BODY_UNKNOWN_LENGTH);
			check_echo(&w, &d.source, buf_str(&data));
			check_head_has(&w, "\r\nTransfer-Encoding: chunked\r\n", true);
			check_head_has(&w, "\r\nContent-Length:", false);
		}
		CHECK_EQ(w.origin->connections, 1);
		world_close(&w);
	}
}

TEST_GO(body_comes_from_a_file)
{
	struct world w;
	char path[300];
	world_open(&w, play_echo, false);
	cleanup(buf_done) struct buf data = noise(200000);
	snprintf(path, sizeof(path), "%s/body", test_dir());
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_EQ(write(fd, data.data, data.len), data.len);
	struct body_file body;
	CHECK_OK(body_of_file(fd, &body));
	check_echo(&w, &body.source, buf_str(&data));
	CHECK_OK(body.source.rewind(&body.source));
	check_echo(&w, &body.source, buf_str(&data));
	int pipes[2];
	CHECK_OK(pipe2(pipes, O_CLOEXEC));
	CHECK_EQ(body_of_file(pipes[0], &body), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
	world_close(&w);
}

TEST_GO(body_none_is_told_where_one_is_usual)
{
	struct world w;
	world_open(&w, play_echo, false);
	static const struct {
		struct str method;
		bool told;
	} methods[] = { { STR_INIT("POST"), true },    { STR_INIT("PUT"), true },
			{ STR_INIT("PATCH"), true },   { STR_INIT("GET"), false },
			{ STR_INIT("DELETE"), false }, { STR_INIT("BREW"), false } };
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		struct fetched *f =
			run(&w, (struct fetch_request){ .method = methods[i].method }, "/");
		CHECK_ERROR(f, FETCH_OK);
		check_head_has(&w, "\r\nContent-Length: 0\r\n", methods[i].told);
		fetched_free(f);
	}
	world_close(&w);
}

/* --- Sources that fail --- */

static void check_source_fails(int64_t len, size_t has, int end, const char *detail)
{
	struct world w;
	world_open(&w, play_echo, false);
	cleanup(buf_done) struct buf data = noise(has);
	struct dribble d = dribble_of(buf_str(&data), len);
	d.end = end;
	struct fetched *f =
		run(&w, (struct fetch_request){ .method = STR("PUT"), .body = &d.source }, "/");
	CHECK_ERROR(f, FETCH_BODY_SOURCE);
	if (!strstr(f->resp->detail, detail))
		test_fail("want \"%s\" in \"%s\"", detail, f->resp->detail);
	fetched_free(f);
	struct body_bytes good = body_of_bytes(STR("fine"));
	check_echo(&w, &good.source, STR("fine")); /* on another connection */
	world_close(&w);
}

TEST_GO(body_whose_source_fails_ends_the_request)
{
	check_source_fails(100, 50, -EIO, "Input/output error");
	check_source_fails(100000, 50000, -EIO, "Input/output error");
	check_source_fails(BODY_UNKNOWN_LENGTH, 50000, -EIO, "Input/output error");
}

TEST_GO(body_whose_source_lies_about_its_length_ends_the_request)
{
	check_source_fails(100, 50, 0, "ends 50 bytes before its length");
	check_source_fails(50, 100, 0, "is longer than its length");
	check_source_fails(100000, 99999, 0, "ends before its length");
	check_source_fails(100000, 100001, 0, "is longer than its length");
}

/* --- Answers that don't wait for the body --- */

#define LARGE (32 << 20) /* more than sockets hold */

/* Answers, and reads nothing more. */
static void play_refuse(struct peer *p)
{
	if (!peer_read_head(p))
		return;
	answer(p, "413 Content Too Large", STR("no"));
	while (atomic_load(&p->origin->connections) < 2) /* until the client has gone elsewhere */
		goroutine_sleep(MILLISECOND);
}

static void play_refuse_once(struct peer *p)
{
	if (p->number == 1)
		play_refuse(p);
	else
		play_echo(p);
}

TEST_GO(body_is_cut_short_by_an_answer)
{
	for (int tls = 0; tls < 2; tls++) {
		struct world w;
		world_open(&w, play_refuse_once, tls);
		cleanup(buf_done) struct buf data = noise(LARGE);
		struct body_bytes body = body_of_bytes(buf_str(&data));
		struct fetched *f = run(
			&w, (struct fetch_request){ .method = STR("PUT"), .body = &body.source },
			"/");
		CHECK_ERROR(f, FETCH_OK);
		CHECK_EQ(f->resp->status, 413);
		CHECK_STR(f->body, "no");
		fetched_free(f);
		struct body_bytes good = body_of_bytes(STR("fine"));
		check_echo(&w, &good.source, STR("fine"));
		CHECK_EQ(w.origin->connections, 2);
		world_close(&w);
	}
}

#define HINTS "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

/* Says something before it reads, and between, that is no answer. */
static bool hint(struct peer *p, struct buf *body)
{
	size_t len = strtoul(strstr(p->request, "\r\nContent-Length: ") + 18, NULL, 10);
	peer_say(p, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 10");
	if (!read_exactly(p, body, len / 4))
		return false;
	peer_say(p, "2 Processing\r\n\r\n" HINTS);
	if (!read_exactly(p, body, len / 4))
		return false;
	if (strncmp(p->request, "PUT /no ", 8) == 0) {
		peer_say(p, HINTS);
		answer(p, "413 Content Too Large", STR("no"));
		while (peer_read(p, body->data, body->cap) > 0)
			;
		return false;
	}
	if (!read_exactly(p, body, len - len / 4 * 2))
		return false;
	answer(p, "200 OK", STR("all"));
	return true;
}

static void play_hint(struct peer *p)
{
	bool more = true;
	while (more && peer_read_head(p)) {
		cleanup(buf_done) struct buf body = { 0 };
		more = hint(p, &body);
	}
}

static void check_hinted(struct world *w, const char *path, unsigned status, const char *want)
{
	cleanup(buf_done) struct buf data = noise(LARGE);
	struct body_bytes body = body_of_bytes(buf_str(&data));
	struct fetched *f =
		run(w, (struct fetch_request){ .method = STR("PUT"), .body = &body.source }, path);
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->resp->status, status);
	CHECK_STR(f->body, want);
	CHECK(f->resp->t.first_byte > 0 && f->resp->t.first_byte <= f->resp->t.done);
	fetched_free(f);
}

TEST_GO(body_goes_on_after_an_informational_answer)
{
	for (int tls = 0; tls < 2; tls++) {
		struct world w;
		world_open(&w, play_hint, tls);
		check_hinted(&w, "/", 200, "all");
		check_hinted(&w, "/", 200, "all");
		check_hinted(&w, "/no", 413, "no");
		CHECK_EQ(w.origin->connections, 1);
		world_close(&w);
	}
}

static void play_leave(struct peer *p)
{
	char some[1000];
	if (peer_read_head(p))
		(void)!peer_read(p, some, sizeof(some));
}

static void play_never_read(struct peer *p)
{
	if (peer_read_head(p))
		while (atomic_load(&p->origin->open) > 0 &&
		       !context_err(errgroup_context(p->origin->group)))
			goroutine_sleep(5 * MILLISECOND);
}

TEST_GO(body_nobody_takes_is_an_error)
{
	cleanup(buf_done) struct buf data = noise(LARGE);
	struct world w;
	world_open(&w, play_leave, false);
	struct body_bytes body = body_of_bytes(buf_str(&data));
	struct fetched *f =
		run(&w, (struct fetch_request){ .method = STR("POST"), .body = &body.source }, "/");
	CHECK(f->error == FETCH_RESET || f->error == FETCH_CLOSED_EARLY);
	fetched_free(f);
	world_close(&w);
	world_open(&w, play_never_read, false);
	body = body_of_bytes(buf_str(&data));
	f = run(&w,
		(struct fetch_request){ .method = STR("POST"),
					.body = &body.source,
					.limits.idle_timeout_ns = 50 * MILLISECOND },
		"/");
	CHECK_ERROR(f, FETCH_SEND_FAILED);
	CHECK_STR(f->resp->detail, "sending the request");
	fetched_free(f);
	body = body_of_bytes(buf_str(&data));
	f = run(&w,
		(struct fetch_request){ .method = STR("POST"),
					.body = &body.source,
					.limits.total_timeout_ns = 50 * MILLISECOND },
		"/");
	CHECK_ERROR(f, FETCH_TOTAL_TIMEOUT);
	fetched_free(f);
	world_close(&w);
}

/* --- Expect --- */

static void play_expect(struct peer *p)
{
	while (peer_read_head(p)) {
		cleanup(buf_done) struct buf body = { 0 };
		CHECK(strstr(p->request, "\r\nExpect: 100-continue\r\n") != NULL);
		if (strncmp(p->request, "PUT /yes ", 9) == 0)
			peer_say(p, "HTTP/1.1 100 Continue\r\n\r\n");
		if (strncmp(p->request, "PUT /no ", 8) == 0) {
			answer(p, "401 Unauthorized", STR("who are you?"));
			char byte;
			CHECK(peer_read(p, &byte, 1) <= 0); /* not a byte of the body */
			return;
		}
		if (!read_body(p, &body))
			return;
		answer(p, "200 OK", buf_str(&body));
	}
}

static void check_expect(struct world *w, const char *path, unsigned status, const char *want)
{
	struct body_bytes body = body_of_bytes(STR("the body"));
	struct fetched *f =
		run(w,
		    (struct fetch_request){
			    .method = STR("PUT"), .body = &body.source, .expect_continue = true },
		    path);
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->resp->status, status);
	CHECK_STR(f->body, want);
	fetched_free(f);
}

TEST_GO(body_waits_for_continue_when_it_is_to)
{
	struct world w;
	world_open(&w, play_expect, false);
	check_expect(&w, "/yes", 200, "the body");
	check_expect(&w, "/silence", 200, "the body"); /* after a second */
	check_expect(&w, "/no", 401, "who are you?");
	check_expect(&w, "/yes", 200, "the body");
	CHECK_EQ(w.origin->connections, 2);
	world_close(&w);
}

static size_t drained; /* how much of the body had come by the last drain */

static int note_drain(struct body_sink *s)
{
	drained = CONTAINER_OF(s, struct fetched, sink)->len;
	return 0;
}

TEST_GO(body_made_unnecessary_leaves_the_answer_to_be_drained)
{
	struct world w;
	world_open(&w, play_expect, false);
	struct body_bytes body = body_of_bytes(STR("the body"));
	struct fetched *f = fetched_new();
	struct fetch_request req = { .method = STR("PUT"),
				     .body = &body.source,
				     .expect_continue = true };
	f->sink.drain = note_drain;
	fetched_run(f, w.rig, context_background(), &req, origin_url(w.origin, "/no"));
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(drained, strlen("who are you?"));
	fetched_free(f);
	world_close(&w);
}

/* --- Redirects and retries --- */

static void play_redirect(struct peer *p)
{
	while (peer_read_head(p)) {
		cleanup(buf_done) struct buf body = { 0 };
		int status;
		if (!read_body(p, &body))
			return;
		if (sscanf(p->request, "%*s /%d", &status) == 1) {
			char head[128];
			snprintf(head, sizeof(head),
				 "HTTP/1.1 %d Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
				 status);
			peer_say(p, head);
			continue;
		}
		answer(p, strncmp(p->request, "GET", 3) == 0 ? "203 Got" : "200 OK",
		       buf_str(&body));
	}
}

TEST_GO(body_follows_a_redirect_that_keeps_the_method)
{
	struct world w;
	struct fields fields = { 0 };
	CHECK_OK(fields_add(&fields, STR("content-type"), STR("text/plain")));
	CHECK_OK(fields_add(&fields, STR("X-Else"), STR("1")));
	world_open(&w, play_redirect, false);
	static const struct {
		const char *path;
		bool kept;
	} cases[] = { { "/307", true },
		      { "/308", true },
		      { "/301", false },
		      { "/302", false },
		      { "/303", false } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct body_bytes body = body_of_bytes(STR("the body"));
		struct fetched *f = run(&w,
					(struct fetch_request){ .method = STR("POST"),
								.fields = &fields,
								.body = &body.source },
					cases[i].path);
		CHECK_ERROR(f, FETCH_OK);
		CHECK_EQ(f->resp->status, cases[i].kept ? 200 : 203);
		CHECK_STR(f->body, cases[i].kept ? "the body" : "");
		check_head_has(&w, "\r\ncontent-type: ", cases[i].kept);
		check_head_has(&w, "\r\nContent-Length: ", cases[i].kept);
		check_head_has(&w, "\r\nX-Else: 1\r\n", true);
		fetched_free(f);
	}
	struct dribble d = dribble_of(STR("once"), BODY_UNKNOWN_LENGTH);
	struct fetched *f =
		run(&w, (struct fetch_request){ .method = STR("POST"), .body = &d.source }, "/307");
	CHECK_ERROR(f, FETCH_BODY_SPENT);
	fetched_free(f);
	fields_done(&fields);
	world_close(&w);
}

static void play_stale(struct peer *p)
{
	for (int n = 1; peer_read_head(p); n++) {
		cleanup(buf_done) struct buf body = { 0 };
		if ((p->number == 1 && n == 2) || !read_body(p, &body))
			return;
		answer(p, "200 OK", buf_str(&body));
	}
}

TEST_GO(body_goes_out_again_when_its_connection_was_stale)
{
	struct world w;
	world_open(&w, play_stale, false);
	struct body_bytes first = body_of_bytes(STR("first"));
	check_echo(&w, &first.source, STR("first"));
	struct body_bytes second = body_of_bytes(STR("second"));
	check_echo(&w, &second.source, STR("second"));
	CHECK_EQ(w.origin->connections, 2);
	world_close(&w);
	world_open(&w, play_stale, false);
	first = body_of_bytes(STR("first"));
	check_echo(&w, &first.source, STR("first"));
	struct dribble d = dribble_of(STR("once"), BODY_UNKNOWN_LENGTH);
	struct fetched *f =
		run(&w, (struct fetch_request){ .method = STR("PUT"), .body = &d.source }, "/");
	CHECK(f->error != FETCH_OK);
	CHECK_EQ(w.origin->connections, 1);
	fetched_free(f);
	world_close(&w);
}

TEST_GO(body_fields_that_the_caller_calls_sensitive_stay_at_the_first_origin)
{
	struct world w;
	struct fields fields = { 0 };
	char location[256];
	CHECK_OK(fields_add(&fields, STR("X-Token"), STR("secret")));
	world_open(&w, play_echo, false);
	snprintf(location, sizeof(location),
		 "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
		 origin_url(w.origin, "/"));
	const struct reply replies[] = { REPLY("/away", location), NO_MORE_REPLIES };
	struct origin *first = origin_open(&(struct origin_options){ .replies = replies });
	for (int sensitive = 0; sensitive < 2; sensitive++) {
		struct fetch_request req = { .method = STR("GET"), .fields = &fields };
		if (sensitive)
			req.sensitive = STR("a, x-token");
		struct fetched *f = fetched_new();
		fetched_run(f, w.rig, context_background(), &req, origin_url(first, "/away"));
		CHECK_ERROR(f, FETCH_OK);
		check_head_has(&w, "\r\nX-Token: secret\r\n", !sensitive);
		fetched_free(f);
	}
	origin_close(first);
	fields_done(&fields);
	world_close(&w);
}
