/* SPDX-License-Identifier: MIT
 *
 * body: where a request's body comes from: bytes in memory, a file, or whatever fills in the struct.
 *
 *	struct body_bytes body = body_of_bytes(STR("a=1&b=2"));
 *	struct fetch_request req = { .method = STR("POST"), .url = &url, .body = &body.source };
 *
 * A source of known length is sent with Content-Length, one of unknown length in chunks. A body that
 * can't begin again can't follow a redirect that keeps the method, nor be repeated on a fresh
 * connection, once something was read of it. One request at a time.
 */
#ifndef CLIENT_BODY_H
#define CLIENT_BODY_H

#include <stdint.h>
#include <sys/types.h>

#include "src/common/str.h"

#define BODY_UNKNOWN_LENGTH (-1)

struct body_source {
	int64_t len; /* bytes, or BODY_UNKNOWN_LENGTH */
	/* Up to size bytes; 0 = the end; a negative errno ends the request with FETCH_BODY_SOURCE. May
	 * park. */
	ssize_t (*read)(struct body_source *s, void *buf, size_t size);
	/* Back to the beginning. 0 or a negative errno. NULL = can't be done. */
	int (*rewind)(struct body_source *s);
};

struct body_bytes {
	struct body_source source;
	struct str bytes; /* borrowed */
	size_t at;
};
struct body_bytes body_of_bytes(struct str bytes);

struct body_file {
	struct body_source source;
	int fd; /* borrowed; its position is left alone */
	int64_t at;
};
/* A regular file, from its beginning to the end that it has now. Its reads park, on a thread for what
 * blocks. 0 or -errno. */
int body_of_file(int fd, struct body_file *ret) MUST_USE;

#endif
