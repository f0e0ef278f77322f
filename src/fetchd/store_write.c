/* SPDX-License-Identifier: MIT
 *
 * store_write: what a batch's life changes: begin, chunks, commit, state, abort, delete.
 *
 * Each operation is a struct that begins with its store_op, lies on the caller's stack while that
 * is parked, and is applied on the store's thread. An operation looks before it writes: what it
 * refuses itself, it refuses with nothing changed.
 */
#include "src/fetchd/store_sqlite.h"

#include <errno.h>

#include "runtime/clock.h"

/* ---- begin ---- */

struct begin_op {
	struct store_op op;
	struct str options;
	int64_t now_wall;
	uint64_t id;
};

static int apply_begin(struct sqlite_store *s, struct store_op *op)
{
	struct begin_op *begin = CONTAINER_OF(op, struct begin_op, op);
	sqlite3_stmt *st = store__sql(s, SQL_BATCH_INSERT);
	sqlite3_bind_int64(st, 1, begin->now_wall);
	sqlite3_bind_text64(st, 2, begin->options.data ? begin->options.data : "",
			    begin->options.len, SQLITE_STATIC, SQLITE_UTF8);
	int err = store__run(s, st);
	if (err)
		return err;
	begin->id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return begin->id <= STORE_BATCH_MAX ? 0 : -EOVERFLOW;
}

int store__batch_begin(struct store *store, struct str options, uint64_t *ret_id)
{
	struct begin_op begin = {
		.op.apply = apply_begin,
		.options = options,
		.now_wall = clock_wall(),
	};
	int err = store__write(store__sqlite(store), &begin.op);
	if (!err)
		*ret_id = begin.id;
	return err;
}

/* ---- chunk ---- */

struct chunk_op {
	struct store_op op;
	const struct store_chunk *chunk;
};

static int bind_blob(sqlite3_stmt *st, int at, const struct buf *b)
{
	return sqlite3_bind_blob64(st, at, b->data ? b->data : "", b->len, SQLITE_STATIC);
}

static int apply_chunk(struct sqlite_store *s, struct store_op *op)
{
	const struct store_chunk *c = CONTAINER_OF(op, struct chunk_op, op)->chunk;
	int64_t key = store__key(c->batch, c->chunk);
	sqlite3_stmt *st = store__sql(s, SQL_CHUNK_INSERT);
	sqlite3_bind_int64(st, 1, key);
	sqlite3_bind_int64(st, 2, c->jobs);
	bind_blob(st, 3, &c->runs);
	bind_blob(st, 4, &c->data);
	int err = store__run(s, st);
	if (err)
		return err;
	st = store__sql(s, SQL_DONE_INSERT);
	sqlite3_bind_int64(st, 1, key);
	bind_blob(st, 2, &c->done);
	return store__run(s, st);
}

int store__chunk_add(struct store *store, const struct store_chunk *c)
{
	if (c->jobs == 0 || c->jobs > STORE_CHUNK_JOBS || c->done.len != (c->jobs + 7) / 8)
		return -EINVAL;
	struct chunk_op chunk = { .op.apply = apply_chunk, .chunk = c };
	return store__write(store__sqlite(store), &chunk.op);
}

/* ---- from one state to the next ---- */

struct state_op {
	struct store_op op;
	uint64_t id;
	int from, to;
};

static int apply_state(struct sqlite_store *s, struct store_op *op)
{
	struct state_op *state = CONTAINER_OF(op, struct state_op, op);
	sqlite3_stmt *st = store__sql(s, SQL_BATCH_STATE);
	sqlite3_bind_int64(st, 1, (int64_t)state->id);
	sqlite3_bind_int(st, 2, state->to);
	sqlite3_bind_int(st, 3, state->from);
	int err = store__run(s, st);
	return err ? err : sqlite3_changes(s->db) == 1 ? 0 : -ENOENT;
}

static int change_state(struct store *store, uint64_t id, int from, int to)
{
	struct state_op state = { .op.apply = apply_state, .id = id, .from = from, .to = to };
	return store__write(store__sqlite(store), &state.op);
}

int store__batch_set_state(struct store *store, uint64_t id, enum batch_state state)
{
	if (state != BATCH_CANCELLING)
		return -EINVAL; /* the other states come with a commit or with results */
	return change_state(store, id, BATCH_RUNNING, BATCH_CANCELLING);
}

static int give_to_sweeper(struct store *store, uint64_t id, int from)
{
	int err = change_state(store, id, from, STATE_DELETED);
	if (!err)
		store__sweep_kick(store__sqlite(store));
	return err;
}

int store__batch_abort(struct store *store, uint64_t id)
{
	return give_to_sweeper(store, id, BATCH_INGESTING);
}

int store__batch_delete(struct store *store, uint64_t id)
{
	return give_to_sweeper(store, id, BATCH_DONE);
}

/* ---- commit ---- */

struct run_op {
	struct store_op op;
	uint64_t id, jobs;
	int64_t now_wall;
};

static int apply_run(struct sqlite_store *s, struct store_op *op)
{
	struct run_op *run = CONTAINER_OF(op, struct run_op, op);
	bool empty = run->jobs == 0;
	sqlite3_stmt *st = store__sql(s, SQL_BATCH_RUN);
	sqlite3_bind_int64(st, 1, (int64_t)run->id);
	sqlite3_bind_int(st, 2, empty ? BATCH_DONE : BATCH_RUNNING);
	sqlite3_bind_int64(st, 3, (int64_t)run->jobs);
	sqlite3_bind_int64(st, 4, empty ? run->now_wall : 0);
	int err = store__run(s, st);
	return err ? err : sqlite3_changes(s->db) == 1 ? 0 : -ENOENT;
}

int store__batch_commit(struct store *store, uint64_t id, uint64_t jobs)
{
	struct run_op run = {
		.op.apply = apply_run,
		.id = id,
		.jobs = jobs,
		.now_wall = clock_wall(),
	};
	return store__write(store__sqlite(store), &run.op);
}
