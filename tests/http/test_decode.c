/* SPDX-License-Identifier: MIT
 *
 * Content codings: what the libraries' own encoders make is decoded, however it is split; what is cut
 * short, corrupt, unknown or too much is refused.
 */
#include <brotli/encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "src/common/buf.h"
#include "src/common/cleanup.h"
#include "src/http/decode.h"
#include "tests/harness.h"

/* --- Encoders --- */

static struct buf deflated(struct str s, int bits)
{
	struct buf b = { 0 };
	z_stream z = { 0 };
	CHECK_EQ(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	CHECK_OK(buf_reserve(&b, deflateBound(&z, s.len) + 64));
	z.next_in = (unsigned char *)(uintptr_t)s.data;
	z.avail_in = (unsigned)s.len;
	z.next_out = (unsigned char *)b.data;
	z.avail_out = (unsigned)b.cap;
	CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.len = z.total_out;
	deflateEnd(&z);
	return b;
}

static struct buf gzipped(struct str s)
{
	return deflated(s, 15 + 16);
}

static struct buf zlibbed(struct str s)
{
	return deflated(s, 15);
}

static struct buf bare(struct str s)
{
	return deflated(s, -15);
}

static struct buf brotlied(struct str s)
{
	struct buf b = { 0 };
	CHECK_OK(buf_reserve(&b, BrotliEncoderMaxCompressedSize(s.len) + 64));
	b.len = b.cap;
	CHECK_EQ(BrotliEncoderCompress(5, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, s.len,
				       (const uint8_t *)s.data, &b.len, (uint8_t *)b.data),
		 BROTLI_TRUE);
	return b;
}

static struct buf zstded(struct str s)
{
	struct buf b = { 0 };
	CHECK_OK(buf_reserve(&b, ZSTD_compressBound(s.len)));
	b.len = ZSTD_compress(b.data, b.cap, s.data, s.len, 3);
	CHECK(!ZSTD_isError(b.len));
	return b;
}

static const struct encoder {
	const char *coding;
	struct buf (*encode)(struct str s);
} encoders[] = { { "gzip", gzipped }, { "x-gzip", gzipped }, { "deflate", zlibbed },
		 { "deflate", bare }, { "br", brotlied },    { "zstd", zstded },
		 { "GZip", gzipped } };

/* --- Decoding --- */

struct decoding {
	enum fetch_error error;
	char reason[64];
	struct buf out;
	enum fetch_error write_error; /* what write gives */
};

static int write_out(void *user, const char *data, size_t len)
{
	struct decoding *o = user;
	CHECK(len > 0 && len <= 16 * 1024);
	buf_append(&o->out, data, len);
	return (int)o->write_error;
}

/* Each piece in a block of its own, so that ASan sees a read past its end. */
static enum fetch_error feed_piece(struct decoder *d, struct str piece)
{
	char *copy = str_dup(piece);
	enum fetch_error e = decoder_feed(d, copy, piece.len);
	free(copy);
	return e;
}

static void run(struct decoding *o, struct str codings, const struct decode_limits *limits,
		struct str body, size_t piece)
{
	struct fields fields = { 0 };
	struct decoder *d;
	CHECK_OK(fields_add(&fields, STR("content-encoding"), codings));
	o->error = decoder_new(&fields, limits, write_out, o, &d);
	for (size_t at = 0; o->error == FETCH_OK && at < body.len; at += piece)
		o->error = feed_piece(d, str_slice(body, at, piece));
	if (o->error == FETCH_OK)
		o->error = decoder_finish(d);
	if (d)
		snprintf(o->reason, sizeof(o->reason), "%s", decoder_reason(d));
	decoder_free(d);
	fields_done(&fields);
}

static void check_decodes(struct str codings, struct str body, struct str want, size_t piece)
{
	struct decoding o = { 0 };
	run(&o, codings, &decode_default_limits, body, piece);
	CHECK_STR(fetch_error_name(o.error), "ok");
	CHECK_EQ(o.out.len, want.len);
	CHECK_MEM(o.out.len ? o.out.data : "", want.len ? want.data : "", want.len);
	buf_done(&o.out);
}

static void check_refused(struct str codings, struct str body, enum fetch_error want)
{
	for (size_t piece = 1; piece <= body.len + 1; piece += body.len ? body.len : 1) {
		struct decoding o = { 0 };
		run(&o, codings, &decode_default_limits, body, piece);
		CHECK_STR(fetch_error_name(o.error), fetch_error_name(want));
		buf_done(&o.out);
	}
}

/* Text that compresses, but not to nothing. */
static struct buf text(size_t len)
{
	struct buf b = { 0 };
	for (uint32_t i = 0; b.len < len; i++)
		buf_printf(&b, "line %u of a text that is like others: %x\n", i, i * 2654435761u);
	b.len = len;
	CHECK_OK(b.failed);
	return b;
}

TEST(decode_gives_back_what_each_encoder_was_given)
{
	static const size_t sizes[] = { 0, 1, 100, 16 * 1024, 100000, 400000 };
	for (size_t i = 0; i < ARRAY_LEN(encoders); i++) {
		for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
			cleanup(buf_done) struct buf plain = text(sizes[k]);
			cleanup(buf_done) struct buf coded = encoders[i].encode(buf_str(&plain));
			struct str coding = str_of(encoders[i].coding);
			check_decodes(coding, buf_str(&coded), buf_str(&plain), coded.len + 1);
			check_decodes(coding, buf_str(&coded), buf_str(&plain), 1000);
			if (sizes[k] <= 16 * 1024)
				check_decodes(coding, buf_str(&coded), buf_str(&plain), 1);
		}
	}
}

