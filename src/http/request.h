/* SPDX-License-Identifier: MIT
 *
 * request: writes the head of an HTTP/1.1 request. Nothing that could end a line or start another
 * request gets out: a method, target, host, name or value with a byte that its grammar doesn't allow
 * is refused whole.
 *
 *	struct request_head head = request_head_for(STR("GET"), &url);
 *	head.fields = fields; head.field_count = ARRAY_LEN(fields);
 *	int err = request_write_head(&out, &head);
 *
 * Order: request line, Host, User-Agent, Accept, Authorization, the caller's fields, the framing.
 * Any thread.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "src/common/buf.h"
#include "src/common/version.h"
#include "src/http/fields.h"
#include "src/http/url.h"

/* What we call ourselves unless the caller's fields say otherwise. */
#define REQUEST_USER_AGENT "fetchd/" FETCHD_VERSION

/* content_length when there is no body, and when its length isn't known. */
enum {
	REQUEST_NO_BODY = -1,
	REQUEST_CHUNKED = -2
};

struct request_head {
	struct str method;
	struct str host;   /* the Host field's value */
	struct str target; /* "/path?query", "*", "host:port", or an absolute URL for a proxy */
	struct str authorization;   /* what that field says; empty = there is none */
	const struct field *fields; /* borrowed; may not name Host, Content-Length,
					  Transfer-Encoding or Connection */
	size_t field_count;
	int64_t content_length; /* >= 0, or one of the two above */
	bool close;		/* asks for Connection: close */
	bool bare;		/* no User-Agent and Accept of ours */
};

/* A head for that URL, without body and without credentials: not even those of the URL. Borrows url. */
struct request_head request_head_for(struct str method, const struct url *url);

/* Appends the head with its empty line. User-Agent, Accept and Authorization of the caller's
 * replace ours. 0; -EINVAL for a forbidden byte, a bad token or a forbidden field (b is as before);
 * or b's error. */
int request_write_head(struct buf *b, const struct request_head *head) MUST_USE;

#endif
