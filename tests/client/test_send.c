/* SPDX-License-Identifier: MIT
 *
 * test_send: what a server says while a request's body goes out, or before: answers, informational ones,
 * nothing at all; and Expect.
 */
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "src/common/cleanup.h"
#include "tests/client/upload.h"

/* --- Answers that don't wait for the body --- */

#define LARGE (32 << 20) /* more than sockets hold */

/* Answers, and reads nothing more. */
static void play_refuse(struct peer *p)
{
	if (!peer_read_head(p))
		return;
	upload_answer(p, "413 Content Too Large", STR("no"));
	while (atomic_load(&p->origin->connections) < 2) /* until the client has gone elsewhere */
		goroutine_sleep(MILLISECOND);
}

static void play_refuse_once(struct peer *p)
{
	if (p->number == 1)
		play_refuse(p);
	else
		upload_echo(p);
}

TEST_GO(send_body_is_cut_short_by_an_answer)
{
	for (int tls = 0; tls < 2; tls++) {
		struct upload w;
		upload_open(&w, play_refuse_once, tls);
		cleanup(buf_done) struct buf data = upload_noise(LARGE);
		struct body_bytes body = body_of_bytes(buf_str(&data));
		struct fetched *f = upload_run(
			&w, (struct fetch_request){ .method = STR("PUT"), .body = &body.source },
			"/");
		CHECK_ERROR(f, FETCH_OK);
		CHECK_EQ(f->resp->status, 413);
		CHECK_STR(f->body, "no");
		fetched_free(f);
		struct body_bytes good = body_of_bytes(STR("fine"));
		check_upload_echo(&w, &good.source, STR("fine"));
		CHECK_EQ(w.origin->connections, 2);
		upload_close(&w);
	}
}

#define HINTS "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

/* Says something before it reads, and between, that is no answer. */
static bool hint(struct peer *p, struct buf *body)
{
	size_t len = strtoul(strstr(p->request, "\r\nContent-Length: ") + 18, NULL, 10);
	peer_say(p, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 10");
	if (!upload_read(p, body, len / 4))
		return false;
	peer_say(p, "2 Processing\r\n\r\n" HINTS);
	if (!upload_read(p, body, len / 4))
		return false;
	if (strncmp(p->request, "PUT /no ", 8) == 0) {
		peer_say(p, HINTS);
		upload_answer(p, "413 Content Too Large", STR("no"));
		while (peer_read(p, body->data, body->cap) > 0)
			;
		return false;
	}
	if (!upload_read(p, body, len - len / 4 * 2))
		return false;
	upload_answer(p, "200 OK", STR("all"));
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

static void check_hinted(struct upload *w, const char *path, unsigned status, const char *want)
{
	cleanup(buf_done) struct buf data = upload_noise(LARGE);
	struct body_bytes body = body_of_bytes(buf_str(&data));
	struct fetched *f = upload_run(
		w, (struct fetch_request){ .method = STR("PUT"), .body = &body.source }, path);
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->resp->status, status);
	CHECK_STR(f->body, want);
	CHECK(f->resp->t.first_byte > 0 && f->resp->t.first_byte <= f->resp->t.done);
	fetched_free(f);
}

TEST_GO(send_body_goes_on_after_an_informational_answer)
{
	for (int tls = 0; tls < 2; tls++) {
		struct upload w;
		upload_open(&w, play_hint, tls);
		check_hinted(&w, "/", 200, "all");
		check_hinted(&w, "/", 200, "all");
		check_hinted(&w, "/no", 413, "no");
		CHECK_EQ(w.origin->connections, 1);
		upload_close(&w);
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

TEST_GO(send_body_nobody_takes_is_an_error)
{
	cleanup(buf_done) struct buf data = upload_noise(LARGE);
	struct upload w;
	upload_open(&w, play_leave, false);
	struct body_bytes body = body_of_bytes(buf_str(&data));
	struct fetched *f = upload_run(
		&w, (struct fetch_request){ .method = STR("POST"), .body = &body.source }, "/");
	CHECK(f->error == FETCH_RESET || f->error == FETCH_CLOSED_EARLY);
	fetched_free(f);
	upload_close(&w);
	upload_open(&w, play_never_read, false);
	body = body_of_bytes(buf_str(&data));
	f = upload_run(&w,
		       (struct fetch_request){ .method = STR("POST"),
					       .body = &body.source,
					       .limits.idle_timeout_ns = 50 * MILLISECOND },
		       "/");
	CHECK_ERROR(f, FETCH_SEND_FAILED);
	CHECK_STR(f->resp->detail, "sending the request");
	fetched_free(f);
	body = body_of_bytes(buf_str(&data));
	f = upload_run(&w,
		       (struct fetch_request){ .method = STR("POST"),
					       .body = &body.source,
					       .limits.total_timeout_ns = 50 * MILLISECOND },
		       "/");
	CHECK_ERROR(f, FETCH_TOTAL_TIMEOUT);
	fetched_free(f);
	upload_close(&w);
}

/* Answers, and is gone before it has read what was sent: what it said is in the client's hands all the
 * same, and behind it an RST. */
static void play_answer_and_reset(struct peer *p)
{
	if (strcmp((const char *)p->origin->options.user, "after one") == 0 && p->number == 1) {
		CHECK(peer_read_head(p));
		upload_answer(p, "200 OK", STR("one"));
	}
	char some[100];
	CHECK(peer_read(p, some, sizeof(some)) > 0);
	upload_answer(p, "431 Request Header Fields Too Large", STR("too much"));
	peer_reset(p);
}

/* method and fields of the request that is too much; after: on a connection that was used before. */
static void check_answer_before_reset(bool tls, bool after, struct fetch_request req)
{
	struct upload w;
	upload_open(&w, play_answer_and_reset, tls);
	w.origin->options.user = after ? "after one" : "";
	if (after)
		check_get(w.rig, origin_url(w.origin, "/"), FETCH_OK, 200, "one");
	struct fetched *f = upload_run(&w, req, "/");
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->resp->status, 431);
	CHECK_STR(f->body, "too much");
	CHECK_EQ(f->resp->attempts, 1);
	fetched_free(f);
	CHECK_EQ(w.origin->connections, 1);
	upload_close(&w);
}

TEST_GO(send_head_that_is_cut_off_leaves_the_answer_to_be_read)
{
	cleanup(buf_done) struct buf data = upload_noise(LARGE);
	struct fields fields = { 0 };
	CHECK_OK(fields_add(&fields, STR("X-Large"), buf_str(&data)));
	for (int i = 0; i < 4; i++)
		check_answer_before_reset(
			i & 1, i & 2,
			(struct fetch_request){ .method = STR("GET"), .fields = &fields });
	fields_done(&fields);
}

TEST_GO(send_body_that_is_cut_off_leaves_the_answer_to_be_read)
{
	cleanup(buf_done) struct buf data = upload_noise(LARGE);
	for (int i = 0; i < 4; i++) {
		struct body_bytes body = body_of_bytes(buf_str(&data));
		check_answer_before_reset(
			i & 1, i & 2,
			(struct fetch_request){ .method = STR("PUT"), .body = &body.source });
	}
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
			upload_answer(p, "401 Unauthorized", STR("who are you?"));
			char byte;
			CHECK(peer_read(p, &byte, 1) <= 0); /* not a byte of the body */
			return;
		}
		if (!upload_read_body(p, &body))
			return;
		upload_answer(p, "200 OK", buf_str(&body));
	}
}

