/* SPDX-License-Identifier: MIT
 *
 * test_message: what the parser makes of sound messages, of their ends and limits. Each play() is
 * whole, byte by byte, and cut everywhere.
 */
#include <stdlib.h>

#include "tests/harness.h"
#include "tests/http/play.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

TEST(message_response_with_length)
{
	CHECK_STR(response(OK_HEAD "Content-Length: 5\r\n\r\nhello"),
		  "200 1.1 length=5 [Content-Length: 5] 'hello' keep done");
}

TEST(message_response_of_length_zero_is_done_at_its_head)
{
	CHECK_STR(response(OK_HEAD "Content-Length: 0\r\n\r\n"),
		  "200 1.1 none [Content-Length: 0] keep done");
}

TEST(message_response_without_length_ends_with_the_connection)
{
	CHECK_STR(response(OK_HEAD "\r\nhello"), "200 1.1 close [] 'hello' done");
	CHECK_STR(response(OK_HEAD "\r\n"), "200 1.1 close [] done");
}

TEST(message_response_chunked)
{
	CHECK_STR(response(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00b\r\n, my "
				   "worlds\r\n0\r\n\r\n"),
		  "200 1.1 chunked [Transfer-Encoding: chunked] 'hello, my worlds' keep done");
}

TEST(message_chunked_is_named_without_case)
{
	CHECK_STR(response(OK_HEAD "transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n"),
		  "200 1.1 chunked [transfer-encoding: CHUNKED] keep done");
}

TEST(message_chunk_extensions_and_trailers_are_dropped)
{
	CHECK_STR(response(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
				   "2 ; a=b;c=\"d e\"\r\nhi\r\n3;x\r\n!!!\r\n4  "
				   "\r\nabcd\r\n0;end\r\nX-A: 1\r\nContent-Length: 7\r\n\r\n"),
		  "200 1.1 chunked [Transfer-Encoding: chunked] 'hi!!!abcd' keep done");
}

