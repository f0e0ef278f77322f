/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdlib.h>

#include "src/common/json.h"
#include "src/fetchd/job.h"
#include "src/fetchd/record.h"
#include "tests/harness.h"

static void check_record(const struct record *r, const char *want)
{
	struct buf b = { 0 };
	CHECK_OK(record_write(&b, r));
	CHECK(buf_cstr(&b) != NULL);
	CHECK_STR(b.data, want);
	buf_done(&b);
}

static struct job_line job_of(const char *line)
{
	struct job_line job;
	CHECK_OK(job_read(str_of(line), &job));
	return job;
}

/* ---- a job's line ---- */

static void check_job(const struct job_text *t, const char *want)
{
	struct buf b = { 0 };
	CHECK_OK(job_write(&b, t));
	CHECK(buf_cstr(&b) != NULL);
	CHECK_STR(b.data, want);
	struct job_line back;
	CHECK_OK(job_read(str_make(b.data, b.len - 1), &back));
	CHECK_EQ(back.index, t->index);
	CHECK(str_eq(back.method, t->method));
	buf_done(&b);
}

TEST(job_line_leaves_out_what_is_default)
{
	check_job(&(struct job_text){ .index = 17, .url = STR("http://a/"), .method = STR("GET") },
		  "{\"index\":17,\"url\":\"http://a/\"}\n");
	check_job(&(struct job_text){ .index = 0,
				      .url = STR("http://a/"),
				      .tag = STR("t"),
				      .method = STR("HEAD") },
		  "{\"index\":0,\"url\":\"http://a/\",\"tag\":\"t\",\"method\":\"HEAD\"}\n");
}

TEST(job_line_keeps_an_empty_tag)
{
	struct job_line job = job_of("{\"index\":1,\"url\":\"http://a/\",\"tag\":\"\"}");
	CHECK(job.tag.data != NULL);
	CHECK_EQ(job.tag.len, 0);
	CHECK(job_of("{\"index\":1,\"url\":\"http://a/\"}").tag.data == NULL);
}

TEST(job_line_that_is_not_ours_is_refused)
{
	struct job_line job;
	CHECK_NE(job_read(STR("{\"index\":1}"), &job), 0);
	CHECK_NE(job_read(STR("{\"index\":-1,\"url\":\"http://a/\"}"), &job), 0);
	CHECK_NE(job_read(STR("{\"index\":1,\"url\":\"http://a/\",\"x\":\"y\"}"), &job), 0);
	CHECK_NE(job_read(STR("{\"index\":1,\"url\":\"http://a/\""), &job), 0);
	CHECK_EQ(job.index, UINT32_MAX); /* fit for a record all the same */
	CHECK_EQ(job.url.len, 0);
}

/* ---- a record ---- */

TEST(record_of_a_cancelled_job_is_small)
{
	struct job_line job =
		job_of("{\"index\":3,\"url\":\"http://a/\\\"x\",\"tag\":\"\\u00e9\"}");
	check_record(&(struct record){ .batch = 7, .job = &job, .error = FETCH_CANCELLED },
		     "{\"batch\":7,\"index\":3,\"tag\":\"\\u00e9\",\"url\":\"http://a/"
		     "\\\"x\",\"state\":\"cancelled\","
		     "\"error\":\"cancelled\"}\n");
}

TEST(record_of_a_plain_fetch_names_what_curl_names)
{
	struct job_line job = job_of("{\"index\":0,\"url\":\"http://a/\"}");
	struct fetch_response resp = {
		.status = 200,
		.http_minor = 1,
		.attempts = 1,
		.size_download = 1234,
		.size_body = 1234,
		.start_ns = 1000000000,
		.t = { .start = 1000000000,
		       .dns_done = 1001000000,
		       .connect_done = 1002000000,
		       .sent = 1002500000,
		       .first_byte = 1003000000,
		       .done = 1004000500 },
	};
	resp.remote.in.sin_family = AF_INET;
	resp.remote.in.sin_port = htons(8080);
	inet_pton(AF_INET, "192.0.2.10", &resp.remote.in.sin_addr);
	resp.url_effective.href = STR("http://a/");
	CHECK_OK(fields_add(&resp.fields, STR("ETag"), STR("\"v1\"")));
	CHECK_OK(fields_add(&resp.fields, STR("Content-Type"), STR("text/html")));
	CHECK_OK(fields_add(&resp.fields, STR("Server"), STR("x")));
	CHECK_OK(fields_add(&resp.fields, STR("etag"), STR("\"v2\"")));
	check_record(
		&(struct record){
			.batch = 1, .job = &job, .url = STR("http://a/"), .response = &resp },
		"{\"batch\":1,\"index\":0,\"url\":\"http://a/"
		"\",\"state\":\"fetched\",\"http_code\":200,"
		"\"http_version\":\"1.1\",\"content_type\":\"text/"
		"html\",\"fields\":{\"etag\":\"\\\"v1\\\"\"},"
		"\"size_download\":1234,\"remote_ip\":\"192.0.2.10\",\"remote_port\":8080,"
		"\"time_namelookup\":0.001000,\"time_connect\":0.002000,\"time_pretransfer\":0."
		"002000,\"time_posttransfer\":0.002500,"
		"\"time_starttransfer\":0.003000,\"time_total\":0.004001}\n");
	fields_done(&resp.fields);
}

