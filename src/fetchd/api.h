/* SPDX-License-Identifier: MIT
 *
 * api: the daemon's interface: HTTP/1.1 with JSON over the Unix socket. router.c has the one table
 * of what there is; api_batches.c, api_results.c, api_control.c and api_misc.c have the handlers;
 * this header lists them: the index of the API.
 *
 *	struct api api = { .engine = engine, .client = client };
 *	struct server_options o = { .socket = socket, .handle = api_handle, .user = &api };
 *
 * Errors are objects: {"error":"bad_line","line":17,"detail":"for people"}. Names of errors are
 * part of the interface. Handlers run on their connection's goroutine and park; api is borrowed and
 * constant while the server runs.
 */
#ifndef FETCHD_API_H
#define FETCHD_API_H

#include "src/fetchd/engine.h"
#include "src/fetchd/call.h"
#include "src/fetchd/server.h"

struct api {
	struct engine *engine;
	struct client *client;
	struct server *server;
	int64_t started_ns; /* clock_now() */
};

/* The server's handler: finds the route. user is a struct api. */
void api_handle(void *user, struct call *x);

/* id: the number in the path, 0 where there is none. */
typedef void api_handler(struct api *a, struct call *x, uint64_t id);

/* api_batches.c */
api_handler api_batches_submit, api_batches_list, api_batches_show;
/* api_results.c */
api_handler api_results_read;
/* api_control.c */
api_handler api_control_cancel, api_control_delete;
/* api_misc.c */
api_handler api_misc_health, api_misc_ready, api_misc_version, api_misc_metrics,
	api_misc_goroutines;

/* ---- api_reply.c: answers that many handlers give ---- */

/* Answers with the object in body, or with 503 when the buffer has failed. */
void api_reply_json(struct call *x, int status, struct buf *body);
void api_reply_error(struct call *x, int status, const char *error, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* What the engine refused (-errno), as an answer. */
void api_reply_engine_error(struct call *x, uint64_t id, int err);
/* What call_read said (-errno), as an answer where somebody may still read it. */
void api_reply_read_error(struct call *x, int err);

/* ---- api_query.c: the query of a request's target ---- */

struct query_item {
	struct buf name, value; /* decoded */
};
/* Takes the next item off *rest; false at the end. A failed buffer in ret is out of memory. */
bool query_next(struct str *rest, struct query_item *ret);
void query_item_done(struct query_item *item);

#endif
