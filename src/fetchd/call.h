/* SPDX-License-Identifier: MIT
 *
 * call: one request to the API and its answer, as its handler sees them. The handler runs on the
 * connection's own goroutine, reads the request's body in pieces if it wants it, and answers once:
 * whole, or as a stream.
 *
 *	static void handle(void *user, struct call *x)
 *	{
 *		struct str piece;
 *		int more;
 *		while ((more = call_read(x, &piece)) > 0)
 *			count += piece.len;
 *		if (more == 0)
 *			call_reply(x, 200, "text/plain", STR("thanks\n"));
 *	}
 *
 * A handler that returns without an answer closes the connection: right when the client is gone.
 * Everything here is called by that goroutine alone. Reading and answering park; a client that
 * takes too long ends with -ETIMEDOUT, so no handler hangs.
 */
#ifndef FETCHD_CALL_H
#define FETCHD_CALL_H

#include "runtime/context.h"
#include "src/common/buf.h"
#include "src/http/fields.h"

struct call;

/* ---- the request ---- */
struct str call_method(const struct call *x);
struct str call_path(const struct call *x);  /* as it came, without query */
struct str call_query(const struct call *x); /* as it came, without '?' */
struct str call_field(const struct call *x, struct str name);

/* The next piece of the body, valid until the next call. Sends "100 Continue" when the client waits
 * for it. 1; 0 at the body's end; -ECONNRESET the client went, -ETIMEDOUT, -EBADMSG malformed,
 * -ECANCELED the server stops. */
int call_read(struct call *x, struct str *ret_piece) MUST_USE;

/* Ends when the client goes away or the server stops. Borrowed until the handler returns. For
 * handlers that wait for something: after this call the body may not be read any more. NULL when
 * memory is out. */
struct context *call_context(struct call *x);

/* ---- the answer: each gives 0, or -errno when the client can't be reached; the rest of the answer
 * is then pointless ---- */
int call_reply(struct call *x, int status, const char *content_type, struct str body);
/* As call_reply, with one field more. */
int call_reply_with(struct call *x, int status, const char *content_type, struct str body,
		    struct field field);

/* A body of unknown length: begin, any number of pieces, end. Without the end the client sees a
 * broken answer. */
int call_stream_begin(struct call *x, int status, const char *content_type) MUST_USE;
int call_stream(struct call *x, struct str piece) MUST_USE;
int call_stream_end(struct call *x);

#endif