TEST(record_tells_the_wait_in_line)
{
	struct job_line job = job_of("{\"index\":0,\"url\":\"http://a/\"}");
	struct fetch_response resp = {
		.status = 204,
		.http_minor = 1,
		.attempts = 1,
		.conn_reused = true,
		.start_ns = 1000000000,
		.t = { .start = 1000000000,
		       .queued = 1000500000,
		       .sent = 1002500000,
		       .first_byte = 1003000000,
		       .done = 1004000000 },
	};
	check_record(
		&(struct record){
			.batch = 1, .job = &job, .url = STR("http://a/"), .response = &resp },
		"{\"batch\":1,\"index\":0,\"url\":\"http://a/"
		"\",\"state\":\"fetched\",\"http_code\":204,"
		"\"http_version\":\"1.1\",\"size_download\":0,\"conn_reused\":true,\"time_queue\":"
		"0.000500,"
		"\"time_pretransfer\":0.000500,\"time_posttransfer\":0.002500,"
		"\"time_starttransfer\":0.003000,\"time_total\":0.004000}\n");
}

TEST(record_of_a_redirect_tells_each_hop_and_where_it_ended)
{
	struct job_line job = job_of("{\"index\":0,\"url\":\"http://a/\",\"method\":\"HEAD\"}");
	char first[] = "http://a/";
	struct fetch_hop hop = {
		.url = first,
		.status = 301,
		.http_minor = 1,
		.conn_reused = true,
		.size_download = 154,
		.t = { .start = 1000, .sent = 501000, .first_byte = 1001000, .done = 2000000 }
	};
	hop.remote.in.sin_family = AF_INET;
	hop.remote.in.sin_port = htons(80);
	inet_pton(AF_INET, "192.0.2.1", &hop.remote.in.sin_addr);
	struct fetch_response resp = {
		.status = 204,
		.attempts = 2,
		.conn_reused = true,
		.proxy_used = true,
		.hops = &hop,
		.hops_len = 1,
		.start_ns = 1000,
		.t = { .start = 2000000, .first_byte = 3000000, .done = 5001000 },
	};
	inet_pton(AF_INET6, "2001:db8::1", &resp.remote.in6.sin6_addr);
	resp.remote.in6.sin6_family = AF_INET6;
	resp.remote.in6.sin6_port = htons(443);
	resp.url_effective.href = STR("https://b/");
	check_record(
		&(struct record){
			.batch = 1, .job = &job, .url = STR("http://a/"), .response = &resp },
		"{\"batch\":1,\"index\":0,\"url\":\"http://a/"
		"\",\"method\":\"HEAD\",\"state\":\"fetched\","
		"\"url_effective\":\"https://b/"
		"\",\"http_code\":204,\"http_version\":\"1.0\",\"size_download\":0,"
		"\"remote_ip\":\"2001:db8::1\",\"remote_port\":443,\"proxy_used\":true,\"conn_"
		"reused\":true,"
		"\"time_starttransfer\":0.001000,\"time_total\":0.005000,\"time_redirect\":0."
		"001999,"
		"\"num_redirects\":1,\"hops\":[{\"url\":\"http://a/\",\"http_code\":301,"
		"\"http_version\":\"1.1\",\"size_download\":154,\"remote_ip\":\"192.0.2.1\","
		"\"remote_port\":80,\"conn_reused\":true,\"time_posttransfer\":0.000500,"
		"\"time_starttransfer\":0.001000,\"time_total\":0.001999}]}\n");
}

