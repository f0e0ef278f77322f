/* SPDX-License-Identifier: MIT
 *
 * test_decoding: bodies in a content coding, through the client: decoded, verified, or a precise
 * error; and what is asked of the origin.
 */
#include <string.h>
#include <zlib.h>

#include "src/common/buf.h"
#include "src/common/cleanup.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

static const char plain[] = "what the origin had in mind, and in mind, and in mind";

static struct buf gzipped(const void *data, size_t len)
{
	struct buf b = { 0 };
	z_stream z = { 0 };
	CHECK_EQ(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	CHECK_OK(buf_reserve(&b, deflateBound(&z, len)));
	z.next_in = (unsigned char *)(uintptr_t)data;
	z.avail_in = (unsigned)len;
	z.next_out = (unsigned char *)b.data;
	z.avail_out = (unsigned)b.cap;
	CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.len = z.total_out;
	deflateEnd(&z);
	return b;
}

static void answer(struct peer *p, const char *head, struct str body)
{
	cleanup(buf_done) struct buf b = { 0 };
	buf_printf(&b, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", head, body.len);
	if (strncmp(p->request, "HEAD ", 5) != 0)
		buf_append_str(&b, body);
	peer_write(p, b.data, b.len);
}

static bool asks_for(const struct peer *p, const char *path)
{
	return strncmp(strchr(p->request, ' ') + 1, path, strlen(path)) == 0;
}

static void answer_coded(struct peer *p)
{
	cleanup(buf_done) struct buf gz = gzipped(plain, sizeof(plain) - 1);
	struct str whole = buf_str(&gz);
	if (asks_for(p, "/gzip"))
		answer(p, "200 OK\r\nContent-Encoding: gzip", whole);
	else if (asks_for(p, "/cut"))
		answer(p, "200 OK\r\nContent-Encoding: gzip", str_slice(whole, 0, whole.len - 1));
	else if (asks_for(p, "/corrupt"))
		answer(p, "200 OK\r\nContent-Encoding: br", whole);
	else if (asks_for(p, "/unknown"))
		answer(p, "200 OK\r\nContent-Encoding: exi", whole);
	else if (asks_for(p, "/empty"))
		answer(p, "200 OK\r\nContent-Encoding: gzip", STR(""));
	else if (asks_for(p, "/part"))
		answer(p,
		       "206 Partial Content\r\nContent-Encoding: gzip\r\nContent-Range: bytes "
		       "0-3/99",
		       str_slice(whole, 0, 4));
	else
		answer(p, "302 Found\r\nLocation: /gzip\r\nContent-Encoding: gzip", STR("no gzip"));
}

static void answer_bomb(struct peer *p)
{
	static const char zeros[8 << 20];
	cleanup(buf_done) struct buf gz = gzipped(zeros, sizeof(zeros));
	answer(p, "200 OK\r\nContent-Encoding: gzip", buf_str(&gz));
}

static void play(struct peer *p)
{
	while (peer_read_head(p)) {
		if (asks_for(p, "/bomb"))
			answer_bomb(p);
		else
			answer_coded(p);
	}
}

static struct origin *open_origin(void)
{
	return origin_open(&(struct origin_options){ .play = play });
}

TEST_GO(decoding_gives_the_body_that_was_meant_and_both_sizes)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f = rig_get(rig, origin_url(o, "/gzip"));
	CHECK_ERROR(f, FETCH_OK);
	CHECK_STR(f->body, plain);
	CHECK_EQ(f->resp->size_body, sizeof(plain) - 1);
	CHECK_LT(f->resp->size_download, f->resp->size_body);
	fetched_free(f);
	check_get(rig, origin_url(o, "/redirect"), FETCH_OK, 200, plain);
	check_get(rig, origin_url(o, "/empty"), FETCH_OK, 200, "");
	CHECK_EQ(o->connections, 1);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(decoding_says_fetched_of_no_body_that_is_cut_short_corrupt_or_unknown)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	static const char *const paths[] = { "/cut", "/corrupt", "/unknown" };
	static const char *const details[] = { "the stream is cut short", "br",
					       "Content-Encoding: exi" };
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct fetched *f = rig_get(rig, origin_url(o, paths[i]));
		CHECK_ERROR(f, FETCH_DECODE_FAILED);
		CHECK_STR(f->resp->detail, details[i]);
		CHECK_EQ(f->resp->status, 200);
		fetched_free(f);
	}
	check_get(rig, origin_url(o, "/gzip"), FETCH_OK, 200, plain);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(decoding_stops_bombs_at_the_limits_of_the_options)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	check_get(rig, origin_url(o, "/bomb"), FETCH_DECODE_LIMIT, 200, NULL);
	rig_close(rig);
	rig = rig_open(&(struct client_options){ .limits.decode = { .ratio = 2000 } });
	check_get(rig, origin_url(o, "/bomb"), FETCH_OK, 200, NULL);
	rig_close(rig);
	rig = rig_open(
		&(struct client_options){ .limits.decode = { .ratio = 2000, .bytes = 1 << 20 } });
	check_get(rig, origin_url(o, "/bomb"), FETCH_DECODE_LIMIT, 200, NULL);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(decoding_leaves_alone_what_has_no_whole_body)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f =
		rig_fetch(rig, context_background(), "HEAD", origin_url(o, "/gzip"), NULL);
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->len, 0);
	fetched_free(f);
	f = rig_get(rig, origin_url(o, "/part"));
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->len, 4);
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

