/* SPDX-License-Identifier: MIT
 *
 * fuzz_decode: the content decoders under libFuzzer. The first byte chooses the codings, the second how
 * long the pieces are. Fed whole and in pieces, the input must give the same bytes and the same end, and
 * never more than the limits allow.
 */
#include <stdlib.h>
#include <string.h>

#include "src/common/buf.h"
#include "src/http/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static int write_out(void *user, const char *data, size_t len)
{
	struct buf *out = user;
	insist(len > 0);
	buf_append(out, data, len);
	return 0;
}

static enum fetch_error decode(const struct fields *fields, struct str input, size_t piece,
			       struct buf *out)
{
	static const struct decode_limits limits = { .bytes = 100000, .ratio = 250, .layers = 3 };
	struct decoder *d;
	enum fetch_error e = decoder_new(fields, &limits, write_out, out, &d);
	insist(e == FETCH_OK && d);
	for (size_t at = 0; e == FETCH_OK && at < input.len; at += piece) {
		struct str part = str_slice(input, at, piece);
		e = decoder_feed(d, part.data, part.len);
	}
	if (e == FETCH_OK)
		e = decoder_finish(d);
	insist(e == FETCH_OK || e == FETCH_DECODE_FAILED || e == FETCH_DECODE_LIMIT);
	insist(out->len <= limits.bytes);
	decoder_free(d);
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const codings[] = { "gzip",	     "deflate",	   "br",	 "zstd",
					       "zstd, gzip", "gzip, gzip", "br, deflate" };
	if (size < 2)
		return -1;
	struct fields fields = { 0 };
	struct str input = str_make((const char *)data + 2, size - 2);
	insist(fields_add(&fields, STR("Content-Encoding"),
			  str_of(codings[data[0] % (sizeof(codings) / sizeof(codings[0]))])) == 0);
	struct buf whole = { 0 }, pieces = { 0 };
	enum fetch_error e = decode(&fields, input, SIZE_MAX, &whole);
	enum fetch_error in_pieces = decode(&fields, input, 1 + data[1] % 32u, &pieces);
	insist(e == in_pieces || e == FETCH_DECODE_LIMIT || in_pieces == FETCH_DECODE_LIMIT);
	if (e == FETCH_OK && in_pieces == FETCH_OK)
		insist(str_eq(buf_str(&whole), buf_str(&pieces)));
	buf_done(&whole);
	buf_done(&pieces);
	fields_done(&fields);
	return 0;
}