TEST(message_equal_lengths_are_one)
{
	CHECK_STR(response(OK_HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi"),
		  "200 1.1 length=2 [Content-Length: 2; Content-Length: 2] 'hi' keep done");
}

TEST(message_answer_to_head_has_no_body)
{
	struct play p = { .limits = message_default_limits, .bodiless = true };
	CHECK_STR(play(&p, STR(OK_HEAD "Content-Length: 5\r\n\r\n")),
		  "200 1.1 length=5 [Content-Length: 5] keep done");
	CHECK_STR(play(&p, STR(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n")),
		  "200 1.1 chunked [Transfer-Encoding: chunked] keep done");
	CHECK_STR(play(&p, STR(OK_HEAD "\r\n")), "200 1.1 close [] keep done");
}

TEST(message_204_and_304_have_no_body)
{
	CHECK_STR(response("HTTP/1.1 204 No Content\r\n\r\n"), "204 1.1 none [] keep done");
	CHECK_STR(response("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
		  "304 1.1 none [Content-Length: 9] keep done");
}

TEST(message_204_that_promises_a_body_ends_its_connection)
{
	CHECK_STR(response("HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n"),
		  "204 1.1 none [Content-Length: 9] done");
}

TEST(message_informational_answers_come_before_the_final_one)
{
	CHECK_STR(response("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: "
			   "</x>\r\n\r\n" OK_HEAD "Content-Length: 2\r\n\r\nhi"),
		  "100 103 200 1.1 length=2 [Content-Length: 2] 'hi' keep done");
}

TEST(message_too_many_informational_answers)
{
	struct play p = { .limits = message_default_limits };
	p.limits.informational_count = 2;
	CHECK_STR(
		play(&p, STR("HTTP/1.1 100 C\r\n\r\nHTTP/1.1 102 C\r\n\r\nHTTP/1.1 199 C\r\n\r\n")),
		"100 102 too_many_informational");
}

TEST(message_101_unasked_is_refused)
{
	CHECK_STR(response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: "
			   "upgrade\r\n\r\n"),
		  "unexpected_upgrade");
}

TEST(message_upgrade_offer_in_an_answer_changes_nothing)
{
	CHECK_STR(response(OK_HEAD
			   "Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nhi"),
		  "200 1.1 length=2 [Upgrade: h2c; Connection: Upgrade; Content-Length: 2] 'hi' "
		  "keep done");
}

TEST(message_keep_alive_by_version_and_connection)
{
	CHECK_STR(response("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
		  "200 1.0 none [Content-Length: 0] done");
	CHECK_STR(
		response("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n"),
		"200 1.0 none [Connection: Keep-Alive; Content-Length: 0] keep done");
	CHECK_STR(response(OK_HEAD "Connection: foo , CLOSE\r\nContent-Length: 0\r\n\r\n"),
		  "200 1.1 none [Connection: foo , CLOSE; Content-Length: 0] done");
	CHECK_STR(
		response("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nConnection: "
			 "close\r\nContent-Length: 0\r\n\r\n"),
		"200 1.0 none [Connection: keep-alive; Connection: close; Content-Length: 0] done");
	CHECK_STR(response(OK_HEAD "Connection: closed\r\nContent-Length: 0\r\n\r\n"),
		  "200 1.1 none [Connection: closed; Content-Length: 0] keep done");
}

TEST(message_chunked_in_1_0_ends_its_connection)
{
	CHECK_STR(response("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: "
			   "chunked\r\n\r\n0\r\n\r\n"),
		  "200 1.0 chunked [Connection: keep-alive; Transfer-Encoding: chunked] done");
}

TEST(message_leaves_what_follows_it)
{
	CHECK_STR(response(OK_HEAD "Content-Length: 2\r\n\r\nhi" OK_HEAD),
		  "200 1.1 length=2 [Content-Length: 2] 'hi' keep done left=17");
	CHECK_STR(response(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nX"),
		  "200 1.1 chunked [Transfer-Encoding: chunked] keep done left=1");
	CHECK_STR(request("GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"),
		  "GET / 1.1 none [] keep done left=19");
}

TEST(message_values_are_trimmed_and_may_be_empty)
{
	CHECK_STR(
		response(OK_HEAD
			 "A:  x y \t \r\nB:\r\nC: \r\nD:\t\xc3\xa9\r\nContent-Length: 0 \r\n\r\n"),
		"200 1.1 none [A: x y; B: ; C: ; D: \xc3\xa9; Content-Length: 0] keep done");
}

TEST(message_status_line_forms)
{
	CHECK_STR(response("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
		  "200 1.1 none [Content-Length: 0] keep done");
	CHECK_STR(response("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
		  "200 1.1 none [Content-Length: 0] keep done");
	CHECK_STR(response("HTTP/1.1 999 \xe9t\xe9\tx\r\nContent-Length: 0\r\n\r\n"),
		  "999 1.1 none [Content-Length: 0] keep done");
}

TEST(message_bare_lf_ends_lines_of_a_head)
{
	CHECK_STR(response("HTTP/1.1 200 OK\nA: b\nContent-Length: 2\r\n\nhi"),
		  "200 1.1 length=2 [A: b; Content-Length: 2] 'hi' keep done");
	CHECK_STR(response("HTTP/1.1 200 OK\n\nhi"), "200 1.1 close [] 'hi' done");
}

TEST(message_truncated_everywhere)
{
	truncated_everywhere(OK_HEAD "Server: x\r\nContent-Length: 5\r\n\r\nhello");
	truncated_everywhere(
		OK_HEAD
		"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n.\r\n0\r\nA: b\r\n\r\n");
	truncated_everywhere(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

TEST(message_end_before_any_byte_is_closed_early)
{
	CHECK_STR(response(""), "closed_early");
}

TEST(message_request_forms)
{
	CHECK_STR(request("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"),
		  "GET /a?b=c 1.1 none [Host: x] keep done");
	CHECK_STR(request("\r\n\r\nGET / HTTP/1.0\r\n\r\n"), "GET / 1.0 none [] done");
	CHECK_STR(request("\nDELETE /v1/batches/7 HTTP/1.1\r\n\r\n"),
		  "DELETE /v1/batches/7 1.1 none [] keep done");
	CHECK_STR(request("OPTIONS * HTTP/1.1\r\n\r\n"), "OPTIONS * 1.1 none [] keep done");
	CHECK_STR(request("GET http://h:80/x HTTP/1.1\r\n\r\n"),
		  "GET http://h:80/x 1.1 none [] keep done");
}

TEST(message_request_with_body)
{
	CHECK_STR(request("POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi"),
		  "POST / 1.1 length=2 expect [Content-Length: 2; Expect: 100-continue] 'hi' keep "
		  "done");
	CHECK_STR(request("POST / HTTP/1.1\r\nTransfer-Encoding: "
			  "chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
		  "POST / 1.1 chunked [Transfer-Encoding: chunked] 'hi' keep done");
}

TEST(message_upgrade_wish_in_a_request_changes_nothing)
{
	CHECK_STR(
		request("GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nrest"),
		"GET / 1.1 none [Upgrade: websocket; Connection: Upgrade] keep done left=4");
}

TEST(message_error_of_a_callback_ends_it)
{
	struct play p = { .limits = message_default_limits, .body_fails = FETCH_SINK_FAILED };
	CHECK_STR(play_once(&p, STR(OK_HEAD "Content-Length: 2\r\n\r\nhi"), 99, 99),
		  "200 1.1 length=2 [Content-Length: 2] 'hi' sink_failed");
	CHECK_STR(play_once(&p, STR(OK_HEAD "\r\nhi"), 99, 99),
		  "200 1.1 close [] 'hi' sink_failed");
	CHECK_STR(play_once(&p, STR(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"), 999,
			    99),
		  "200 1.1 chunked [Transfer-Encoding: chunked] 'hi' sink_failed");
}

static int take_on_head(void *user, const struct message_head *head)
{
	(void)head;
	*(struct fields *)user = (struct fields){ 0 };
	return 0;
}

static int ignore_body(void *user, const char *data, size_t len)
{
	(void)user;
	(void)data;
	(void)len;
	return 0;
}

TEST(message_fields_can_be_taken_and_the_parser_used_again)
{
	static const char answer[] = OK_HEAD "A: 1\r\nContent-Length: 0\r\n\r\n";
	const struct message_events quiet = { .on_head = take_on_head, .on_body = ignore_body };
	struct fields unused, taken;
	struct message_parser p;
	size_t consumed;
	message_parser_init(&p, MESSAGE_RESPONSE, &message_default_limits, &quiet, &unused);
	CHECK(p.fields.block == NULL); /* nothing is held before a head begins */
	for (int i = 0; i < 3; i++) {
		CHECK(!message_started(&p));
		CHECK_EQ(message_parser_feed(&p, answer, sizeof(answer) - 1, &consumed), FETCH_OK);
		CHECK(message_started(&p) && message_head_done(&p) && message_done(&p) &&
		      message_keep_alive(&p));
		CHECK_EQ(consumed, sizeof(answer) - 1);
		if (i == 1) {
			taken = message_take_fields(&p);
			CHECK_EQ(taken.count, 2);
			CHECK(str_eq(fields_value(&taken, STR("a")), STR("1")));
			fields_done(&taken);
			CHECK_EQ(p.fields.count, 0);
		}
		message_parser_reset(&p);
	}
	message_parser_done(&p);
}

TEST(message_parser_is_small)
{
	CHECK_LE(sizeof(struct message_parser), 112 + 200);
}

/* Limits: at the limit is fine, one more is its own error. */

static const char *with_limits(struct message_limits limits, const char *input)
{
	struct play p = { .limits = limits, .end = true };
	return play(&p, str_of(input));
}

TEST(message_limit_of_the_status_line)
{
	struct message_limits l = message_default_limits;
	l.start_line_bytes = 15;
	CHECK_STR(with_limits(l, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		  "200 1.1 none [Content-Length: 0] keep done");
	CHECK_STR(with_limits(l, "HTTP/1.1 200 OK!\r\n\r\n"), "status_line_too_long");
}

TEST(message_limit_of_a_field)
{
	struct message_limits l = message_default_limits;
	l.field_bytes = 17;
	CHECK_STR(with_limits(l, OK_HEAD "Content-Length: 0\r\n\r\n"),
		  "200 1.1 none [Content-Length: 0] keep done");
	CHECK_STR(with_limits(l, OK_HEAD "A: b\r\nContent-Length:  0\r\n\r\n"), "field_too_large");
	CHECK_STR(with_limits(l, OK_HEAD "AAAAAAAAAAAAAAAAAAAAAAAAAAA: b\r\n\r\n"),
		  "field_too_large");
}

TEST(message_limit_of_the_head)
{
	struct message_limits l = message_default_limits;
	l.head_bytes = 17 + 19 + 2;
	CHECK_STR(with_limits(l, OK_HEAD "Content-Length: 0\r\n\r\n"),
		  "200 1.1 none [Content-Length: 0] keep done");
	l.head_bytes--;
	CHECK_STR(with_limits(l, OK_HEAD "Content-Length: 0\r\n\r\n"), "fields_too_large");
	l.head_bytes = 20;
	CHECK_STR(with_limits(l, OK_HEAD "Content-Length: 0\r\n\r\n"), "fields_too_large");
}

TEST(message_limit_of_the_number_of_fields)
{
	struct message_limits l = message_default_limits;
	l.field_count = 2;
	CHECK_STR(with_limits(l, OK_HEAD "A:\r\nContent-Length: 0\r\n\r\n"),
		  "200 1.1 none [A: ; Content-Length: 0] keep done");
	CHECK_STR(with_limits(l, OK_HEAD "A:\r\nB:\r\nC:\r\n\r\n"), "too_many_fields");
}

TEST(message_limit_of_the_body)
{
	struct message_limits l = message_default_limits;
	l.body_bytes = 2;
	CHECK_STR(with_limits(l, OK_HEAD "Content-Length: 2\r\n\r\nhi"),
		  "200 1.1 length=2 [Content-Length: 2] 'hi' keep done");
	CHECK_STR(with_limits(l, OK_HEAD "Content-Length: 3\r\n\r\nhi!"),
		  "200 1.1 length=3 [Content-Length: 3] body_too_large");
	CHECK_STR(with_limits(l, OK_HEAD "\r\nhi"), "200 1.1 close [] 'hi' done");
	CHECK_STR(with_limits(l, OK_HEAD "\r\nhi!"), "200 1.1 close [] 'hi' body_too_large");
	CHECK_STR(with_limits(l, OK_HEAD
			      "Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n2\r\ni!\r\n0\r\n\r\n"),
		  "200 1.1 chunked [Transfer-Encoding: chunked] 'h' body_too_large");
}

TEST(message_limit_of_trailers)
{
	struct message_limits l = message_default_limits;
	l.trailer_bytes = 8;
	CHECK_STR(with_limits(l, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n"),
		  "200 1.1 chunked [Transfer-Encoding: chunked] keep done");
	CHECK_STR(with_limits(l, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\nA: bc\r\n\r\n"),
		  "200 1.1 chunked [Transfer-Encoding: chunked] trailers_too_large");
}

TEST(message_limit_of_chunk_framing)
{
	struct message_limits l = message_default_limits;
	struct buf b = { 0 };
	l.chunk_overhead = 64;
	/* Chunks of one byte are within their credit, however many. */
	buf_append_str(&b, STR(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"));
	for (int i = 0; i < 100; i++)
		buf_append_str(&b, STR("1\r\nx\r\n"));
	buf_append_str(&b, STR("0\r\n\r\n"));
	CHECK(str_ends(str_of(with_limits(l, buf_cstr(&b))), STR("keep done")));
	/* Extensions on each add up. */
	buf_clear(&b);
	buf_append_str(&b, STR(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"));
	for (int i = 0; i < 100; i++)
		buf_append_str(&b, STR("1;aaaaaaaaaaaaaaaaaaaa\r\nx\r\n"));
	CHECK(str_ends(str_of(with_limits(l, buf_cstr(&b))), STR("chunk_overhead")));
	buf_done(&b);
	/* One endless line is cut too. */
	CHECK_STR(with_limits(
			  l, OK_HEAD
			  "Transfer-Encoding: chunked\r\n\r\n"
			  "00000000000000000000000000000000000000000000000000000000000000001\r\n"),
		  "200 1.1 chunked [Transfer-Encoding: chunked] chunk_overhead");
}
