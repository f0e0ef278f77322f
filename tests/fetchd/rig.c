/* SPDX-License-Identifier: MIT */
#include "tests/fetchd/rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "src/common/json.h"

/* ---- a store that fails on demand ---- */

static struct rig *rig_of(struct store *s)
{
	return CONTAINER_OF(s, struct rig, store);
}

static int pass_begin(struct store *s, struct str options, uint64_t *ret_id)
{
	struct store *real = rig_of(s)->real;
	return real->ops->batch_begin(real, options, ret_id);
}

static int pass_chunk_add(struct store *s, const struct store_chunk *c)
{
	struct store *real = rig_of(s)->real;
	return real->ops->chunk_add(real, c);
}

static int pass_commit(struct store *s, uint64_t id, uint64_t jobs)
{
	struct store *real = rig_of(s)->real;
	return real->ops->batch_commit(real, id, jobs);
}

static int pass_abort(struct store *s, uint64_t id)
{
	struct store *real = rig_of(s)->real;
	return real->ops->batch_abort(real, id);
}

static int pass_set_state(struct store *s, uint64_t id, enum batch_state state)
{
	struct store *real = rig_of(s)->real;
	return real->ops->batch_set_state(real, id, state);
}

static int pass_delete(struct store *s, uint64_t id)
{
	struct store *real = rig_of(s)->real;
	return real->ops->batch_delete(real, id);
}

static int pass_batches(struct store *s, struct store_batch **ret_batches, size_t *ret_len)
{
	struct store *real = rig_of(s)->real;
	return real->ops->batches(real, ret_batches, ret_len);
}

static int fail(struct rig *r, int err)
{
	atomic_fetch_add(&r->failures, 1);
	return -err;
}

static int pass_chunk_read(struct store *s, uint64_t batch, uint32_t chunk, bool want_data,
			   struct store_chunk *ret_chunk)
{
	struct rig *r = rig_of(s);
	int err = atomic_load(&r->fail_reads);
	return err ? fail(r, err)
		   : r->real->ops->chunk_read(r->real, batch, chunk, want_data, ret_chunk);
}

static int pass_results_add(struct store *s, const struct store_results *results)
{
	struct rig *r = rig_of(s);
	int err = atomic_load(&r->fail_results);
	return err ? fail(r, err) : r->real->ops->results_add(r->real, results);
}

static int pass_results_read(struct store *s, uint64_t batch, uint64_t after, size_t max_bytes,
			     struct buf *out, uint64_t *ret_lines)
{
	struct store *real = rig_of(s)->real;
	return real->ops->results_read(real, batch, after, max_bytes, out, ret_lines);
}

static void pass_close(struct store *s)
{
	struct store *real = rig_of(s)->real;
	real->ops->close(real);
}

static const struct store_ops pass = {
	.batch_begin = pass_begin,
	.chunk_add = pass_chunk_add,
	.batch_commit = pass_commit,
	.batch_abort = pass_abort,
	.batch_set_state = pass_set_state,
	.batch_delete = pass_delete,
	.batches = pass_batches,
	.chunk_read = pass_chunk_read,
	.results_add = pass_results_add,
	.results_read = pass_results_read,
	.close = pass_close,
};

/* ---- open and close ---- */

struct rig *rig_open(const struct engine_options *o)
{
	struct rig *r = calloc(1, sizeof(*r));
	char *reason = NULL;
	struct str bad;
	r->store.ops = &pass;
	int err = store_sqlite_open(test_dir(), &r->real, &reason);
	if (err)
		test_fail("store: %s", reason);
	r->policy = policy_new();
	CHECK_OK(policy_allow(r->policy, STR("127.0.0.0/8"), &bad));
	struct client_options options = { .policy = r->policy };
	err = client_new(&options, &r->client, &reason);
	if (err)
		test_fail("client: %s", reason);
	CHECK_OK(engine_open(o, &r->store, r->client, &r->engine));
	return r;
}

