/* SPDX-License-Identifier: MIT
 *
 * test_socks: what is said to a SOCKS5 proxy, and what becomes of each thing that one may reply, whole
 * or byte by byte.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "src/client/socks.h"
#include "tests/client/dialogue.h"
#include "tests/harness.h"

#define HELLO	   STR_INIT("\5\1\0")
#define HELLO_AUTH STR_INIT("\5\2\0\2")
#define NO_AUTH	   STR_INIT("\5\0")
#define ASK_NAME               \
	STR_INIT("\5\1\0\3\xb" \
		 "example.com\1\xbb")
#define DONE_IPV4 STR_INIT("\5\0\0\1\1\2\3\4\0\5")

static const struct proxy *make(const char *url)
{
	const struct proxy *p;
	char reason[FAULT_BYTES] = "";
	if (proxy_new(str_of(url), false, &p, reason))
		test_fail("%s: %s", url, reason);
	return p;
}

/* addr: NULL = the name. */
static enum fetch_error connect_to(struct dialogue_with *w, const char *proxy, const char *addr,
				   char *detail)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct socks_target target = { .host = STR("example.com"), .port = 443 };
	if (addr && inet_pton(AF_INET, addr, &in.sin_addr) == 1)
		target.addr = (const void *)&in;
	else if (addr && inet_pton(AF_INET6, addr, &in6.sin6_addr) == 1)
		target.addr = (const void *)&in6;
	const struct proxy *p = make(proxy);
	enum fetch_error e = socks_connect(w->conn, p, &target, &w->scope, detail);
	proxy_unref(p);
	return e;
}

static void check(const struct dialogue *d, const char *proxy, const char *addr,
		  enum fetch_error want, const char *why)
{
	for (size_t piece = 0; piece < 2; piece++) {
		struct dialogue_with w;
		char detail[FAULT_BYTES] = "";
		dialogue_open(&w, d, piece);
		enum fetch_error e = connect_to(&w, proxy, addr, detail);
		if (e != want || (want && !strstr(detail, why)))
			test_fail("want %s (%s), got %s (%s)", fetch_error_name(want), why,
				  fetch_error_name(e), detail);
		if (e == FETCH_OK)
			dialogue_check_echo(&w);
		dialogue_close(&w);
	}
}

TEST_GO(socks_gives_the_proxy_a_name_or_an_address)
{
	static const struct dialogue name = {
		.lines = { { HELLO, NO_AUTH }, { ASK_NAME, DONE_IPV4 } }, .end = END_ECHO
	};
	static const struct dialogue ipv4 = { .lines = { { HELLO, NO_AUTH },
							 { STR_INIT("\5\1\0\1\xc0\0\2\1\1\xbb"),
							   DONE_IPV4 } },
					      .end = END_ECHO };
	static const struct dialogue ipv6 = {
		.lines = { { HELLO, NO_AUTH },
			   { STR_INIT("\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\xbb"),
			     DONE_IPV4 } },
		.end = END_ECHO
	};
	check(&name, "socks5h://h", NULL, FETCH_OK, "");
	check(&ipv4, "socks5://h", "192.0.2.1", FETCH_OK, "");
	check(&ipv6, "socks5://h", "2001:db8::1", FETCH_OK, "");
}

TEST_GO(socks_logs_in_when_the_proxy_asks_for_it)
{
	static const struct dialogue asked = { .lines = { { HELLO_AUTH, STR_INIT("\5\2") },
							  { STR_INIT("\1\4user\6pass:/"),
							    STR_INIT("\1\0") },
							  { ASK_NAME, DONE_IPV4 } },
					       .end = END_ECHO };
	static const struct dialogue not_asked = {
		.lines = { { HELLO_AUTH, NO_AUTH }, { ASK_NAME, DONE_IPV4 } }, .end = END_ECHO
	};
	check(&asked, "socks5h://user:pass%3A%2F@h", NULL, FETCH_OK, "");
	check(&not_asked, "socks5h://user:pass@h", NULL, FETCH_OK, "");
}

TEST_GO(socks_password_of_any_length_goes_out_whole)
{
	char url[600], word[256] = "", want[3 + 2 * 255];
	memset(word, 'x', 255);
	snprintf(url, sizeof(url), "socks5h://%s:%s@h", word, word);
	memcpy(want, "\1\xff", 2);
	memcpy(want + 2, word, 255);
	want[257] = '\xff';
	memcpy(want + 258, word, 255);
	const struct dialogue d = { .lines = { { HELLO_AUTH, STR_INIT("\5\2") },
					       { { want, sizeof(want) }, STR_INIT("\1\0") },
					       { ASK_NAME, DONE_IPV4 } },
				    .end = END_ECHO };
	check(&d, url, NULL, FETCH_OK, "");
}

