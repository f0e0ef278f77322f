/* SPDX-License-Identifier: MIT
 *
 * test_tunnel: the request that asks an HTTP proxy for a tunnel, and what becomes of each answer, whole
 * or byte by byte.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "src/client/tunnel.h"
#include "src/common/buf.h"
#include "src/common/cleanup.h"
#include "src/common/version.h"
#include "tests/client/dialogue.h"
#include "tests/harness.h"

#define HEAD                                   \
	"CONNECT example.com:443 HTTP/1.1\r\n" \
	"Host: example.com:443\r\n"            \
	"User-Agent: fetchd/" FETCHD_VERSION "\r\n"
#define ASK STR_INIT(HEAD "\r\n")

static enum fetch_error open_through(struct dialogue_with *w, const char *proxy,
				     const struct tunnel_request *request, char *detail)
{
	const struct proxy *p;
	char reason[FAULT_BYTES];
	CHECK_OK(proxy_new(str_of(proxy), false, &p, reason));
	enum fetch_error e = tunnel_open(w->conn, p, request, &w->scope, detail);
	proxy_unref(p);
	return e;
}

static void check_as(const struct dialogue *d, const char *proxy,
		     const struct tunnel_request *request, size_t piece, enum fetch_error want,
		     const char *why)
{
	struct dialogue_with w;
	char detail[FAULT_BYTES] = "";
	dialogue_open(&w, d, piece);
	enum fetch_error e = open_through(&w, proxy, request, detail);
	if (e != want || (want && !strstr(detail, why)))
		test_fail("want %s (%s), got %s (%s)", fetch_error_name(want), why,
			  fetch_error_name(e), detail);
	if (e == FETCH_OK)
		dialogue_check_echo(&w);
	dialogue_close(&w);
}

static const struct tunnel_request plain = { .host = STR_INIT("example.com"),
					     .port = 443,
					     .limits = &message_default_limits };

static void check(struct str answer, enum dialogue_end end, enum fetch_error want, const char *why)
{
	const struct dialogue d = { .lines = { { ASK, answer } }, .end = end };
	for (size_t piece = 0; piece < 2; piece++)
		check_as(&d, "http://h", &plain, piece, want, why);
}

TEST_GO(tunnel_stands_after_any_2xx)
{
	static const struct str answers[] = {
		STR_INIT("HTTP/1.1 200 Connection established\r\n\r\n"),
		STR_INIT("HTTP/1.0 200 OK\r\n\r\n"),
		STR_INIT("HTTP/1.1 200\r\nVia: x\r\nProxy-Agent: y\r\nConnection: close\r\n\r\n"),
		STR_INIT("HTTP/1.1 204 No Content\r\n\r\n"),
		STR_INIT("HTTP/1.1 299 \r\n\r\n"),
		STR_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nA: b\r\n\r\n"
			 "HTTP/1.1 200 OK\r\n\r\n"),
	};
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		check(answers[i], END_ECHO, FETCH_OK, "");
}

/* RFC 9110 §9.3.6. */
TEST_GO(tunnel_has_no_body_before_it_whatever_the_head_says)
{
	static const struct str answers[] = {
		STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"),
		STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
	};
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		check(answers[i], END_ECHO, FETCH_OK, "");
}

TEST_GO(tunnel_request_names_the_target_its_user_agent_and_the_credentials)
{
	static const struct dialogue credentials = {
		.lines = { { STR_INIT(HEAD "Proxy-Authorization: Basic dTpwOnE=\r\n\r\n"),
			     STR_INIT("HTTP/1.1 200 OK\r\n\r\n") } },
		.end = END_ECHO
	};
	static const struct dialogue other = {
		.lines = { { STR_INIT("CONNECT [2001:db8::1]:8443 HTTP/1.1\r\n"
				      "Host: [2001:db8::1]:8443\r\nUser-Agent: robot/1\r\n\r\n"),
			     STR_INIT("HTTP/1.1 200 OK\r\n\r\n") } },
		.end = END_ECHO
	};
	static const struct tunnel_request to = { .host = STR_INIT("[2001:db8::1]"),
						  .port = 8443,
						  .user_agent = STR_INIT("robot/1"),
						  .limits = &message_default_limits };
	check_as(&credentials, "http://u:p%3Aq@h", &plain, 0, FETCH_OK, "");
	check_as(&other, "http://h", &to, 0, FETCH_OK, "");
}

TEST_GO(tunnel_target_with_a_byte_that_ends_a_line_is_never_asked_for)
{
	static const char *const hosts[] = {
		"a\r\nX: y", "a b", "a\n", "a\tb", "a\x7f", "\xc3\xbc"
	};
	static const struct dialogue d = { .lines = { { ASK, STR_INIT("") } } };
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		const struct tunnel_request bad = { .host = str_of(hosts[i]),
						    .port = 443,
						    .limits = &message_default_limits };
		check_as(&d, "http://h", &bad, 0, FETCH_BAD_REQUEST, "");
	}
}