TEST(decode_without_a_coding_needs_no_decoder)
{
	struct fields fields = { 0 };
	struct decoder *d = NULL;
	CHECK_EQ(decoder_new(&fields, &decode_default_limits, write_out, NULL, &d), FETCH_OK);
	CHECK(!d);
	CHECK_OK(fields_add(&fields, STR("Content-Encoding"), STR("identity, ,IDENTITY")));
	CHECK_EQ(decoder_new(&fields, &decode_default_limits, write_out, NULL, &d), FETCH_OK);
	CHECK(!d);
	fields_done(&fields);
}

TEST(decode_takes_an_empty_body_under_any_coding)
{
	for (size_t i = 0; i < ARRAY_LEN(encoders); i++)
		check_decodes(str_of(encoders[i].coding), STR(""), STR(""), 1);
}

TEST(decode_takes_off_layers_in_reverse_order)
{
	cleanup(buf_done) struct buf plain = text(50000);
	cleanup(buf_done) struct buf inner = zstded(buf_str(&plain));
	cleanup(buf_done) struct buf middle = gzipped(buf_str(&inner));
	cleanup(buf_done) struct buf outer = brotlied(buf_str(&middle));
	check_decodes(STR("zstd, gzip,br"), buf_str(&outer), buf_str(&plain), 777);
	check_refused(STR("br, gzip, zstd"), buf_str(&outer), FETCH_DECODE_FAILED);
	check_refused(STR("gzip, gzip, gzip, gzip"), STR("x"), FETCH_DECODE_LIMIT);
}

TEST(decode_reads_codings_from_several_fields_in_order)
{
	cleanup(buf_done) struct buf inner = gzipped(STR("hello"));
	cleanup(buf_done) struct buf outer = brotlied(buf_str(&inner));
	struct fields fields = { 0 };
	struct decoding o = { 0 };
	struct decoder *d;
	CHECK_OK(fields_add(&fields, STR("Content-Encoding"), STR("gzip")));
	CHECK_OK(fields_add(&fields, STR("Content-Encoding"), STR("br")));
	CHECK_EQ(decoder_new(&fields, &decode_default_limits, write_out, &o, &d), FETCH_OK);
	CHECK_EQ(decoder_feed(d, outer.data, outer.len), FETCH_OK);
	CHECK_EQ(decoder_finish(d), FETCH_OK);
	CHECK_EQ(o.out.len, 5);
	CHECK_MEM(o.out.data, "hello", 5);
	decoder_free(d);
	fields_done(&fields);
	buf_done(&o.out);
}

