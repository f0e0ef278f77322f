/* SPDX-License-Identifier: MIT
 *
 * test_message_check: one test per quirk that llhttp lets through (or lets through in some version)
 * and we don't.
 */
#include "tests/harness.h"
#include "tests/http/play.h"

#define OK_HEAD	     "HTTP/1.1 200 OK\r\n"
#define CHUNKED	     OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_LINE "200 1.1 chunked [Transfer-Encoding: chunked] "

static const char *bytes(struct str input)
{
	struct play p = { .limits = message_default_limits, .end = true };
	return play(&p, input);
}

TEST(check_bad_status_lines)
{
	static const char *const bad[] = {
		"\r\nHTTP/1.1 200 OK\r\n\r\n",
		" HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/1.1\t200 OK\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 0200 OK\r\n\r\n",
		"HTTP/1.1 +20 OK\r\n\r\n",
		"HTTP/1.1 200OK\r\n\r\n",
		"HTTP/1.1 200,OK\r\n\r\n",
		"HTTP/1.1\r\n\r\n",
		"HTTP/1.1 \r\n\r\n",
		"HTTP/1.2 200 OK\r\n\r\n",
		"HTTP/0.9 200 OK\r\n\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/11 200 OK\r\n\r\n",
		"http/1.1 200 OK\r\n\r\n",
		"ICY 200 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/1.1 000 OK\r\n\r\n",
		"<html>\r\n",
		"\r\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (strcmp(response(bad[i]), "malformed_status") != 0)
			test_fail("\"%s\": %s", bad[i], response(bad[i]));
}

TEST(check_controls_in_the_status_line)
{
	CHECK_STR(bytes(STR("HTTP/1.1 200 O\0K\r\n\r\n")), "malformed_status");
	CHECK_STR(response("HTTP/1.1 200 O\x01K\r\n\r\n"), "malformed_status");
	CHECK_STR(response("HTTP/1.1 200 O\x7fK\r\n\r\n"), "malformed_status");
}

TEST(check_bare_cr)
{
	CHECK_STR(response("HTTP/1.1 200 OK\rX: y\r\n\r\n"), "malformed_status");
	CHECK_STR(response("HTTP/1.1 200 OK\r\r\n\r\n"), "malformed_status");
	CHECK_STR(response(OK_HEAD "A: b\rC: d\r\n\r\n"), "malformed_field");
	CHECK_STR(response(OK_HEAD "A: b\r\r\n\r\n"), "malformed_field");
	CHECK_STR(response(OK_HEAD "A:\rb\r\n\r\n"), "malformed_field");
	CHECK_STR(response(OK_HEAD "A: b\r\n\rX"), "malformed_field");
	CHECK_STR(response(OK_HEAD "\rContent-Length: 2\r\n\r\n"), "malformed_field");
}

TEST(check_folded_lines)
{
	CHECK_STR(response(OK_HEAD "A: b\r\n c\r\n\r\n"), "malformed_field");
	CHECK_STR(response(OK_HEAD "A: b\r\n\tc\r\n\r\n"), "malformed_field");
	CHECK_STR(response(OK_HEAD "A:\r\n b\r\n\r\n"), "malformed_field");
	CHECK_STR(response(OK_HEAD "A: b\r\n \r\n\r\n"), "malformed_field");
}

TEST(check_space_before_the_first_field)
{
	CHECK_STR(response(OK_HEAD " A: b\r\n\r\n"), "malformed_field");
	CHECK_STR(response(OK_HEAD "\tA: b\r\n\r\n"), "malformed_field");
	CHECK_STR(request("GET / HTTP/1.1\r\n A: b\r\n\r\n"), "malformed_field");
}

TEST(check_space_before_the_colon)
{
	CHECK_STR(response(OK_HEAD "A : b\r\n\r\n"), "malformed_field");
	CHECK_STR(response(OK_HEAD "A\t: b\r\n\r\n"), "malformed_field");
	CHECK_STR(response(OK_HEAD "Content-Length : 2\r\n\r\nhi"), "malformed_field");
}

TEST(check_names)
{
	CHECK_STR(response(OK_HEAD ": b\r\n\r\n"), "malformed_field");
	CHECK_STR(response(OK_HEAD "A\r\n\r\n"), "malformed_field");
	CHECK_STR(response(OK_HEAD "A"), "closed_early");
	for (int c = 0; c < 256; c++) {
		char head[] = OK_HEAD "A?B: c\r\nContent-Length: 0\r\n\r\n";
		const char *line;
		head[sizeof(OK_HEAD)] = (char)c;
		line = bytes(str_make(head, sizeof(head) - 1));
		if (c == ':')
			CHECK_STR(line, "200 1.1 none [A: B: c; Content-Length: 0] keep done");
		else if (field_name_char((char)c))
			CHECK(str_ends(str_of(line), STR("keep done")));
		else
			CHECK_STR(line, "malformed_field");
	}
}

TEST(check_controls_in_values)
{
	for (int c = 0; c < 256; c++) {
		char head[] = OK_HEAD "A: b?c\r\nContent-Length: 0\r\n\r\n";
		const char *line;
		head[sizeof(OK_HEAD) - 1 + 4] = (char)c;
		line = bytes(str_make(head, sizeof(head) - 1));
		if (c == '\n') /* the line ends there, and "c" is no field */
			CHECK_STR(line, "malformed_field");
		else if ((c < ' ' && c != '\t') || c == 0x7f)
			CHECK_STR(line, "malformed_field");
		else
			CHECK(str_ends(str_of(line), STR("keep done")));
	}
}

TEST(check_content_length_is_digits)
{
	static const char *const bad[] = { "",
					   "+5",
					   "-5",
					   "5a",
					   "0x5",
					   "5,5",
					   "5, 5",
					   "5 5",
					   "1e1",
					   "5;",
					   "\"5\"",
					   "9223372036854775808",
					   "18446744073709551621",
					   "99999999999999999999999" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf b = { 0 };
		buf_printf(&b, OK_HEAD "Content-Length: %s\r\n\r\nhello", bad[i]);
		if (strcmp(response(buf_cstr(&b)), "content_length") != 0)
			test_fail("\"%s\": %s", bad[i], response(buf_cstr(&b)));
		buf_done(&b);
	}
	CHECK_STR(response(OK_HEAD "Content-Length: 0000000000000000000000000002\r\n\r\nhi"),
		  "200 1.1 length=2 [Content-Length: 0000000000000000000000000002] 'hi' keep done");
}

TEST(check_different_lengths)
{
	CHECK_STR(response(OK_HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!"),
		  "content_length");
	CHECK_STR(request("POST / HTTP/1.1\r\nContent-Length: 2\r\nA: b\r\nContent-Length: "
			  "3\r\n\r\nhi!"),
		  "content_length");
}

TEST(check_length_beside_transfer_encoding)
{
	CHECK_STR(response(OK_HEAD
			   "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		  "transfer_encoding");
	CHECK_STR(response(OK_HEAD
			   "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
		  "transfer_encoding");
	CHECK_STR(request("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: "
			  "5\r\n\r\n0\r\n\r\n"),
		  "transfer_encoding");
}

TEST(check_transfer_encoding_is_exactly_chunked)
{
	static const char *const bad[] = { "",
					   "identity",
					   "gzip",
					   "gzip, chunked",
					   "chunked, gzip",
					   "chunked,chunked",
					   "chunked,",
					   "xchunked",
					   "chunked;q=1",
					   "\"chunked\"",
					   "chunked foo",
					   "chunked\x0b" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf b = { 0 };
		buf_printf(&b, OK_HEAD "Transfer-Encoding: %s\r\n\r\n0\r\n\r\n", bad[i]);
		struct str line = str_of(response(buf_cstr(&b)));
		if (!str_eq(line, STR("transfer_encoding")) &&
		    !str_eq(line, STR("malformed_field")))
			test_fail("\"%s\": %s", bad[i], line.data);
		buf_done(&b);
	}
	CHECK_STR(response(OK_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: "
				   "chunked\r\n\r\n0\r\n\r\n"),
		  "transfer_encoding");
	CHECK_STR(response(OK_HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: "
				   "identity\r\n\r\n0\r\n\r\n"),
		  "transfer_encoding");
}

TEST(check_chunk_sizes)
{
	static const char *const bad[] = { "\r\n",
					   ";a\r\n",
					   " 5\r\nhello\r\n",
					   "+5\r\nhello\r\n",
					   "0x5\r\nhello\r\n",
					   "5g\r\n",
					   "-1\r\n",
					   "g\r\n",
					   "5 5\r\nhello\r\n",
					   "8000000000000000\r\n",
					   "10000000000000000\r\n",
					   "fffffffffffffffff\r\n" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf b = { 0 };
		buf_printf(&b, CHUNKED "%s", bad[i]);
		if (strcmp(response(buf_cstr(&b)), CHUNKED_LINE "malformed_chunk") != 0)
			test_fail("\"%s\": %s", bad[i], response(buf_cstr(&b)));
		buf_done(&b);
	}
	CHECK_STR(response(CHUNKED "7fffffffffffffff\r\nx"), CHUNKED_LINE "'x' truncated");
	CHECK_STR(response(CHUNKED "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
		  CHUNKED_LINE "'01234567890123456789' keep done");
}

TEST(check_chunk_lines_end_in_crlf)
{
	CHECK_STR(response(CHUNKED "2\nhi\r\n0\r\n\r\n"), CHUNKED_LINE "malformed_chunk");
	CHECK_STR(response(CHUNKED "2\rhi\r\n0\r\n\r\n"), CHUNKED_LINE "malformed_chunk");
	CHECK_STR(response(CHUNKED "2;a\nb\r\nhi\r\n0\r\n\r\n"), CHUNKED_LINE "malformed_chunk");
	CHECK_STR(response(CHUNKED "2\r\nhi\n0\r\n\r\n"), CHUNKED_LINE "'hi' malformed_chunk");
	CHECK_STR(response(CHUNKED "2\r\nhi\r0\r\n\r\n"), CHUNKED_LINE "'hi' malformed_chunk");
	CHECK_STR(response(CHUNKED "2\r\nhiXX0\r\n\r\n"), CHUNKED_LINE "'hi' malformed_chunk");
	CHECK_STR(response(CHUNKED "2\r\nhi!\r\n0\r\n\r\n"), CHUNKED_LINE "'hi' malformed_chunk");
	CHECK_STR(bytes(STR(CHUNKED "2;\0\r\nhi\r\n0\r\n\r\n")), CHUNKED_LINE "malformed_chunk");
}

TEST(check_trailers_are_fields)
{
	CHECK_STR(response(CHUNKED "0\r\n\n"), CHUNKED_LINE "malformed_chunk");
	CHECK_STR(response(CHUNKED "0\r\nA: b\n\r\n"), CHUNKED_LINE "malformed_chunk");
	CHECK_STR(response(CHUNKED "0\r\nA b\r\n\r\n"), CHUNKED_LINE "malformed_chunk");
	CHECK_STR(response(CHUNKED "0\r\n A: b\r\n\r\n"), CHUNKED_LINE "malformed_chunk");
	CHECK_STR(response(CHUNKED "0\r\nA: \x01\r\n\r\n"), CHUNKED_LINE "malformed_chunk");
	CHECK_STR(response(CHUNKED "0\r\n\rX"), CHUNKED_LINE "malformed_chunk");
}

TEST(check_bad_request_lines)
{
	static const char *const bad[] = {
		"GET /\r\n\r\n",
		"GET / HTTP/1.2\r\n\r\n",
		"GET / HTTP/2.0\r\n\r\n",
		"GET / HTTP/0.9\r\n\r\n",
		"GET / http/1.1\r\n\r\n",
		"GET  HTTP/1.1\r\n\r\n",
		"GET\r\n\r\n",
		"G ET / HTTP/1.1\r\n\r\n",
		"NONSENSE / HTTP/1.1\r\n\r\n",
		"GET /\x7f HTTP/1.1\r\n\r\n",
		"GET /\xc3\xa9 HTTP/1.1\r\n\r\n",
		"GET /a b HTTP/1.1\r\n\r\n",
		"\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (strcmp(request(bad[i]), "malformed_status") != 0)
			test_fail("\"%s\": %s", bad[i], request(bad[i]));
}
