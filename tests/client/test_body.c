/* SPDX-License-Identifier: MIT
 *
 * test_body: bodies of requests: in one piece, in blocks and in chunks; sources that fail; and what
 * redirects and retries do with a body.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/common/cleanup.h"
#include "tests/client/upload.h"

static const size_t sizes[] = { 0, 1, 16384, 16385, 100000, 3 << 20 };

TEST_GO(body_of_known_length_goes_out_whole)
{
	for (int tls = 0; tls < 2; tls++) {
		struct upload w;
		upload_open(&w, upload_echo, tls);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			cleanup(buf_done) struct buf data = upload_noise(sizes[i]);
			struct body_bytes body = body_of_bytes(buf_str(&data));
			char line[64];
			check_upload_echo(&w, &body.source, buf_str(&data));
			snprintf(line, sizeof(line), "\r\nContent-Length: %zu\r\n", sizes[i]);
			check_head_has(&w, line, true);
		}
		CHECK_EQ(w.origin->connections, 1);
		upload_close(&w);
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
		struct upload w;
		upload_open(&w, upload_echo, tls);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			cleanup(buf_done) struct buf data = upload_noise(sizes[i]);
			struct dribble d = dribble_of(buf_str(&data), BODY_UNKNOWN_LENGTH);
			check_upload_echo(&w, &d.source, buf_str(&data));
			check_head_has(&w, "\r\nTransfer-Encoding: chunked\r\n", true);
			check_head_has(&w, "\r\nContent-Length:", false);
		}
		CHECK_EQ(w.origin->connections, 1);
		upload_close(&w);
	}
}

TEST_GO(body_comes_from_a_file)
{
	struct upload w;
	char path[300];
	upload_open(&w, upload_echo, false);
	cleanup(buf_done) struct buf data = upload_noise(200000);
	snprintf(path, sizeof(path), "%s/body", test_dir());
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK_EQ(write(fd, data.data, data.len), data.len);
	struct body_file body;
	CHECK_OK(body_of_file(fd, &body));
	check_upload_echo(&w, &body.source, buf_str(&data));
	CHECK_OK(body.source.rewind(&body.source));
	check_upload_echo(&w, &body.source, buf_str(&data));
	int pipes[2];
	CHECK_OK(pipe2(pipes, O_CLOEXEC));
	CHECK_EQ(body_of_file(pipes[0], &body), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
	upload_close(&w);
}

TEST_GO(body_none_is_told_where_one_is_usual)
{
	struct upload w;
	upload_open(&w, upload_echo, false);
	static const struct {
		struct str method;
		bool told;
	} methods[] = { { STR_INIT("POST"), true },    { STR_INIT("PUT"), true },
			{ STR_INIT("PATCH"), true },   { STR_INIT("GET"), false },
			{ STR_INIT("DELETE"), false }, { STR_INIT("BREW"), false } };
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		struct fetched *f =
			upload_run(&w, (struct fetch_request){ .method = methods[i].method }, "/");
		CHECK_ERROR(f, FETCH_OK);
		check_head_has(&w, "\r\nContent-Length: 0\r\n", methods[i].told);
		fetched_free(f);
	}
	upload_close(&w);
}

/* --- Sources that fail --- */

