/* SPDX-License-Identifier: MIT
 *
 * api_results: the results of a batch as NDJSON, in the order in which they were committed. `after`
 * is the number of lines that the client has already, so whoever lost the connection goes on where
 * it was. A follower waits in the engine, on its own goroutine, and is written to at its own pace.
 */
#include "src/fetchd/api.h"

#include <errno.h>

#include "src/common/cleanup.h"

#define PIECE_BYTES (64 * 1024)

struct results_query {
	bool follow;
	uint64_t after;
};

static bool read_query(struct call *x, struct results_query *q)
{
	cleanup(query_item_done) struct query_item item = { 0 };
	struct str rest = call_query(x);
	while (query_next(&rest, &item)) {
		struct str name = buf_str(&item.name), value = buf_str(&item.value);
		if (str_eq(name, STR("follow"))) {
			if (str_parse_bool(value, &q->follow) == 0)
				continue;
		} else if (str_eq(name, STR("after"))) {
			if (str_parse_u64(value, INT64_MAX, &q->after) == 0)
				continue;
		} else {
			api_reply_error(x, 400, "unknown_option", "results have no option \"%.*s\"",
					STR_ARG(str_slice(name, 0, 100)));
			return false;
		}
		api_reply_error(x, 400, "bad_option", "option %.*s can't be \"%.*s\"",
				STR_ARG(str_slice(name, 0, 20)), STR_ARG(str_slice(value, 0, 100)));
		return false;
	}
	return true;
}

/* Sends what there is now. 0 or -errno. */
static int send_committed(struct api *a, struct call *x, uint64_t id, uint64_t *after)
{
	cleanup(buf_done) struct buf piece = { 0 };
	uint64_t lines = 1;
	int err = 0;
	while (err == 0 && lines > 0) {
		buf_clear(&piece);
		err = engine_results_read(a->engine, id, *after, PIECE_BYTES, &piece, &lines);
		if (!err && lines > 0) {
			*after += lines;
			err = call_stream(x, buf_str(&piece));
		}
	}
	return err;
}

void api_results_read(struct api *a, struct call *x, uint64_t id)
{
	struct results_query q = { 0 };
	struct batch_status s;
	if (!read_query(x, &q))
		return;
	int err = engine_batch_status(a->engine, id, &s);
	if (err) {
		api_reply_engine_error(x, id, err);
		return;
	}
	batch_status_done(&s);
	struct context *ctx = q.follow ? call_context(x) : NULL;
	int more = q.follow;
	err = call_stream_begin(x, 200, "application/x-ndjson");
	if (!err)
		err = send_committed(a, x, id, &q.after);
	while (!err && more > 0) {
		more = engine_results_wait(a->engine, id, q.after, ctx);
		err = more < 0 ? more : send_committed(a, x, id, &q.after);
	}
	if (!err)
		call_stream_end(x);
}
