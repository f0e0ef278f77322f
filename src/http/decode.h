/* SPDX-License-Identifier: MIT
 *
 * decode: takes content codings off a body as it arrives (RFC 9110 §8.4): gzip (also several
 * members), deflate (with zlib's head, as the RFC says, or raw, as some servers send), br, zstd.
 *
 *	struct decoder *d;
 *	enum fetch_error e = decoder_new(fields, &decode_default_limits, write, user, &d);
 *	if (d) ... decoder_feed(d, data, len) ... decoder_finish(d) ...
 *	decoder_free(d);
 *
 * What comes out is never believed before decoder_finish has said FETCH_OK: a stream that is cut
 * short, corrupt, or followed by bytes that belong to no coding is an error, and so is a coding that
 * we don't know. A body of no bytes at all is fine under any coding. Any thread; one owner.
 */
#ifndef HTTP_DECODE_H
#define HTTP_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "src/http/error.h"
#include "src/http/fields.h"

/* What Accept-Encoding says for us: what we can take, and would like to have. */
#define DECODE_ACCEPTED "gzip, br, zstd, deflate"

struct decode_limits {
	uint64_t bytes;	 /* of the body, decoded: of each layer */
	uint32_t ratio;	 /* decoded bytes for each byte that came, once past DECODE_RATIO_FREE */
	uint32_t layers; /* codings, one around the other */
};

/* 1 GiB, 250, 3. */
extern const struct decode_limits decode_default_limits;

/* So much may come out whatever went in: a short body may compress as well as it likes. */
#define DECODE_RATIO_FREE (UINT64_C(1) << 20)

struct decoder;

/* A decoder for the codings that the fields Content-Encoding name; *ret is NULL when they name none.
 * write gets what comes out, in pieces of at most 16 KiB; it returns 0, or an enum fetch_error that
 * ends the decoding. Copies limits. FETCH_DECODE_FAILED for an unknown coding, FETCH_DECODE_LIMIT for
 * too many, FETCH_OUT_OF_MEMORY. */
enum fetch_error decoder_new(const struct fields *fields, const struct decode_limits *limits,
			     int (*write)(void *user, const char *data, size_t len), void *user,
			     struct decoder **ret) MUST_USE;

/* An error is final. */
enum fetch_error decoder_feed(struct decoder *d, const char *data, size_t len) MUST_USE;

/* The body has ended: FETCH_DECODE_FAILED when a coding had not. */
enum fetch_error decoder_finish(struct decoder *d) MUST_USE;

/* For people: which coding, and what is wrong with it; static. Empty before an error. */
const char *decoder_reason(const struct decoder *d);

void decoder_free(struct decoder *d); /* NULL is fine */

#endif