void rig_close(struct rig *r, int64_t grace_ns)
{
	engine_close(r->engine, grace_ns);
	client_free(r->client);
	policy_free(r->policy);
	r->store.ops->close(&r->store);
	free(r);
}

/* ---- submissions ---- */

uint64_t rig_submit_with(struct rig *r, const char *text, const char *options)
{
	struct ingest *in;
	struct ingest_error error = { 0 };
	uint64_t id, jobs;
	CHECK_OK(engine_ingest_begin(r->engine, INGEST_TEXT, str_of(options), &in));
	int err = ingest_feed(in, text, strlen(text), &error);
	if (err)
		test_fail("line %ju: %s", (uintmax_t)error.line, error.text);
	CHECK_OK(ingest_commit(in, &id, &jobs, &error));
	return id;
}

uint64_t rig_submit(struct rig *r, const char *text)
{
	return rig_submit_with(r, text, "{}");
}

void rig_urls(struct buf *b, uint32_t n, const char *format, int port)
{
	for (uint32_t i = 0; i < n; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		CHECK_OK(buf_printf(b, format, port));
#pragma GCC diagnostic pop
		CHECK_OK(buf_append_char(b, '\n'));
	}
	CHECK(buf_cstr(b) != NULL);
}

/* ---- looking on ---- */

struct batch_status rig_status(struct rig *r, uint64_t id)
{
	struct batch_status s;
	CHECK_OK(engine_batch_status(r->engine, id, &s));
	batch_status_done(&s);
	return s;
}

void rig_wait_results(struct rig *r, uint64_t id, uint64_t more_than)
{
	CHECK_EQ(engine_results_wait(r->engine, id, more_than, context_background()), 1);
}

void rig_wait_done(struct rig *r, uint64_t id)
{
	uint64_t after = 0;
	int more;
	while ((more = engine_results_wait(r->engine, id, after, context_background())) == 1)
		after = rig_status(r, id).b.done;
	CHECK_EQ(more, 0);
	CHECK_EQ(rig_status(r, id).b.state, BATCH_DONE);
}

struct buf rig_results(struct rig *r, uint64_t id)
{
	struct buf all = { 0 };
	uint64_t after = 0, lines;
	do {
		CHECK_OK(engine_results_read(r->engine, id, after, 100000, &all, &lines));
		after += lines;
	} while (lines > 0);
	return all;
}

static uint64_t *outcome_of(struct outcomes *o, struct str state)
{
	return str_eq(state, STR("fetched"))	 ? &o->fetched
	       : str_eq(state, STR("failed"))	 ? &o->failed
	       : str_eq(state, STR("cancelled")) ? &o->cancelled
						 : NULL;
}

struct outcomes rig_outcomes(struct rig *r, uint64_t id)
{
	struct batch_status s = rig_status(r, id);
	struct outcomes o = { .jobs = s.b.jobs };
	unsigned char *seen = calloc(1, s.b.jobs + 1);
	struct buf all = rig_results(r, id);
	struct str rest = buf_str(&all), line;
	uint64_t lines = 0;
	for (; rest.len > 0; lines++) {
		struct json_item index, state;
		uint64_t number;
		CHECK(str_cut(rest, '\n', &line, &rest));
		CHECK(json_get(line, "index", &index));
		CHECK(json_get(line, "state", &state));
		CHECK_OK(json_item_u64(&index, s.b.jobs - 1, &number));
		if (seen[number]++)
			test_fail("job %ju has two records", (uintmax_t)number);
		uint64_t *count = outcome_of(&o, state.raw);
		CHECK(count != NULL);
		(*count)++;
	}
	CHECK_EQ(lines, s.b.jobs);
	CHECK_EQ(s.b.done, s.b.jobs);
	CHECK_EQ(s.b.fetched, o.fetched);
	CHECK_EQ(s.b.failed, o.failed);
	CHECK_EQ(s.b.cancelled, o.cancelled);
	CHECK_EQ(s.in_flight, 0);
	CHECK_EQ(s.queued, 0);
	buf_done(&all);
	free(seen);
	return o;
}