static void check_asks(const struct client_options *options, const struct fields *fields,
		       const char *want)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(options);
	char head[4096];
	fetched_free(rig_fetch(rig, context_background(), "GET", origin_url(o, "/gzip"), fields));
	origin_last_request(o, head);
	const char *line = strstr(head, "Accept-Encoding: ");
	CHECK_EQ(line != NULL, want != NULL);
	if (want)
		CHECK_MEM(line + strlen("Accept-Encoding: "), want, strlen(want));
	rig_close(rig);
	origin_close(o);
}

TEST_GO(decoding_asks_for_what_it_can_take_unless_told_otherwise)
{
	struct fields range = { 0 }, own = { 0 };
	CHECK_OK(fields_add(&range, STR("range"), STR("bytes=0-3")));
	CHECK_OK(fields_add(&own, STR("Accept-Encoding"), STR("br;q=1")));
	check_asks(&(struct client_options){ 0 }, NULL, "gzip, br, zstd, deflate\r\n");
	check_asks(&(struct client_options){ 0 }, &range, NULL);
	check_asks(&(struct client_options){ 0 }, &own, "br;q=1\r\n");
	check_asks(&(struct client_options){ .no_decode = true }, NULL, NULL);
	fields_done(&range);
	fields_done(&own);
}

TEST_GO(decoding_is_left_to_a_caller_who_asks_for_codings_himself)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fields own = { 0 };
	CHECK_OK(fields_add(&own, STR("accept-encoding"), STR("gzip")));
	static const char *const paths[] = { "/gzip", "/cut", "/unknown" };
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct fetched *f =
			rig_fetch(rig, context_background(), "GET", origin_url(o, paths[i]), &own);
		CHECK_ERROR(f, FETCH_OK);
		CHECK_EQ(f->resp->size_body, f->resp->size_download);
		CHECK_MEM(f->body, "\x1f\x8b", 2);
		fetched_free(f);
	}
	check_get(rig, origin_url(o, "/gzip"), FETCH_OK, 200, plain);
	fields_done(&own);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(decoding_can_be_switched_off)
{
	struct origin *o = open_origin();
	struct rig *rig = rig_open(&(struct client_options){ .no_decode = true });
	struct fetched *f = rig_get(rig, origin_url(o, "/unknown"));
	CHECK_ERROR(f, FETCH_OK);
	CHECK_EQ(f->resp->size_body, f->resp->size_download);
	CHECK_MEM(f->body, "\x1f\x8b", 2);
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}