TEST(decode_refuses_an_unknown_coding)
{
	check_refused(STR("compress"), STR("x"), FETCH_DECODE_FAILED);
	check_refused(STR("gzip, aes128gcm"), STR("x"), FETCH_DECODE_FAILED);
}

TEST(decode_refuses_every_stream_that_is_cut_short)
{
	cleanup(buf_done) struct buf plain = text(2000);
	for (size_t i = 0; i < ARRAY_LEN(encoders); i++) {
		cleanup(buf_done) struct buf coded = encoders[i].encode(buf_str(&plain));
		for (size_t len = 1; len < coded.len; len++)
			check_refused(str_of(encoders[i].coding),
				      str_slice(buf_str(&coded), 0, len), FETCH_DECODE_FAILED);
	}
}

TEST(decode_refuses_bytes_behind_the_stream)
{
	for (size_t i = 0; i < ARRAY_LEN(encoders); i++) {
		cleanup(buf_done) struct buf coded = encoders[i].encode(STR("hello"));
		buf_append_str(&coded, STR("trailing"));
		check_refused(str_of(encoders[i].coding), buf_str(&coded), FETCH_DECODE_FAILED);
	}
}

TEST(decode_refuses_a_wrong_checksum)
{
	cleanup(buf_done) struct buf plain = text(2000);
	cleanup(buf_done) struct buf gzip = gzipped(buf_str(&plain));
	gzip.data[gzip.len - 5] ^= 1; /* CRC32 */
	check_refused(STR("gzip"), buf_str(&gzip), FETCH_DECODE_FAILED);
	gzip.data[gzip.len - 5] ^= 1;
	gzip.data[gzip.len - 1] ^= 1; /* ISIZE */
	check_refused(STR("gzip"), buf_str(&gzip), FETCH_DECODE_FAILED);
	cleanup(buf_done) struct buf zlib = zlibbed(buf_str(&plain));
	zlib.data[zlib.len - 1] ^= 1; /* Adler-32 */
	check_refused(STR("deflate"), buf_str(&zlib), FETCH_DECODE_FAILED);
}

TEST(decode_reads_several_gzip_members_as_one_body)
{
	cleanup(buf_done) struct buf first = gzipped(STR("one, "));
	cleanup(buf_done) struct buf second = gzipped(STR("two"));
	buf_append_str(&first, buf_str(&second));
	check_decodes(STR("gzip"), buf_str(&first), STR("one, two"), first.len);
	check_decodes(STR("gzip"), buf_str(&first), STR("one, two"), 1);
	check_refused(STR("gzip"), str_slice(buf_str(&first), 0, first.len - second.len + 1),
		      FETCH_DECODE_FAILED);
}