TEST_GO(socks_reply_may_hold_an_address_of_any_type_and_length)
{
	static const struct str ends[] = {
		STR_INIT("\5\0\0\1\0\0\0\0\0\0"),
		STR_INIT("\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		STR_INIT("\5\0\0\3\0\0\0"),
		STR_INIT("\5\0\0\3\1x\0\0"),
	};
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		const struct dialogue d = { .lines = { { HELLO, NO_AUTH }, { ASK_NAME, ends[i] } },
					    .end = END_ECHO };
		check(&d, "socks5h://h", NULL, FETCH_OK, "");
	}
	char longest[4 + 1 + 255 + 2] = "\5\0\0\3\xff";
	const struct dialogue d = { .lines = { { HELLO, NO_AUTH },
					       { ASK_NAME, { longest, sizeof(longest) } } },
				    .end = END_ECHO };
	check(&d, "socks5h://h", NULL, FETCH_OK, "");
}

TEST_GO(socks_refusals_each_have_their_words)
{
	static const struct {
		struct str reply;
		enum fetch_error error;
		const char *why;
	} cases[] = {
		{ STR_INIT("\5\1"), FETCH_PROXY_CONNECT, "general failure" },
		{ STR_INIT("\5\2\0\1\0\0\0\0\0\0"), FETCH_PROXY_REFUSED, "not allowed" },
		{ STR_INIT("\5\3\0\1\0\0\0\0\0\0"), FETCH_PROXY_CONNECT, "network unreachable" },
		{ STR_INIT("\5\4\0\1\0\0\0\0\0\0"), FETCH_PROXY_CONNECT, "host unreachable" },
		{ STR_INIT("\5\5\0\1\0\0\0\0\0\0"), FETCH_PROXY_CONNECT, "connection refused" },
		{ STR_INIT("\5\6\0"), FETCH_PROXY_CONNECT, "TTL expired" },
		{ STR_INIT("\5\7\0\3"), FETCH_PROXY_REFUSED, "command" },
		{ STR_INIT("\5\x8\0\x63"), FETCH_PROXY_CONNECT, "address type" },
		{ STR_INIT("\5\x9"), FETCH_PROXY_REFUSED, "unknown reply 9" },
		{ STR_INIT("\5\xff"), FETCH_PROXY_REFUSED, "unknown reply 255" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct dialogue d = { .lines = { { HELLO, NO_AUTH },
						       { ASK_NAME, cases[i].reply } } };
		check(&d, "socks5h://h", NULL, cases[i].error, cases[i].why);
	}
}

TEST_GO(socks_proxy_that_wants_other_credentials_is_an_error_of_its_own)
{
	static const struct dialogue none = { .lines = { { HELLO, STR_INIT("\5\xff") } } };
	static const struct dialogue neither = { .lines = { { HELLO_AUTH, STR_INIT("\5\xff") } } };
	static const struct dialogue wrong = {
		.lines = { { HELLO_AUTH, STR_INIT("\5\2") },
			   { STR_INIT("\1\1u\1p"), STR_INIT("\1\1") } },
	};
	check(&none, "socks5h://h", NULL, FETCH_PROXY_AUTH, "wants a password");
	check(&neither, "socks5h://u:p@h", NULL, FETCH_PROXY_AUTH, "neither");
	check(&wrong, "socks5h://u:p@h", NULL, FETCH_PROXY_AUTH, "wrong");
}

TEST_GO(socks_malformed_and_truncated_replies_are_faults_of_the_proxy)
{
	static const struct dialogue cases[] = {
		{ .lines = { { HELLO, STR_INIT("HTTP/1.1 400 Bad Request\r\n\r\n") } } },
		{ .lines = { { HELLO, STR_INIT("\4\0") } } },
		{ .lines = { { HELLO, STR_INIT("") } } },
		{ .lines = { { HELLO, STR_INIT("\5") } } },
		{ .lines = { { HELLO, STR_INIT("\5\2") } } }, /* not on offer */
		{ .lines = { { HELLO, STR_INIT("\5\1") } } }, /* GSSAPI */
		{ .lines = { { HELLO, STR_INIT("\5\0\0") }, { ASK_NAME, STR_INIT("") } } },
		{ .lines = { { HELLO, NO_AUTH }, { ASK_NAME, STR_INIT("") } } },
		{ .lines = { { HELLO, NO_AUTH }, { ASK_NAME, STR_INIT("\5") } } },
		{ .lines = { { HELLO, NO_AUTH }, { ASK_NAME, STR_INIT("\5\0") } } },
		{ .lines = { { HELLO, NO_AUTH }, { ASK_NAME, STR_INIT("\5\0\0\1\0\0\0\0\0") } } },
		{ .lines = { { HELLO, NO_AUTH }, { ASK_NAME, STR_INIT("\5\0\0\3\3ab\0\0") } } },
		{ .lines = { { HELLO, NO_AUTH }, { ASK_NAME, STR_INIT("\1\0\0\1\0\0\0\0\0\0") } } },
		{ .lines = { { HELLO, NO_AUTH }, { ASK_NAME, STR_INIT("\5\0\0\0\0\0\0\0\0\0") } } },
		{ .lines = { { HELLO, NO_AUTH }, { ASK_NAME, STR_INIT("\5\0\0\2\0\0\0\0\0\0") } } },
		{ .lines = { { HELLO, NO_AUTH }, { ASK_NAME, STR_INIT("\5\0") } },
		  .end = END_RESET },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i], "socks5h://h", NULL, FETCH_PROXY_BAD_ANSWER, "SOCKS5: ");
}