TEST_GO(tunnel_refusals_tell_the_status)
{
	check(STR("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!"), END_CLOSE,
	      FETCH_PROXY_REFUSED, "403");
	check(STR("HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n"), END_CLOSE,
	      FETCH_PROXY_REFUSED, "302");
	check(STR("HTTP/1.1 405 No\r\n\r\n"), END_ECHO, FETCH_PROXY_REFUSED, "405");
	check(STR("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 9\r\n\r\n"), END_CLOSE,
	      FETCH_PROXY_CONNECT, "502");
	check(STR("HTTP/1.0 503 x\r\n\r\nsome page"), END_CLOSE, FETCH_PROXY_CONNECT, "503");
}

TEST_GO(tunnel_407_is_an_error_of_its_own_and_tells_what_is_wanted)
{
	check(STR("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n"), END_CLOSE,
	      FETCH_PROXY_AUTH, "407 (Proxy-Authenticate: Basic realm=\"x\")");
	check(STR("HTTP/1.1 407 x\r\nContent-Length: 5\r\n\r\n"), END_ECHO, FETCH_PROXY_AUTH,
	      "407");
}

TEST_GO(tunnel_malformed_and_truncated_answers_are_faults_of_the_proxy)
{
	static const struct str answers[] = {
		STR_INIT(""),
		STR_INIT("H"),
		STR_INIT("HTTP/1.1 200 OK\r\n"),
		STR_INIT("HTTP/1.1 200 OK\r\nA: b\r\n"),
		STR_INIT("\5\0"),
		STR_INIT("\x16\3\1\0\5hello"),
		STR_INIT("SSH-2.0-x\r\n\r\n"),
		STR_INIT("HTTP/2 200\r\n\r\n"),
		STR_INIT("HTTP/1.1 99 x\r\n\r\n"),
		STR_INIT("HTTP/1.1 2000 x\r\n\r\n"),
		STR_INIT("HTTP/1.1 200 OK\r\nA b\r\n\r\n"),
		STR_INIT("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"),
		STR_INIT("HTTP/1.1 200 OK\r\n A: b\r\n\r\n"),
		STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
		STR_INIT("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
		STR_INIT("HTTP/1.1 100 Continue\r\n\r\n"),
	};
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		check(answers[i], END_CLOSE, FETCH_PROXY_BAD_ANSWER, "CONNECT: ");
	check(STR("HTTP/1.1 200 OK\r\n"), END_RESET, FETCH_PROXY_BAD_ANSWER, "CONNECT: ");
}

/* In one segment with the head: https speaks second. */
TEST_GO(tunnel_bytes_behind_the_head_are_a_fault_of_the_proxy)
{
	static const struct str answers[] = {
		STR_INIT("HTTP/1.1 200 OK\r\n\r\nx"),
		STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
		STR_INIT("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
	};
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		const struct dialogue d = { .lines = { { ASK, answers[i] } } };
		check_as(&d, "http://h", &plain, 0, FETCH_PROXY_BAD_ANSWER, "behind the head");
	}
}

TEST_GO(tunnel_answer_is_held_to_the_limits_of_any_head)
{
	static const struct message_limits small = { .start_line_bytes = 64,
						     .field_bytes = 64,
						     .field_count = 4,
						     .head_bytes = 256,
						     .informational_count = 2,
						     .body_bytes = UINT64_MAX };
	static const char *const parts[] = {
		"HTTP/1.1 100 x\r\n\r\n", /* 1xx without end */
		"A: b\r\n",		  /* fields */
		"x",			  /* one long line */
	};
	const struct tunnel_request request = { .host = STR("example.com"),
						.port = 443,
						.limits = &small };
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		cleanup(buf_done) struct buf answer = { 0 };
		if (i > 0)
			buf_append_str(&answer, STR("HTTP/1.1 200 OK\r\n"));
		while (answer.len < 4096)
			buf_append_str(&answer, str_of(parts[i]));
		const struct dialogue d = { .lines = { { ASK, buf_str(&answer) } } };
		check_as(&d, "http://h", &request, 0, FETCH_PROXY_BAD_ANSWER, "limit");
	}
}

TEST_GO(tunnel_proxy_that_says_nothing_is_waited_for_no_longer_than_the_deadline)
{
	static const struct str stalls[] = {
		STR_INIT(""),
		STR_INIT("HTTP/1.1 200 OK\r\n"),
		STR_INIT("HTTP/1.1 100 Continue\r\n\r\n"),
	};
	for (size_t i = 0; i < ARRAY_LEN(stalls); i++) {
		const struct dialogue d = { .lines = { { ASK, stalls[i] } }, .end = END_ECHO };
		struct dialogue_with w;
		char detail[FAULT_BYTES] = "";
		dialogue_open(&w, &d, 0);
		conn_set_deadline(w.conn, clock_now() + 50 * MILLISECOND);
		CHECK_EQ(open_through(&w, "http://h", &plain, detail), FETCH_CONNECT_TIMEOUT);
		CHECK(strstr(detail, "CONNECT"));
		dialogue_close(&w);
	}
}
