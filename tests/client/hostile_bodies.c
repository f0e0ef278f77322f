/* SPDX-License-Identifier: MIT
 *
 * hostile_bodies: chunks, their lines, trailers, lengths that don't fit, and content codings.
 */
#include "tests/client/hostile.h"

#define OK	"HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define CHUNK	"2\r\nhi\r\n"
#define LAST	"0\r\n\r\n"

#define FINE(name_, text_)                                                                 \
	{                                                                                  \
		.name = (name_), .text = TEXT(CHUNKED text_), .status = 200, .body = "hi", \
		.kept = true                                                               \
	}
#define BAD(name_, text_)                                                    \
	{                                                                    \
		.name = (name_), .text = TEXT(CHUNKED text_), .status = 200, \
		.error = FETCH_MALFORMED_CHUNK                               \
	}
#define CODED(name_, coding_, text_)                                                             \
	{                                                                                        \
		.name = (name_), .text = TEXT(OK "Content-Encoding: " coding_ "\r\n\r\n" text_), \
		.status = 200, .error = FETCH_DECODE_FAILED, .then = THEN_CLOSE                  \
	}

static const struct hostile rows[] = {
	FINE("size with zeros before it", "0000000000002\r\nhi\r\n0000\r\n\r\n"),
	FINE("size and spaces", "2  \t\r\nhi\r\n0 \r\n\r\n"),
	FINE("extensions", "2;a;b=c;d=\"e;f\"\r\nhi\r\n0;last\r\n\r\n"),
	FINE("extension of 8-bit bytes", "2;\xe4=\xff\r\nhi\r\n" LAST),
	FINE("trailers are dropped",
	     CHUNK "0\r\nA: b\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\n"
		   "Connection: close\r\nSet-Cookie: a=b\r\n\r\n"),
	BAD("size of 2^63", "8000000000000000\r\nhi"),
	BAD("size of 2^64 + 2", "10000000000000002\r\nhi\r\n" LAST),
	BAD("size of far too many digits", "fffffffffffffffffffffffffffffffff\r\nhi"),
	BAD("no size", "\r\nhi\r\n" LAST),
	BAD("extension without size", ";a\r\nhi\r\n" LAST),
	BAD("size with plus", "+2\r\nhi\r\n" LAST),
	BAD("size with minus", "-2\r\nhi\r\n" LAST),
	BAD("size with 0x", "0x2\r\nhi\r\n" LAST),
	BAD("size with a space before it", " 2\r\nhi\r\n" LAST),
	BAD("size with a space in it", "2 2\r\nhi\r\n" LAST),
	BAD("size with an underscore", "0_2\r\nhi\r\n" LAST),
	BAD("size is no number", "hi\r\n" LAST),
	BAD("size behind an empty line", "\r\n" CHUNK LAST),
	BAD("bare LF behind the size", "2\nhi\r\n" LAST),
	BAD("bare CR behind the size", "2\rhi\r\n" LAST),
	BAD("CR and another byte behind the size", "2\rXhi\r\n" LAST),
	BAD("CR and another byte behind the data", "2\r\nhi\rX" LAST),
	BAD("another byte and LF behind the data", "2\r\nhiX\n" LAST),
	BAD("bare LF in an extension", "2;a\nb\r\nhi\r\n" LAST),
	BAD("bare LF in a quoted extension", "2;a=\"\n\"\r\nhi\r\n" LAST),
	BAD("bare CR in an extension", "2;a\rb\r\nhi\r\n" LAST),
	BAD("NUL in an extension", "2;\0\r\nhi\r\n" LAST),
	BAD("no CRLF behind the data", "2\r\nhi" LAST),
	BAD("bare LF behind the data", "2\r\nhi\n" LAST),
	BAD("bare CR behind the data", "2\r\nhi\r" LAST),
	BAD("more data than the size says", "2\r\nhi!\r\n" LAST),
	BAD("less data than the size says", "3\r\nhi\r\n" LAST),
	BAD("bare LF behind the last chunk", CHUNK "0\n\r\n"),
	BAD("bare LF behind the trailers", CHUNK "0\r\n\n"),
	BAD("bare LF in the trailers", CHUNK "0\r\nA: b\n\r\n"),
	BAD("bare CR in the trailers", CHUNK "0\r\nA: b\rc\r\n\r\n"),
	BAD("NUL in the trailers", CHUNK "0\r\nA: \0\r\n\r\n"),
	BAD("folded trailer", CHUNK "0\r\nA: b\r\n c\r\n\r\n"),
	BAD("trailer with a space before its colon", CHUNK "0\r\nA : b\r\n\r\n"),
	BAD("trailer without a colon", CHUNK "0\r\nHTTP/1.1 200 OK\r\n\r\n"),

	{ .name = "a length that is never reached",
	  .text = TEXT(OK "Content-Length: 9223372036854775807\r\n\r\nhi"),
	  .limits.message.body_bytes = UINT64_MAX,
	  .then = THEN_CLOSE,
	  .status = 200,
	  .error = FETCH_TRUNCATED },
	{ .name = "a chunk that is never whole",
	  .text = TEXT(CHUNKED "7fffffffffffffff\r\nhi"),
	  .limits.message.body_bytes = UINT64_MAX,
	  .then = THEN_CLOSE,
	  .status = 200,
	  .error = FETCH_TRUNCATED },
	{ .name = "no last chunk",
	  .text = TEXT(CHUNKED CHUNK),
	  .then = THEN_CLOSE,
	  .status = 200,
	  .error = FETCH_TRUNCATED },
	{ .name = "a last chunk without its empty line",
	  .text = TEXT(CHUNKED CHUNK "0\r\n"),
	  .then = THEN_CLOSE,
	  .status = 200,
	  .error = FETCH_TRUNCATED },

	CODED("gzip that is none", "gzip", "hi"),
	CODED("gzip cut short in its head", "gzip", "\x1f\x8b\x08"),
	CODED("deflate that is none", "deflate", "\xff\xff\xff\xff"),
	CODED("br that is none", "br", "\xff\xff\xff\xff"),
	CODED("zstd that is none", "zstd", "hi there"),
	CODED("zstd of an old format", "zstd", "\x27\xb5\x2f\xfd\x00\x00\x00\x00"),
	CODED("zstd with a window of 2 GiB", "zstd", "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"),
	CODED("unknown coding", "exi", "hi"),
	CODED("known behind unknown coding", "exi, gzip", "hi"),
	CODED("codings in a wrong list", "gzip gzip", "hi"),
	{ .name = "an empty body in a coding",
	  .text = TEXT(OK "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"),
	  .status = 200,
	  .body = "",
	  .kept = true },
	{ .name = "too many codings of an empty body",
	  .text = TEXT(OK "Content-Encoding: gzip, gzip\r\nContent-Encoding: br, "
			  "br\r\nContent-Length: 0\r\n\r\n"),
	  .status = 200,
	  .body = "",
	  .kept = true },
	{ .name = "too many codings, and a body",
	  .text = TEXT(OK
		       "Content-Encoding: gzip, gzip, gzip, gzip\r\nContent-Length: 2\r\n\r\nhi"),
	  .status = 200,
	  .error = FETCH_DECODE_LIMIT },
};

HOSTILE_TABLE(hostile_bodies, rows);