TEST_GO(socks_malformed_reply_to_the_password_is_a_fault_of_the_proxy)
{
	static const struct str replies[] = {
		STR_INIT(""),
		STR_INIT("\1"),
		STR_INIT("\5\0"),
		STR_INIT("\0\0"),
	};
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		const struct dialogue d = { .lines = { { HELLO_AUTH, STR_INIT("\5\2") },
						       { STR_INIT("\1\1u\1p"), replies[i] } } };
		check(&d, "socks5h://u:p@h", NULL, FETCH_PROXY_BAD_ANSWER, "SOCKS5: ");
	}
}

/* In one segment with the reply: nothing of it may be taken for the target's. */
TEST_GO(socks_bytes_behind_a_reply_are_a_fault_of_the_proxy)
{
	static const struct dialogue d = {
		.lines = { { HELLO, NO_AUTH },
			   { ASK_NAME, STR_INIT("\5\0\0\1\1\2\3\4\0\5HTTP/1.1 200 OK\r\n\r\n") } },
	};
	struct dialogue_with w;
	char detail[FAULT_BYTES] = "";
	dialogue_open(&w, &d, 0);
	CHECK_EQ(connect_to(&w, "socks5h://h", NULL, detail), FETCH_PROXY_BAD_ANSWER);
	CHECK(strstr(detail, "more bytes"));
	dialogue_close(&w);
}

TEST_GO(socks_proxy_that_says_nothing_is_waited_for_no_longer_than_the_deadline)
{
	static const struct dialogue stalls[] = {
		{ .lines = { { HELLO, STR_INIT("\5") } }, .end = END_ECHO },
		{ .lines = { { HELLO, NO_AUTH }, { ASK_NAME, STR_INIT("\5\0\0\1\0") } },
		  .end = END_ECHO },
	};
	for (size_t i = 0; i < ARRAY_LEN(stalls); i++) {
		struct dialogue_with w;
		char detail[FAULT_BYTES] = "";
		dialogue_open(&w, &stalls[i], 0);
		conn_set_deadline(w.conn, clock_now() + 50 * MILLISECOND);
		CHECK_EQ(connect_to(&w, "socks5h://h", NULL, detail), FETCH_CONNECT_TIMEOUT);
		CHECK(strstr(detail, "SOCKS5"));
		dialogue_close(&w);
	}
}

TEST_GO(socks_name_longer_than_a_byte_can_count_is_refused)
{
	static const struct dialogue d = { .lines = { { HELLO, NO_AUTH } } };
	struct dialogue_with w;
	char detail[FAULT_BYTES] = "", name[257];
	memset(name, 'a', sizeof(name));
	const struct socks_target target = { .host = str_make(name, 256), .port = 80 };
	const struct proxy *p = make("socks5h://h");
	dialogue_open(&w, &d, 0);
	CHECK_EQ(socks_connect(w.conn, p, &target, &w.scope, detail), FETCH_BAD_URL);
	dialogue_close(&w);
	proxy_unref(p);
}
