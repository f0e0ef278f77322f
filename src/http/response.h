/* SPDX-License-Identifier: MIT
 *
 * response: writes the head of an HTTP/1.1 answer, and the framing of a chunked body, for what we
 * serve ourselves (the API, the benchmark's origin). The same refusal of bad bytes as in request.h.
 * Any thread.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/common/buf.h"
#include "src/http/fields.h"

/* content_length when the answer has none: 1xx, 204, 304 and until-close; and when the body is
 * chunked. */
enum {
	RESPONSE_NO_LENGTH = -1,
	RESPONSE_CHUNKED = -2
};

struct response_head {
	int status;
	const struct field *
		fields; /* borrowed; may not name Content-Length, Transfer-Encoding or Connection */
	size_t field_count;
	int64_t content_length; /* >= 0, or one of the two above */
	bool close;		/* says Connection: close */
};

/* Appends the head with its empty line. 0, -EINVAL (bad byte, bad status; b is as before), or b's
 * error. */
int response_write_head(struct buf *b, const struct response_head *head) MUST_USE;

/* Appends one chunk; len 0 appends nothing. response_write_last_chunk ends the body. */
int response_write_chunk(struct buf *b, const char *data, size_t len);
int response_write_last_chunk(struct buf *b);

/* "Not Found"; "" for one that RFC 9110 doesn't name. */
const char *response_reason(int status);

#endif
