/* SPDX-License-Identifier: MIT
 *
 * test_request: the heads that we write, and what we refuse to write.
 */
#include "src/http/request.h"

#include <errno.h>

#include "src/common/cleanup.h"
#include "src/http/response.h"
#include "tests/harness.h"
#include "tests/http/play.h"

#define OURS "User-Agent: " REQUEST_USER_AGENT "\r\nAccept: */*\r\n"

static struct buf out;
static struct str authorization;

static const char *get(const char *href, const struct field *fields, size_t count)
{
	cleanup(url_done) struct url url = { 0 };
	CHECK_OK(url_parse(str_of(href), NULL, &url, NULL));
	struct request_head head = request_head_for(STR("GET"), &url);
	head.fields = fields;
	head.field_count = count;
	head.authorization = authorization;
	buf_clear(&out);
	CHECK_OK(request_write_head(&out, &head));
	return buf_cstr(&out);
}

TEST(request_head_of_a_url)
{
	CHECK_STR(get("http://h", NULL, 0), "GET / HTTP/1.1\r\nHost: h\r\n" OURS "\r\n");
	CHECK_STR(get("https://h:443/a b?c#d", NULL, 0),
		  "GET /a%20b?c HTTP/1.1\r\nHost: h\r\n" OURS "\r\n");
	CHECK_STR(get("http://[::1]:81/?", NULL, 0),
		  "GET /? HTTP/1.1\r\nHost: [::1]:81\r\n" OURS "\r\n");
}

TEST(request_credentials_of_the_url_are_not_sent_unasked)
{
	CHECK_STR(get("http://u:p@h/", NULL, 0), "GET / HTTP/1.1\r\nHost: h\r\n" OURS "\r\n");
	authorization = STR("Bearer t");
	CHECK_STR(get("http://u:p@h/", NULL, 0),
		  "GET / HTTP/1.1\r\nHost: h\r\n" OURS "Authorization: Bearer t\r\n\r\n");
}

TEST(request_fields_of_the_caller_replace_ours)
{
	const struct field fields[] = {
		{ STR("user-agent"), STR("x") },
		{ STR("ACCEPT"), STR("text/html") },
		{ STR("Authorization"), STR("Bearer t") },
		{ STR("X"), STR("") },
	};
	authorization = STR("Basic dTpw");
	CHECK_STR(get("http://u:p@h/", fields, 4),
		  "GET / HTTP/1.1\r\nHost: h\r\nuser-agent: x\r\nACCEPT: "
		  "text/html\r\nAuthorization: Bearer t\r\nX: \r\n\r\n");
}

TEST(request_framing)
{
	struct request_head head = {
		.method = STR("POST"), .host = STR("h"), .target = STR("/x"), .bare = true
	};
	buf_clear(&out);
	CHECK_OK(request_write_head(&out, &head));
	CHECK_STR(buf_cstr(&out), "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
	head.content_length = REQUEST_CHUNKED;
	head.close = true;
	buf_clear(&out);
	CHECK_OK(request_write_head(&out, &head));
	CHECK_STR(buf_cstr(&out), "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
				  "chunked\r\nConnection: close\r\n\r\n");
}

static void check_refused(const struct request_head *head)
{
	buf_clear(&out);
	buf_append_str(&out, STR("before"));
	CHECK_EQ(request_write_head(&out, head), -EINVAL);
	CHECK_STR(buf_cstr(&out), "before");
}

TEST(request_refuses_whatever_could_end_a_line)
{
	static const struct str bad[] = { STR_INIT("a\r\nX: y"), STR_INIT("a\n"), STR_INIT("a\r"),
					  STR_INIT("a\0b"), STR_INIT("a\x7f") };
	const struct request_head good = { .method = STR("GET"),
					   .host = STR("h"),
					   .target = STR("/"),
					   .content_length = REQUEST_NO_BODY };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct request_head head = good;
		head.method = bad[i];
		check_refused(&head);
		head = good;
		head.target = bad[i];
		check_refused(&head);
		head = good;
		head.host = bad[i];
		check_refused(&head);
		const struct field name = { bad[i], STR("v") }, value = { STR("n"), bad[i] };
		head = good;
		head.field_count = 1;
		head.fields = &name;
		check_refused(&head);
		head.fields = &value;
		check_refused(&head);
	}
}

