/* SPDX-License-Identifier: MIT
 *
 * hostile_floods: what has no end, or is far more than it looks. Each limit stops it, by its own error; the limits are those
 * that a client has by itself, but for bodies.
 */
#include <brotli/encode.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "src/common/buf.h"
#include "src/common/cleanup.h"
#include "tests/client/hostile.h"
#include "tests/harness.h"

#define OK	"HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define X16	"xxxxxxxxxxxxxxxx"

/* --- Bombs --- */

#define ZEROS (4 << 20)

static struct buf room_for(size_t size)
{
	struct buf b = { 0 };
	CHECK_OK(buf_reserve(&b, size));
	return b;
}

static struct buf gzipped(const void *data, size_t len)
{
	z_stream z = { 0 };
	CHECK_EQ(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	struct buf b = room_for(deflateBound(&z, len));
	z.next_in = (unsigned char *)(uintptr_t)data;
	z.avail_in = (unsigned)len;
	z.next_out = (unsigned char *)b.data;
	z.avail_out = (unsigned)b.cap;
	CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.len = z.total_out;
	deflateEnd(&z);
	return b;
}

static struct buf brotlied(const void *data, size_t len)
{
	struct buf b = room_for(BrotliEncoderMaxCompressedSize(len));
	b.len = b.cap;
	CHECK(BrotliEncoderCompress(5, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, len, data,
				    &b.len, (unsigned char *)b.data));
	return b;
}

static struct buf zstded(const void *data, size_t len)
{
	struct buf b = room_for(ZSTD_compressBound(len));
	b.len = ZSTD_compress(b.data, b.cap, data, len, 1);
	CHECK(!ZSTD_isError(b.len));
	return b;
}

static void send_bomb(struct peer *p, const char *coding, const struct buf *bomb)
{
	cleanup(buf_done) struct buf b = { 0 };
	buf_printf(&b, OK "Content-Encoding: %s\r\nContent-Length: %zu\r\n\r\n", coding, bomb->len);
	buf_append_str(&b, buf_str(bomb));
	peer_write(p, b.data, b.len);
}

static const char zeros[ZEROS];

static void send_gzip_bomb(struct peer *p)
{
	cleanup(buf_done) struct buf bomb = gzipped(zeros, ZEROS);
	send_bomb(p, "gzip", &bomb);
}

static void send_br_bomb(struct peer *p)
{
	cleanup(buf_done) struct buf bomb = brotlied(zeros, ZEROS);
	send_bomb(p, "br", &bomb);
}

static void send_zstd_bomb(struct peer *p)
{
	cleanup(buf_done) struct buf bomb = zstded(zeros, ZEROS);
	send_bomb(p, "zstd", &bomb);
}

static void send_layered_bomb(struct peer *p)
{
	cleanup(buf_done) struct buf inner = gzipped(zeros, ZEROS);
	cleanup(buf_done) struct buf middle = brotlied(inner.data, inner.len);
	cleanup(buf_done) struct buf bomb = zstded(middle.data, middle.len);
	send_bomb(p, "gzip, br, zstd", &bomb);
}

/* Grows in honest proportion, but past the limit of the request. */
static void send_long_body(struct peer *p)
{
	size_t len = 300000;
	char *noise = malloc(len);
	for (size_t i = 0; i < len; i++)
		noise[i] = (char)(i * i >> 7);
	cleanup(buf_done) struct buf bomb = gzipped(noise, len);
	free(noise);
	send_bomb(p, "gzip", &bomb);
}

/* --- The table --- */

#define ENDLESS(name_, text_, again_, error_, status_, ...)                                     \
	{                                                                                       \
		.name = (name_), .text = TEXT(text_), .again = TEXT(again_), .error = (error_), \
		.status = (status_), __VA_ARGS__                                                \
	}
#define BODY_LIMIT .limits.message.body_bytes = 1 << 20
#define BOMB(name_, play_)                                                                   \
	{                                                                                    \
		.name = (name_), .play = (play_), .status = 200, .error = FETCH_DECODE_LIMIT \
	}

static const struct hostile rows[] = {
	ENDLESS("endless status line", "HTTP/1.1 200 ", X16, FETCH_STATUS_LINE_TOO_LONG, 0),
	ENDLESS("endless empty lines", "", "\r\n", FETCH_MALFORMED_STATUS, 0),
	ENDLESS("endless garbage", "", X16, FETCH_MALFORMED_STATUS, 0),
	ENDLESS("endless interim answers", "", "HTTP/1.1 102 Wait\r\n\r\n",
		FETCH_TOO_MANY_INFORMATIONAL, 0),
	ENDLESS("endless field name", OK, X16, FETCH_FIELD_TOO_LARGE, 0),
	ENDLESS("endless field value", OK "A: ", X16, FETCH_FIELD_TOO_LARGE, 0),
	ENDLESS("endless spaces before a value", OK "A:", "                ", FETCH_FIELD_TOO_LARGE,
		0),
	ENDLESS("endless short fields", OK, "A: b\r\n", FETCH_TOO_MANY_FIELDS, 0),
	ENDLESS("endless long fields", OK,
		"A: " X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 "\r\n",
		FETCH_FIELDS_TOO_LARGE, 0),
	ENDLESS("endless head of an interim answer", "HTTP/1.1 103 Hints\r\n", "A: b\r\n",
		FETCH_TOO_MANY_FIELDS, 0),

	ENDLESS("endless zeros before a size", CHUNKED, "0000000000000000", FETCH_CHUNK_OVERHEAD,
		200),
	ENDLESS("endless spaces behind a size", CHUNKED "2", "                ",
		FETCH_CHUNK_OVERHEAD, 200),
	ENDLESS("endless extension", CHUNKED "2;", X16, FETCH_CHUNK_OVERHEAD, 200),
	ENDLESS("endless quoted extension", CHUNKED "2;a=\"", X16, FETCH_CHUNK_OVERHEAD, 200),
	ENDLESS("endless chunks with extensions", CHUNKED, "1;" X16 X16 "\r\nx\r\n",
		FETCH_CHUNK_OVERHEAD, 200),
	ENDLESS("endless trailer", CHUNKED "0\r\nA: ", X16, FETCH_TRAILERS_TOO_LARGE, 200),
	ENDLESS("endless trailers", CHUNKED "0\r\n", "A: b\r\n", FETCH_TOO_MANY_FIELDS, 200),
	ENDLESS("endless long trailers", CHUNKED "0\r\n",
		"A: " X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 "\r\n",
		FETCH_TRAILERS_TOO_LARGE, 200),

	ENDLESS("endless body until the close", OK "\r\n", X16, FETCH_BODY_TOO_LARGE, 200,
		BODY_LIMIT),
	ENDLESS("endless tiny chunks", CHUNKED, "1\r\nx\r\n", FETCH_BODY_TOO_LARGE, 200,
		.limits.message.body_bytes = 100000),
	ENDLESS("endless chunks", CHUNKED, "10\r\n" X16 "\r\n", FETCH_BODY_TOO_LARGE, 200,
		BODY_LIMIT),
	{ .name = "a length past the limit",
	  .text = TEXT(OK "Content-Length: 1048577\r\n\r\n"),
	  .then = THEN_STALL,
	  .status = 200,
	  .error = FETCH_BODY_TOO_LARGE,
	  BODY_LIMIT },
	{ .name = "a chunk past the limit",
	  .text = TEXT(CHUNKED "100001\r\n"),
	  .then = THEN_STALL,
	  .status = 200,
	  .error = FETCH_BODY_TOO_LARGE,
	  BODY_LIMIT },
	ENDLESS("endless body over TLS", OK "\r\n", X16, FETCH_BODY_TOO_LARGE, 200, BODY_LIMIT,
		.cert = &(struct cert){ 0 }),
	ENDLESS("endless head over TLS", OK, "A: b\r\n", FETCH_TOO_MANY_FIELDS, 0,
		.cert = &(struct cert){ 0 }),
	ENDLESS("endless answers", OK "Content-Length: 2\r\n\r\nhi",
		OK "Content-Length: 4\r\n\r\nevil", FETCH_OK, 200),

	BOMB("gzip bomb", send_gzip_bomb),
	BOMB("br bomb", send_br_bomb),
	BOMB("zstd bomb", send_zstd_bomb),
	BOMB("bomb in three layers", send_layered_bomb),
	{ .name = "decoded past the limit",
	  .play = send_long_body,
	  .limits.decode.bytes = 200000,
	  .status = 200,
	  .error = FETCH_DECODE_LIMIT },
	ENDLESS("endless members of nothing", OK "Content-Encoding: gzip\r\n\r\n",
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		FETCH_BODY_TOO_LARGE, 200, BODY_LIMIT),
	ENDLESS("endless empty zstd frames", OK "Content-Encoding: zstd\r\n\r\n",
		"\x50\x2a\x4d\x18\x00\x00\x00\x00", FETCH_BODY_TOO_LARGE, 200, BODY_LIMIT),
	ENDLESS("endless body of a redirect", "HTTP/1.1 302 Found\r\nLocation: /next\r\n\r\n", X16,
		FETCH_OK, 200),
	ENDLESS("endless name in gzip's head",
		OK "Content-Encoding: gzip\r\n\r\n"
		   "\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03",
		X16, FETCH_BODY_TOO_LARGE, 200, BODY_LIMIT),
};

HOSTILE_TABLE(hostile_floods, rows);
