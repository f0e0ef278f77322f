/* SPDX-License-Identifier: MIT
 *
 * api_batches: submitting a batch, and looking at one or all.
 *
 * A submission's body is handed to the engine piece by piece as it comes, so its size is bounded by
 * the engine's limit of jobs and not by memory. Until the commit nothing of it is visible; a bad
 * line, a full disk or a client that vanishes abort it.
 */
#include "src/fetchd/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "src/common/cleanup.h"
#include "src/common/json.h"

/* ---- the options of a submission ---- */

/* An option's value is one of a few words, NULL-ended. */
static const struct batch_option {
	const char *name;
	const char *const *values;
} options[] = {
	{ "digest", (const char *const[]){ "sha256", NULL } },
};

static const struct batch_option *find_option(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (str_eq(name, str_of(options[i].name)))
			return &options[i];
	return NULL;
}

static bool option_takes(const struct batch_option *o, struct str value)
{
	for (size_t i = 0; o->values[i]; i++)
		if (str_eq(value, str_of(o->values[i])))
			return true;
	return false;
}

static size_t option_bit(const struct batch_option *o)
{
	return (size_t)1 << (o - options);
}

/* The query as the options object; false when that was answered with an error. */
static bool read_options(struct call *x, struct buf *ret_json)
{
	cleanup(query_item_done) struct query_item item = { 0 };
	struct str rest = call_query(x);
	struct json j = json_to(ret_json);
	size_t given = 0;
	json_object_begin(&j);
	while (query_next(&rest, &item)) {
		const struct batch_option *o = find_option(buf_str(&item.name));
		if (!o) {
			api_reply_error(x, 400, "unknown_option", "a batch has no option \"%.*s\"",
					STR_ARG(str_slice(buf_str(&item.name), 0, 100)));
			return false;
		}
		if (!option_takes(o, buf_str(&item.value))) {
			api_reply_error(x, 400, "bad_option",
					"option %s can't be \"%.*s\"; it can be %s", o->name,
					STR_ARG(str_slice(buf_str(&item.value), 0, 100)),
					o->values[0]);
			return false;
		}
		if (given & option_bit(o)) {
			api_reply_error(x, 400, "bad_option", "option %s is given twice", o->name);
			return false;
		}
		given |= option_bit(o);
		json_put_str(&j, o->name, buf_str(&item.value));
	}
	json_object_end(&j);
	if (ret_json->failed)
		api_reply_engine_error(x, 0, -ENOMEM);
	return !ret_json->failed;
}

static bool read_format(struct call *x, enum ingest_format *ret)
{
	struct str type;
	str_cut(call_field(x, STR("Content-Type")), ';', &type, NULL);
	type = str_trim(type);
	/* curl --data-binary says x-www-form-urlencoded unless told otherwise. */
	if (type.len == 0 || str_eq_nocase(type, STR("text/plain")) ||
	    str_eq_nocase(type, STR("application/x-www-form-urlencoded")))
		*ret = INGEST_TEXT;
	else if (str_eq_nocase(type, STR("application/x-ndjson")) ||
		 str_eq_nocase(type, STR("application/jsonl")))
		*ret = INGEST_NDJSON;
	else {
		api_reply_error(x, 415, "unknown_format",
				"%.*s: want text/plain (a URL a line) or application/x-ndjson (a "
				"job a line)",
				STR_ARG(str_slice(type, 0, 100)));
		return false;
	}
	return true;
}

/* ---- the submission ---- */

static void reply_bad_line(struct call *x, const struct ingest_error *e)
{
	cleanup(buf_done) struct buf body = { 0 };
	struct json j = json_to(&body);
	json_object_begin(&j);
	json_put_cstr(&j, "error", "bad_line");
	json_put_u64(&j, "line", e->line);
	json_put_cstr(&j, "detail", e->text);
	json_object_end(&j);
	api_reply_json(x, 400, &body);
}

static void reply_ingest_error(struct call *x, int err, const struct ingest_error *e)
{
	if (err == -EINVAL)
		reply_bad_line(x, e);
	else
		api_reply_engine_error(x, 0, err);
}

/* Feeds the whole body. 0, or what was answered (or can't be, since nobody is left). */
static int feed_body(struct call *x, struct ingest *in)
{
	struct ingest_error e = { 0 };
	struct str piece;
	int more = 0, err = 0;
	while (err == 0 && (more = call_read(x, &piece)) > 0)
		err = ingest_feed(in, piece.data, piece.len, &e);
	if (err)
		reply_ingest_error(x, err, &e);
	else if (more < 0)
		api_reply_read_error(x, more);
	return err ? err : more;
}