TEST(request_refuses_fields_that_are_not_the_callers)
{
	static const char *const names[] = {
		"Host", "content-length", "Transfer-Encoding", "CONNECTION", "", "a b"
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct field f = { str_of(names[i]), STR("1") };
		check_refused(&(struct request_head){ .method = STR("GET"),
						      .host = STR("h"),
						      .target = STR("/"),
						      .fields = &f,
						      .field_count = 1 });
	}
	check_refused(
		&(struct request_head){ .method = STR(""), .host = STR("h"), .target = STR("/") });
	check_refused(&(struct request_head){
		.method = STR("GET"), .host = STR("h"), .target = STR("") });
	check_refused(&(struct request_head){
		.method = STR("GET"), .host = STR("h"), .target = STR("/a b") });
	check_refused(&(struct request_head){
		.method = STR("GET"), .host = STR("a b"), .target = STR("/") });
}

TEST(request_that_we_write_is_one_that_we_parse)
{
	authorization = STR("Basic dTpw");
	const struct field fields[] = { { STR("X-Tag"), STR("a: b, \"c\"") } };
	CHECK_STR(request(get("http://u:p@h:8080/a/../b?c=d e", fields, 1)),
		  "GET /b?c=d%20e 1.1 none [Host: h:8080; User-Agent: " REQUEST_USER_AGENT
		  "; Accept: */*; Authorization: Basic dTpw; X-Tag: a: b, \"c\"] keep done");
}

TEST(response_that_we_write_is_one_that_we_parse)
{
	const struct field fields[] = { { STR("Content-Type"), STR("application/json") } };
	struct response_head head = {
		.status = 201, .fields = fields, .field_count = 1, .content_length = 2
	};
	buf_clear(&out);
	CHECK_OK(response_write_head(&out, &head));
	buf_append_str(&out, STR("{}"));
	CHECK_STR(buf_cstr(&out), "HTTP/1.1 201 Created\r\nContent-Type: "
				  "application/json\r\nContent-Length: 2\r\n\r\n{}");
	CHECK_STR(response(buf_cstr(&out)), "201 1.1 length=2 [Content-Type: application/json; "
					    "Content-Length: 2] '{}' keep done");
}

TEST(response_chunks)
{
	struct response_head head = { .status = 200,
				      .content_length = RESPONSE_CHUNKED,
				      .close = true };
	buf_clear(&out);
	CHECK_OK(response_write_head(&out, &head));
	CHECK_OK(response_write_chunk(&out, "hello, ", 7));
	CHECK_OK(response_write_chunk(&out, "", 0));
	CHECK_OK(response_write_chunk(&out, "chunked world of ours", 21));
	CHECK_OK(response_write_last_chunk(&out));
	CHECK_STR(response(buf_cstr(&out)),
		  "200 1.1 chunked [Transfer-Encoding: chunked; Connection: close] 'hello, chunked "
		  "world of ours' done");
}

TEST(response_refuses_bad_heads)
{
	static const struct field bad[] = { { STR_INIT("A"), STR_INIT("b\r\nC: d") },
					    { STR_INIT("A B"), STR_INIT("c") },
					    { STR_INIT("content-length"), STR_INIT("1") } };
	buf_clear(&out);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(response_write_head(&out, &(struct response_head){ .status = 200,
									    .fields = &bad[i],
									    .field_count = 1 }),
			 -EINVAL);
	CHECK_EQ(response_write_head(&out, &(struct response_head){ .status = 99 }), -EINVAL);
	CHECK_EQ(response_write_head(&out, &(struct response_head){ .status = 1000 }), -EINVAL);
	CHECK_EQ(out.len, 0);
	CHECK_STR(response_reason(404), "Not Found");
	CHECK_STR(response_reason(299), "");
}