static void check_expect(struct upload *w, const char *path, unsigned status, const char *want)
{
	struct body_bytes body = body_of_bytes(STR("the body"));
	struct fetched *f = upload_run(w,
				       (struct fetch_request){ .method = STR("PUT"),
							       .body = &body.source,
							       .expect_continue = true },
				       path);
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->resp->status, status);
	CHECK_STR(f->body, want);
	fetched_free(f);
}

TEST_GO(send_body_waits_for_continue_when_it_is_to)
{
	struct upload w;
	upload_open(&w, play_expect, false);
	check_expect(&w, "/yes", 200, "the body");
	check_expect(&w, "/silence", 200, "the body"); /* after a second */
	check_expect(&w, "/no", 401, "who are you?");
	check_expect(&w, "/yes", 200, "the body");
	CHECK_EQ(w.origin->connections, 2);
	upload_close(&w);
}

/* RFC 9110 §10.1.1: no expectation without content. */
TEST_GO(send_body_of_no_bytes_is_not_waited_for)
{
	struct upload w;
	upload_open(&w, upload_echo, false);
	struct body_bytes body = body_of_bytes(STR(""));
	struct fetched *f = upload_run(&w,
				       (struct fetch_request){ .method = STR("PUT"),
							       .body = &body.source,
							       .expect_continue = true },
				       "/");
	CHECK_ERROR(f, FETCH_OK);
	check_head_has(&w, "\r\nExpect:", false);
	check_head_has(&w, "\r\nContent-Length: 0\r\n", true);
	fetched_free(f);
	upload_close(&w);
}

/* Knows no expectations. */
static void play_417(struct peer *p)
{
	while (peer_read_head(p)) {
		cleanup(buf_done) struct buf body = { 0 };
		bool never = strncmp(p->request, "PUT /never ", 11) == 0;
		if (strstr(p->request, "\r\nExpect: ")) {
			upload_answer(p, "417 Expectation Failed", STR("what?"));
			return;
		}
		if (!upload_read_body(p, &body))
			return;
		upload_answer(p, never ? "417 Expectation Failed" : "200 OK", buf_str(&body));
	}
}

static void check_417(struct upload *w, const char *path, unsigned status)
{
	struct body_bytes body = body_of_bytes(STR("the body"));
	body.source.rewind = NULL; /* there is no need: none of it has been read */
	struct fetched *f = upload_run(w,
				       (struct fetch_request){ .method = STR("PUT"),
							       .body = &body.source,
							       .expect_continue = true },
				       path);
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->resp->status, status);
	CHECK_STR(f->body, "the body");
	CHECK_EQ(f->begins, 1);
	CHECK_EQ(f->resp->size_body, 8);
	fetched_free(f);
}

TEST_GO(send_body_expects_nothing_of_a_server_that_refuses_to)
{
	struct upload w;
	upload_open(&w, play_417, false);
	check_417(&w, "/", 200);
	check_417(&w, "/never", 417);
	upload_close(&w);
}

static size_t drained; /* how much of the body had come by the last drain */

static int note_drain(struct body_sink *s)
{
	drained = CONTAINER_OF(s, struct fetched, sink)->len;
	return 0;
}

TEST_GO(send_body_made_unnecessary_leaves_the_answer_to_be_drained)
{
	struct upload w;
	upload_open(&w, play_expect, false);
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
	upload_close(&w);
}