TEST(record_shows_no_user_and_password_but_those_submitted)
{
	struct job_line job = job_of("{\"index\":0,\"url\":\"http://u:p@a/\"}");
	char first[] = "http://u:p@a/";
	struct fetch_hop hop = { .url = first, .status = 301 };
	struct fetch_response resp = { .attempts = 2, .hops = &hop, .hops_len = 1 };
	resp.url_effective.href = STR("https://x:y@b:8443/@:/?\\q@#f@");
	check_record(&(struct record){ .job = &job,
				       .url = STR("http://u:p@a/"),
				       .error = FETCH_RESET,
				       .response = &resp },
		     "{\"batch\":0,\"index\":0,\"url\":\"http://u:p@a/\",\"state\":\"failed\","
		     "\"error\":\"reset\",\"url_effective\":\"https://b:8443/@:/?\\\\q@#f@\","
		     "\"num_redirects\":1,\"hops\":[{\"url\":\"http://a/\",\"http_code\":301,"
		     "\"http_version\":\"1.0\",\"size_download\":0}]}\n");
}

TEST(record_counts_attempts_beyond_the_redirects)
{
	struct job_line job = job_of("{\"index\":0,\"url\":\"http://a/\"}");
	struct fetch_response resp = { .attempts = 3 };
	check_record(&(struct record){ .job = &job, .error = FETCH_RESET, .response = &resp },
		     "{\"batch\":0,\"index\":0,\"url\":\"http://a/"
		     "\",\"state\":\"failed\",\"error\":\"reset\",\"attempts\":3}\n");
}

TEST(record_of_a_failure_has_error_and_detail)
{
	struct job_line job = job_of("{\"index\":0,\"url\":\"http://a/\"}");
	struct fetch_response resp = { .attempts = 1,
				       .start_ns = 1000,
				       .t = { .start = 1000, .done = 51000 } };
	strcpy(resp.detail, "10.0.0.1: private");
	check_record(
		&(struct record){
			.batch = 1, .job = &job, .error = FETCH_POLICY_DENIED, .response = &resp },
		"{\"batch\":1,\"index\":0,\"url\":\"http://a/"
		"\",\"state\":\"failed\",\"error\":\"policy_denied\","
		"\"error_detail\":\"10.0.0.1: private\",\"time_total\":0.000050}\n");
}

TEST(record_has_the_digest_and_the_decoded_size_when_it_differs)
{
	struct job_line job = job_of("{\"index\":0,\"url\":\"http://a/\"}");
	struct fetch_response resp = {
		.status = 200, .attempts = 1, .http_minor = 1, .size_download = 3, .size_body = 3
	};
	unsigned char sum[SHA256_BYTES] = { 0xab, 0xcd };
	struct record r = { .batch = 1, .job = &job, .response = &resp, .sha256 = sum };
	const char *without =
		"{\"batch\":1,\"index\":0,\"url\":\"http://a/"
		"\",\"state\":\"fetched\",\"http_code\":200,"
		"\"http_version\":\"1.1\",\"size_download\":3,"
		"\"sha256\":\"abcd000000000000000000000000000000000000000000000000000000000000\"}"
		"\n";
	check_record(&r, without);
	resp.size_body = 9;
	const char *with =
		"{\"batch\":1,\"index\":0,\"url\":\"http://a/"
		"\",\"state\":\"fetched\",\"http_code\":200,"
		"\"http_version\":\"1.1\",\"size_download\":3,\"size_body\":9,"
		"\"sha256\":\"abcd000000000000000000000000000000000000000000000000000000000000\"}"
		"\n";
	check_record(&r, with);
}

TEST(record_is_valid_json_whatever_a_server_sends)
{
	struct job_line job = job_of("{\"index\":0,\"url\":\"http://a/\"}");
	struct fetch_response resp = { .status = 200, .attempts = 1 };
	CHECK_OK(fields_add(&resp.fields, STR("location"), STR("\xff\"\\\x01")));
	struct buf b = { 0 };
	CHECK_OK(record_write(&b, &(struct record){ .job = &job, .response = &resp }));
	struct json_item fields, location;
	CHECK(json_get(str_make(b.data, b.len - 1), "fields", &fields));
	CHECK(json_get(fields.raw, "location", &location));
	struct buf text = { 0 };
	CHECK_OK(json_unescape(location.raw, &text));
	CHECK(str_eq(buf_str(&text), STR("\xef\xbf\xbd\"\\\x01")));
	CHECK_EQ(memchr(b.data, '\n', b.len) == b.data + b.len - 1, true);
	buf_done(&text);
	buf_done(&b);
	fields_done(&resp.fields);
}