TEST(decode_reads_several_zstd_frames_and_skips_skippable_ones)
{
	cleanup(buf_done) struct buf b = zstded(STR("one, "));
	cleanup(buf_done) struct buf second = zstded(STR("two"));
	buf_append(&b, "\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);
	buf_append_str(&b, buf_str(&second));
	check_decodes(STR("zstd"), buf_str(&b), STR("one, two"), b.len);
	check_decodes(STR("zstd"), buf_str(&b), STR("one, two"), 1);
}

TEST(decode_refuses_zstd_of_before_its_format_was_settled)
{
	check_refused(STR("zstd"), STR("\x27\xb5\x2f\xfd\x00\x00\x00\x00\x00\x00"),
		      FETCH_DECODE_FAILED); /* v0.7 */
}

/* What follows the magic number looks like a skippable frame that is whole. */
TEST(decode_reads_a_zstd_header_from_its_beginning)
{
	check_refused(STR("zstd"), STR("\x28\xb5\x2f\xfd\x51\x2a\x4d\x18\x01\0\0\0\0"),
		      FETCH_DECODE_FAILED);
}

TEST(decode_refuses_a_zstd_window_over_8_mib)
{
	cleanup(buf_done) struct buf plain = text(100000);
	cleanup(buf_done) struct buf b = { 0 };
	CHECK_OK(buf_reserve(&b, ZSTD_compressBound(plain.len)));
	ZSTD_CCtx *c = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 24);
	ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
	ZSTD_outBuffer out = { b.data, b.cap, 0 };
	ZSTD_inBuffer in = { plain.data, plain.len, 0 };
	CHECK_EQ(ZSTD_compressStream2(c, &out, &in, ZSTD_e_flush) && 0, 0);
	CHECK_EQ(ZSTD_compressStream2(c, &out, &in, ZSTD_e_end), 0);
	ZSTD_freeCCtx(c);
	b.len = out.pos;
	check_refused(STR("zstd"), buf_str(&b), FETCH_DECODE_FAILED);
}

/* 64 MiB of zeros, and a bomb within a bomb. */
TEST(decode_stops_a_bomb_by_ratio)
{
	cleanup(buf_done) struct buf zeros = { 0 };
	CHECK_OK(buf_reserve(&zeros, 64 << 20));
	memset(zeros.data, 0, 64 << 20);
	zeros.len = 64 << 20;
	for (size_t i = 0; i < ARRAY_LEN(encoders); i++) {
		cleanup(buf_done) struct buf coded = encoders[i].encode(buf_str(&zeros));
		struct decoding o = { 0 };
		run(&o, str_of(encoders[i].coding), &decode_default_limits, buf_str(&coded), 65536);
		CHECK_STR(fetch_error_name(o.error), "decode_limit");
		CHECK_STR(o.reason, "too much comes out of too little");
		CHECK_LE(o.out.len, 250 * coded.len + DECODE_RATIO_FREE + 16384);
		buf_done(&o.out);
	}
	cleanup(buf_done) struct buf once = gzipped(buf_str(&zeros));
	cleanup(buf_done) struct buf twice = gzipped(buf_str(&once));
	check_refused(STR("gzip, gzip"), buf_str(&twice), FETCH_DECODE_LIMIT);
}

TEST(decode_stops_at_the_limit_of_bytes)
{
	static const struct decode_limits limits = { .bytes = 1000, .ratio = 250, .layers = 1 };
	cleanup(buf_done) struct buf plain = text(1001);
	for (size_t i = 0; i < ARRAY_LEN(encoders); i++) {
		cleanup(buf_done) struct buf more = encoders[i].encode(buf_str(&plain));
		struct decoding o = { 0 };
		run(&o, str_of(encoders[i].coding), &limits, buf_str(&more), more.len);
		CHECK_STR(fetch_error_name(o.error), "decode_limit");
		CHECK_EQ(o.out.len, 0);
		cleanup(buf_done) struct buf fits =
			encoders[i].encode(str_slice(buf_str(&plain), 0, 1000));
		run(&o, str_of(encoders[i].coding), &limits, buf_str(&fits), fits.len);
		CHECK_EQ(o.error, FETCH_OK);
		CHECK_EQ(o.out.len, 1000);
		buf_done(&o.out);
	}
}

TEST(decode_passes_on_what_write_says)
{
	cleanup(buf_done) struct buf coded = gzipped(STR("hello"));
	struct decoding o = { .write_error = FETCH_SINK_FAILED };
	run(&o, STR("gzip"), &decode_default_limits, buf_str(&coded), coded.len);
	CHECK_EQ(o.error, FETCH_SINK_FAILED);
	buf_done(&o.out);
}