static void check_source_fails(int64_t len, size_t has, int end, const char *detail)
{
	struct upload w;
	upload_open(&w, upload_echo, false);
	cleanup(buf_done) struct buf data = upload_noise(has);
	struct dribble d = dribble_of(buf_str(&data), len);
	d.end = end;
	struct fetched *f = upload_run(
		&w, (struct fetch_request){ .method = STR("PUT"), .body = &d.source }, "/");
	CHECK_ERROR(f, FETCH_BODY_SOURCE);
	if (!strstr(f->resp->detail, detail))
		test_fail("want \"%s\" in \"%s\"", detail, f->resp->detail);
	fetched_free(f);
	struct body_bytes good = body_of_bytes(STR("fine"));
	check_upload_echo(&w, &good.source, STR("fine")); /* on another connection */
	upload_close(&w);
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

/* --- Redirects and retries --- */

static void play_redirect(struct peer *p)
{
	while (peer_read_head(p)) {
		cleanup(buf_done) struct buf body = { 0 };
		int status;
		if (!upload_read_body(p, &body))
			return;
		if (sscanf(p->request, "%*s /%d", &status) == 1) {
			char head[128];
			snprintf(head, sizeof(head),
				 "HTTP/1.1 %d Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
				 status);
			peer_say(p, head);
			continue;
		}
		upload_answer(p, strncmp(p->request, "GET", 3) == 0 ? "203 Got" : "200 OK",
			      buf_str(&body));
	}
}

TEST_GO(body_follows_a_redirect_that_keeps_the_method)
{
	struct upload w;
	struct fields fields = { 0 };
	CHECK_OK(fields_add(&fields, STR("content-type"), STR("text/plain")));
	CHECK_OK(fields_add(&fields, STR("X-Else"), STR("1")));
	upload_open(&w, play_redirect, false);
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
		struct fetched *f = upload_run(&w,
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
	struct fetched *f = upload_run(
		&w, (struct fetch_request){ .method = STR("POST"), .body = &d.source }, "/307");
	CHECK_ERROR(f, FETCH_BODY_SPENT);
	fetched_free(f);
	fields_done(&fields);
	upload_close(&w);
}

static void play_stale(struct peer *p)
{
	for (int n = 1; peer_read_head(p); n++) {
		cleanup(buf_done) struct buf body = { 0 };
		if ((p->number == 1 && n == 2) || !upload_read_body(p, &body))
			return;
		upload_answer(p, "200 OK", buf_str(&body));
	}
}

TEST_GO(body_goes_out_again_when_its_connection_was_stale)
{
	struct upload w;
	upload_open(&w, play_stale, false);
	struct body_bytes first = body_of_bytes(STR("first"));
	check_upload_echo(&w, &first.source, STR("first"));
	struct body_bytes second = body_of_bytes(STR("second"));
	check_upload_echo(&w, &second.source, STR("second"));
	CHECK_EQ(w.origin->connections, 2);
	upload_close(&w);
	upload_open(&w, play_stale, false);
	first = body_of_bytes(STR("first"));
	check_upload_echo(&w, &first.source, STR("first"));
	struct dribble d = dribble_of(STR("once"), BODY_UNKNOWN_LENGTH);
	struct fetched *f = upload_run(
		&w, (struct fetch_request){ .method = STR("PUT"), .body = &d.source }, "/");
	CHECK(f->error != FETCH_OK);
	CHECK_EQ(w.origin->connections, 1);
	fetched_free(f);
	upload_close(&w);
}

/* A body that can't begin again, and whose beginning nobody has seen: it waits for a 100. */
static struct fetched *put_untouched(struct upload *w, struct dribble *d, const char *path)
{
	return upload_run(w,
			  (struct fetch_request){ .method = STR("PUT"),
						  .body = &d->source,
						  .expect_continue = true },
			  path);
}

/* The first connection ends at its second request's head. */
static void play_stale_to_expect(struct peer *p)
{
	for (int n = 1; peer_read_head(p); n++) {
		cleanup(buf_done) struct buf body = { 0 };
		if (p->number == 1 && n == 2)
			return;
		if (strstr(p->request, "\r\nExpect: "))
			peer_say(p, "HTTP/1.1 100 Continue\r\n\r\n");
		if (!upload_read_body(p, &body))
			return;
		upload_answer(p, "200 OK", buf_str(&body));
	}
}

TEST_GO(body_that_was_not_touched_needs_no_rewinding_when_its_connection_was_stale)
{
	struct upload w;
	upload_open(&w, play_stale_to_expect, false);
	struct body_bytes first = body_of_bytes(STR("first"));
	check_upload_echo(&w, &first.source, STR("first"));
	struct dribble d = dribble_of(STR("once"), BODY_UNKNOWN_LENGTH);
	struct fetched *f = put_untouched(&w, &d, "/");
	CHECK_ERROR(f, FETCH_OK);
	CHECK_STR(f->body, "once");
	CHECK_EQ(w.origin->connections, 2);
	fetched_free(f);
	upload_close(&w);
}

static void play_redirect_to_expect(struct peer *p)
{
	while (peer_read_head(p)) {
		cleanup(buf_done) struct buf body = { 0 };
		if (strncmp(p->request, "PUT /from ", 10) == 0) {
			peer_say(p,
				 "HTTP/1.1 308 Go\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n");
			return;
		}
		peer_say(p, "HTTP/1.1 100 Continue\r\n\r\n");
		if (!upload_read_body(p, &body))
			return;
		upload_answer(p, "200 OK", buf_str(&body));
	}
}

TEST_GO(body_that_was_not_touched_follows_a_redirect)
{
	struct upload w;
	upload_open(&w, play_redirect_to_expect, false);
	struct dribble d = dribble_of(STR("once"), BODY_UNKNOWN_LENGTH);
	struct fetched *f = put_untouched(&w, &d, "/from");
	CHECK_ERROR(f, FETCH_OK);
	CHECK_STR(f->body, "once");
	CHECK_EQ(f->resp->hops_len, 1);
	fetched_free(f);
	upload_close(&w);
}

TEST_GO(body_fields_that_the_caller_calls_sensitive_stay_at_the_first_origin)
{
	struct upload w;
	struct fields fields = { 0 };
	char location[256];
	CHECK_OK(fields_add(&fields, STR("X-Token"), STR("secret")));
	upload_open(&w, upload_echo, false);
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
	upload_close(&w);
}
