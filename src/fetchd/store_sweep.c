/* SPDX-License-Identifier: MIT
 *
 * store_sweep: takes deleted and aborted batches away, one goroutine, at most 4 MiB a commit:
 * deleting 1 GiB at once would stop every other writer for seconds and grow the WAL by as much
 * (measured).
 *
 * A batch is gone for readers from the moment its state says so; its rows go here, results first,
 * the batch's own row last, so that a restart finds what is left to do. When no batch is left, free
 * pages at the file's end are given back, in steps again. Nothing to do: the goroutine sleeps until
 * a kick. A step that fails (full disk) is tried again after a second.
 */
#include "src/fetchd/store_sqlite.h"

#include <errno.h>

#include "runtime/select.h"
#include "runtime/ticker.h"

#define STEP_BYTES (4 * 1024 * 1024)
#define STEP_ROWS  4096
#define STEP_PAGES 256 /* as SQL_VACUUM says: 4 MiB */
#define RETRY_NS   SECOND

/* How far one step may delete in a table. *ret_last is untouched when there is nothing. */
static int find_step(struct sqlite_store *s, enum store_sql which, uint64_t batch,
		     int64_t *ret_last)
{
	sqlite3_stmt *st = store__sql(s, which);
	sqlite3_bind_int64(st, 1, store__key(batch, 0));
	sqlite3_bind_int64(st, 2, store__key(batch, UINT32_MAX));
	int64_t bytes = 0;
	int err = 0, rows = 0;
	while (bytes < STEP_BYTES && rows < STEP_ROWS && (err = store__step_row(s, st)) > 0) {
		*ret_last = sqlite3_column_int64(st, 0);
		bytes += sqlite3_column_int64(st, 1);
		rows++;
	}
	sqlite3_reset(st);
	return err < 0 ? err : 0;
}

/* 1 = rows were deleted, 0 = the table holds none of the batch. */
static int delete_step(struct sqlite_store *s, enum store_sql find, enum store_sql delete,
		       uint64_t batch)
{
	int64_t last = -1;
	int err = find_step(s, find, batch, &last);
	if (err || last < 0)
		return err;
	sqlite3_stmt *st = store__sql(s, delete);
	sqlite3_bind_int64(st, 1, store__key(batch, 0));
	sqlite3_bind_int64(st, 2, last);
	err = store__run(s, st);
	return err ? err : 1;
}

static int delete_batch(struct sqlite_store *s, uint64_t batch)
{
	sqlite3_stmt *st = store__sql(s, SQL_DELETE_BATCH);
	sqlite3_bind_int64(st, 1, (int64_t)batch);
	int err = store__run(s, st);
	return err ? err : 1;
}

static int sweep_batch(struct sqlite_store *s, uint64_t batch)
{
	static const enum store_sql tables[][2] = {
		{ SQL_SWEEP_RESULTS, SQL_DELETE_RESULTS },
		{ SQL_SWEEP_CHUNKS, SQL_DELETE_CHUNKS },
		{ SQL_SWEEP_DONE, SQL_DELETE_DONE },
	};
	int did = 0;
	for (size_t i = 0; i < ARRAY_LEN(tables) && did == 0; i++)
		did = delete_step(s, tables[i][0], tables[i][1], batch);
	return did != 0 ? did : delete_batch(s, batch);
}

static int read_number(struct sqlite_store *s, enum store_sql which, int64_t *ret)
{
	sqlite3_stmt *st = store__sql(s, which);
	int err = store__step_row(s, st);
	if (err > 0)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return err < 0 ? err : 0;
}

/* Deleting first, so that new batches can use the pages; then the file shrinks. -ENOENT when there
 * is nothing left to do. */
static int apply_sweep(struct sqlite_store *s, struct store_op *op)
{
	(void)op;
	int64_t batch = -1, free_pages = 0;
	int err = read_number(s, SQL_SWEEP_NEXT, &batch);
	if (err)
		return err;
	if (batch >= 0) {
		int did = sweep_batch(s, (uint64_t)batch);
		return did < 0 ? did : 0;
	}
	err = read_number(s, SQL_FREE_PAGES, &free_pages);
	if (err)
		return err;
	return free_pages >= STEP_PAGES ? store__exec(s, SQL_VACUUM) : -ENOENT;
}

/* False when the store closes. */
static bool sweep_wait(struct sqlite_store *s, int err)
{
	enum {
		ON_KICK,
		ON_RETRY,
		ON_STOP
	};
	time_chan retry = err == -ENOENT ? (time_chan){ 0 } : time_after(RETRY_NS);
	struct select_case cases[] = {
		[ON_KICK] = on_recv(s->sweep_kick, NULL),
		[ON_RETRY] = on_recv(retry, NULL),
		[ON_STOP] = on_recv(context_done(s->sweep_ctx), NULL),
	};
	bool stop = select_wait(cases) == ON_STOP;
	chan_unref(retry);
	return !stop;
}

static int sweep(void *arg)
{
	struct sqlite_store *s = arg;
	while (context_err(s->sweep_ctx) == 0) {
		struct store_op op = { .apply = apply_sweep };
		int err = store__write(s, &op);
		if (err && !sweep_wait(s, err))
			break;
	}
	return 0;
}

void store__sweep_start(struct sqlite_store *s)
{
	s->sweep_kick = chan_make(done_chan, 1);
	s->sweep_ctx = context_with_cancel(context_background());
	s->sweep_group = errgroup_new(s->sweep_ctx);
	errgroup_go(s->sweep_group, sweep, s);
}

void store__sweep_kick(struct sqlite_store *s)
{
	(void)chan_try_send(s->sweep_kick, NOTHING);
}

void store__sweep_stop(struct sqlite_store *s)
{
	context_cancel(s->sweep_ctx);
	if (errgroup_wait(s->sweep_group) != 0)
		panic("store: the sweeper returned an error");
	context_unref(s->sweep_ctx);
	chan_unref(s->sweep_kick);
}
