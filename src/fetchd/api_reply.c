/* SPDX-License-Identifier: MIT
 *
 * api_reply: JSON answers and the table from the engine's errors to HTTP's.
 */
#define _GNU_SOURCE
#include "src/fetchd/api.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "src/common/cleanup.h"
#include "src/common/json.h"

void api_reply_json(struct call *x, int status, struct buf *body)
{
	buf_append_char(body, '\n');
	if (body->failed)
		call_reply(x, 503, "application/json", STR("{\"error\":\"out_of_memory\"}\n"));
	else
		call_reply(x, status, "application/json", buf_str(body));
}

void api_reply_error(struct call *x, int status, const char *error, const char *fmt, ...)
{
	cleanup(buf_done) struct buf body = { 0 };
	struct json j = json_to(&body);
	char detail[300];
	va_list args;
	va_start(args, fmt);
	vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	json_object_begin(&j);
	json_put_cstr(&j, "error", error);
	json_put_cstr(&j, "detail", detail);
	json_object_end(&j);
	api_reply_json(x, status, &body);
}

static const struct refusal {
	int err, status;
	const char *error, *text;
} refusals[] = {
	{ -ENOENT, 404, "no_such_batch", "there is no such batch" },
	{ -EBUSY, 409, "not_finished", "the batch still runs; cancel it first" },
	{ -EAGAIN, 429, "too_many_batches",
	  "as many batches run as [fetch] max_batches allows; try again later" },
	{ -EFBIG, 413, "too_many_jobs",
	  "more jobs than [fetch] max_batch_jobs allows in one batch" },
	{ -ENOSPC, 507, "disk_full",
	  "the disk of [daemon] state_dir is full; nothing of this was kept" },
	{ -ENOMEM, 503, "out_of_memory", "not enough memory for this now" },
	{ -ECANCELED, 503, "stopping", "the daemon is stopping" },
	{ -EIO, 500, "io_error", "reading or writing [daemon] state_dir failed" },
};

void api_reply_engine_error(struct call *x, uint64_t id, int err)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *r = &refusals[i];
		if (r->err != err)
			continue;
		if (id)
			api_reply_error(x, r->status, r->error, "batch %llu: %s",
					(unsigned long long)id, r->text);
		else
			api_reply_error(x, r->status, r->error, "%s", r->text);
		return;
	}
	api_reply_error(x, 500, "internal", "unexpected: %s", strerrordesc_np(-err));
}

void api_reply_read_error(struct call *x, int err)
{
	if (err == -EBADMSG)
		api_reply_error(x, 400, "malformed", "the request's body is malformed");
	else if (err == -ETIMEDOUT)
		api_reply_error(x, 408, "timeout", "the request's body stopped coming");
	else if (err == -ECANCELED || err == -ENOMEM)
		api_reply_engine_error(x, 0, err);
}