static void commit(struct call *x, struct ingest *in)
{
	struct ingest_error e = { 0 };
	uint64_t id, jobs;
	int err = ingest_commit(in, &id, &jobs, &e);
	if (err) {
		reply_ingest_error(x, err, &e);
		return;
	}
	cleanup(buf_done) struct buf body = { 0 };
	char location[40];
	struct json j = json_to(&body);
	json_object_begin(&j);
	json_put_u64(&j, "id", id);
	json_put_u64(&j, "jobs", jobs);
	json_object_end(&j);
	buf_append_char(&body, '\n');
	snprintf(location, sizeof(location), "/v1/batches/%llu", (unsigned long long)id);
	call_reply_with(x, 201, "application/json", buf_str(&body),
			(struct field){ STR("Location"), str_of(location) });
}

void api_batches_submit(struct api *a, struct call *x, uint64_t id)
{
	(void)id;
	cleanup(buf_done) struct buf json = { 0 };
	enum ingest_format format;
	struct ingest *in;
	if (!read_options(x, &json) || !read_format(x, &format))
		return;
	int err = engine_ingest_begin(a->engine, format, buf_str(&json), &in);
	if (err)
		api_reply_engine_error(x, 0, err);
	else if (feed_body(x, in) == 0)
		commit(x, in);
	else
		ingest_abort(in);
}

/* ---- looking ---- */

static const char *state_name(enum batch_state s)
{
	static const char *const names[] = {
		[BATCH_INGESTING] = "ingesting",
		[BATCH_RUNNING] = "running",
		[BATCH_CANCELLING] = "cancelling",
		[BATCH_DONE] = "done",
	};
	return names[s];
}

/* RFC 3339, in UTC, with milliseconds; 0 = not yet: left out. */
static void put_time(struct json *j, const char *key, int64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / SECOND);
	struct tm tm;
	char text[64];
	if (wall_ns == 0 || !gmtime_r(&seconds, &tm))
		return;
	size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%03dZ", (int)(wall_ns % SECOND / MILLISECOND));
	json_put_cstr(j, key, text);
}

static void put_status(struct json *j, const struct batch_status *s)
{
	json_object_begin(j);
	json_put_u64(j, "id", s->b.id);
	json_put_cstr(j, "state", state_name(s->b.state));
	json_put_u64(j, "jobs", s->b.jobs);
	json_put_u64(j, "done", s->b.done);
	json_put_u64(j, "fetched", s->b.fetched);
	json_put_u64(j, "failed", s->b.failed);
	json_put_u64(j, "cancelled", s->b.cancelled);
	json_put_u64(j, "expired", s->b.expired);
	json_put_u64(j, "in_flight", s->in_flight);
	json_put_u64(j, "queued", s->queued);
	json_key(j, "rate");
	json_fixed(j, s->rate, 1);
	if (s->waits_for && *s->waits_for)
		json_put_cstr(j, "waits_for", s->waits_for);
	put_time(j, "created", s->b.created_wall);
	put_time(j, "finished", s->b.finished_wall);
	json_key(j, "options");
	json_raw(j, s->b.options.len ? s->b.options : STR("{}"));
	json_object_end(j);
}

void api_batches_show(struct api *a, struct call *x, uint64_t id)
{
	cleanup(buf_done) struct buf body = { 0 };
	struct batch_status s;
	int err = engine_batch_status(a->engine, id, &s);
	if (err) {
		api_reply_engine_error(x, id, err);
		return;
	}
	struct json j = json_to(&body);
	put_status(&j, &s);
	batch_status_done(&s);
	api_reply_json(x, 200, &body);
}

/* One that was deleted since its number was read is left out. */
static int stream_status(struct api *a, struct call *x, uint64_t id, bool *first)
{
	cleanup(buf_done) struct buf piece = { 0 };
	struct batch_status s;
	int err = engine_batch_status(a->engine, id, &s);
	if (err)
		return err == -ENOENT ? 0 : err;
	struct json j = json_to(&piece);
	buf_append_str(&piece, *first ? STR("\n") : STR(",\n"));
	put_status(&j, &s);
	batch_status_done(&s);
	*first = false;
	return piece.failed ? piece.failed : call_stream(x, buf_str(&piece));
}

void api_batches_list(struct api *a, struct call *x, uint64_t id)
{
	(void)id;
	cleanup(cleanup_free) uint64_t *ids = NULL;
	size_t len = 0;
	bool first = true;
	int err = engine_batch_ids(a->engine, &ids, &len);
	if (err) {
		api_reply_engine_error(x, 0, err);
		return;
	}
	err = call_stream_begin(x, 200, "application/json");
	if (!err)
		err = call_stream(x, STR("{\"batches\":["));
	for (size_t i = 0; i < len && err == 0; i++)
		err = stream_status(a, x, ids[i], &first);
	if (!err)
		err = call_stream(x, STR("]}\n"));
	if (!err)
		call_stream_end(x);
}
