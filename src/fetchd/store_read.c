/* SPDX-License-Identifier: MIT
 *
 * store_read: batches, chunks and results. Each call is one turn on the store's thread, between
 * commits: it sees what is committed and nothing else, and leaves no statement open.
 */
#include "src/fetchd/store_sqlite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int copy_column(sqlite3_stmt *st, int column, struct buf *b)
{
	const void *data = sqlite3_column_blob(st, column);
	int len = sqlite3_column_bytes(st, column);
	if (data == NULL && len > 0)
		return -ENOMEM;
	return buf_append(b, data, (size_t)len);
}

/* ---- batches ---- */

struct batches_call {
	struct sqlite_store *store;
	struct store_batch *batches;
	size_t len, cap;
	int err;
};

static int add_batch(struct batches_call *call, sqlite3_stmt *st)
{
	if (call->len == call->cap) {
		size_t cap = call->cap ? 2 * call->cap : 16;
		struct store_batch *grown = reallocarray(call->batches, cap, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		call->batches = grown;
		call->cap = cap;
	}
	const unsigned char *options = sqlite3_column_text(st, 10);
	char *copy = options ? str_dup(str_of((const char *)options)) : NULL;
	if (copy == NULL)
		return -ENOMEM;
	call->batches[call->len++] = (struct store_batch){
		.id = (uint64_t)sqlite3_column_int64(st, 0),
		.state = (enum batch_state)sqlite3_column_int(st, 1),
		.jobs = (uint64_t)sqlite3_column_int64(st, 2),
		.done = (uint64_t)sqlite3_column_int64(st, 3),
		.fetched = (uint64_t)sqlite3_column_int64(st, 4),
		.failed = (uint64_t)sqlite3_column_int64(st, 5),
		.cancelled = (uint64_t)sqlite3_column_int64(st, 6),
		.expired = (uint64_t)sqlite3_column_int64(st, 7),
		.created_wall = sqlite3_column_int64(st, 8),
		.finished_wall = sqlite3_column_int64(st, 9),
		.options = str_of(copy),
	};
	return 0;
}

static void read_batches(void *arg)
{
	struct batches_call *call = arg;
	sqlite3_stmt *st = store__sql(call->store, SQL_BATCHES);
	int err;
	while ((err = store__step_row(call->store, st)) > 0) {
		err = add_batch(call, st);
		if (err)
			break;
	}
	sqlite3_reset(st);
	call->err = err;
}

int store__batches(struct store *store, struct store_batch **ret_batches, size_t *ret_len)
{
	struct batches_call call = { .store = store__sqlite(store) };
	blocking_thread_call(call.store->thread, read_batches, &call);
	if (call.err) {
		for (size_t i = 0; i < call.len; i++)
			store_batch_done(&call.batches[i]);
		free(call.batches);
		return call.err;
	}
	*ret_batches = call.batches;
	*ret_len = call.len;
	return 0;
}

/* ---- a chunk ---- */

struct chunk_call {
	struct sqlite_store *store;
	bool want_data;
	struct store_chunk chunk;
	int err;
};

static int read_chunk_row(struct chunk_call *call, int64_t key)
{
	sqlite3_stmt *st = store__sql(call->store, SQL_CHUNK_GET);
	sqlite3_bind_int64(st, 1, key);
	int err = store__step_row(call->store, st);
	if (err > 0) {
		call->chunk.jobs = (uint32_t)sqlite3_column_int64(st, 0);
		err = copy_column(st, 1, &call->chunk.runs);
		if (!err && call->want_data)
			err = copy_column(st, 2, &call->chunk.data);
	} else if (err == 0) {
		err = -ENOENT;
	}
	sqlite3_reset(st);
	return err;
}

static int read_done_row(struct chunk_call *call, int64_t key)
{
	sqlite3_stmt *st = store__sql(call->store, SQL_DONE_GET);
	sqlite3_bind_int64(st, 1, key);
	int err = store__step_row(call->store, st);
	if (err >= 0)
		err = err > 0 ? copy_column(st, 0, &call->chunk.done) : -EIO;
	sqlite3_reset(st);
	if (!err && call->chunk.done.len != (call->chunk.jobs + 7) / 8)
		return -EIO;
	return err;
}

static void read_chunk(void *arg)
{
	struct chunk_call *call = arg;
	int64_t key = store__key(call->chunk.batch, call->chunk.chunk);
	call->err = read_chunk_row(call, key);
	if (!call->err)
		call->err = read_done_row(call, key);
}

int store__chunk_read(struct store *store, uint64_t batch, uint32_t chunk, bool want_data,
		      struct store_chunk *ret_chunk)
{
	struct chunk_call call = {
		.store = store__sqlite(store),
		.want_data = want_data,
		.chunk = { .batch = batch, .chunk = chunk },
	};
	blocking_thread_call(call.store->thread, read_chunk, &call);
	if (call.err) {
		store_chunk_done(&call.chunk);
		return call.err;
	}
	*ret_chunk = call.chunk;
	return 0;
}

/* ---- results ---- */

struct results_call {
	struct sqlite_store *store;
	uint64_t batch, after;
	size_t max_bytes, used;
	struct buf *out;
	uint64_t lines;
	int err;
};

/* Copies lines behind the first `skip` ones of data, while they fit; the first line of the call
 * fits always. */
static int copy_lines(struct results_call *call, struct str data, uint64_t skip, bool *ret_full)
{
	while (data.len > 0) {
		const char *end = memchr(data.data, '\n', data.len);
		if (end == NULL)
			return -EIO;
		size_t len = (size_t)(end - data.data) + 1;
		if (skip > 0) {
			skip--;
		} else if (call->lines > 0 && call->used + len > call->max_bytes) {
			*ret_full = true;
			return 0;
		} else {
			int err = buf_append(call->out, data.data, len);
			if (err)
				return err;
			call->used += len;
			call->lines++;
		}
		data = str_make(data.data + len, data.len - len);
	}
	return 0;
}

/* Reads on from one result chunk. *ret_end: there is no more, or no more room. */
static int read_result_chunk(struct results_call *call, bool *ret_end)
{
	uint64_t want = call->after + call->lines;
	sqlite3_stmt *st = store__sql(call->store, SQL_RESULTS_GET);
	sqlite3_bind_int64(st, 1, store__key(call->batch, 0));
	sqlite3_bind_int64(st, 2, store__key(call->batch, want));
	int err = store__step_row(call->store, st);
	*ret_end = true;
	if (err > 0) {
		uint64_t first = (uint64_t)sqlite3_column_int64(st, 0) & UINT32_MAX;
		uint64_t lines = (uint64_t)sqlite3_column_int64(st, 1);
		err = 0;
		if (want < first + lines) {
			struct str data = str_make(sqlite3_column_blob(st, 2),
						   (size_t)sqlite3_column_bytes(st, 2));
			*ret_end = false;
			err = data.data ? copy_lines(call, data, want - first, ret_end) : -ENOMEM;
		}
	}
	sqlite3_reset(st);
	return err;
}

static int check_readable(struct results_call *call)
{
	sqlite3_stmt *st = store__sql(call->store, SQL_BATCH_GET);
	sqlite3_bind_int64(st, 1, (int64_t)call->batch);
	int err = store__step_row(call->store, st);
	if (err >= 0) {
		int state = err > 0 ? sqlite3_column_int(st, 0) : STATE_DELETED;
		err = state == BATCH_INGESTING || state == STATE_DELETED ? -ENOENT : 0;
	}
	sqlite3_reset(st);
	return err;
}

static void read_results(void *arg)
{
	struct results_call *call = arg;
	bool end = call->after > UINT32_MAX;
	call->err = check_readable(call);
	while (!call->err && !end)
		call->err = read_result_chunk(call, &end);
}

int store__results_read(struct store *store, uint64_t batch, uint64_t after, size_t max_bytes,
			struct buf *out, uint64_t *ret_lines)
{
	struct results_call call = {
		.store = store__sqlite(store),
		.batch = batch,
		.after = after,
		.max_bytes = max_bytes,
		.out = out,
	};
	blocking_thread_call(call.store->thread, read_results, &call);
	if (!call.err)
		*ret_lines = call.lines;
	return call.err;
}
