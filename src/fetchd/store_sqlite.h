/* SPDX-License-Identifier: MIT
 *
 * store_sqlite: what the files of the SQLite store share.
 *
 *	store_sqlite.c	open, schema, statements, close
 *	store_queue.c	group commit: many waiting changes, one transaction
 *	store_write.c	what a batch's life changes: begin, chunk, commit, state, abort, delete
 *	store_results.c	adding results, with the bits they set
 *	store_read.c	batches, chunks, results
 *	store_sweep.c	takes deleted batches away, 4 MiB at a time
 *
 * One connection, used by one OS thread alone (before 3.51.3 two can meet SQLite's WAL-reset
 * defect). Functions marked "on the thread" run there; everything else is for goroutines.
 */
#ifndef FETCHD_STORE_SQLITE_H
#define FETCHD_STORE_SQLITE_H

#include <sqlite3.h>

#include "runtime/blocking.h"
#include "runtime/errgroup.h"
#include "runtime/list.h"
#include "runtime/lock.h"
#include "src/fetchd/statedir.h"
#include "src/fetchd/store.h"

/* A batch that was deleted or aborted: gone for every reader, taken away by the sweeper. Stands in
 * batch.state. */
#define STATE_DELETED 4

/* A row's key: its batch, then its number within it. Rows of a batch lie side by side, and each
 * table is one plain b-tree. */
#define STORE_BATCH_MAX ((UINT64_C(1) << 31) - 1)
static inline int64_t store__key(uint64_t batch, uint64_t number)
{
	return (int64_t)(batch << 32 | number);
}

/* Every statement, prepared at its first use and kept. */
#define STORE_STATEMENTS(X)                                                                        \
	X(SQL_BEGIN, "BEGIN IMMEDIATE")                                                            \
	X(SQL_COMMIT, "COMMIT")                                                                    \
	X(SQL_ROLLBACK, "ROLLBACK")                                                                \
	X(SQL_SAVEPOINT, "SAVEPOINT op")                                                           \
	X(SQL_ROLLBACK_TO, "ROLLBACK TO op")                                                       \
	X(SQL_RELEASE, "RELEASE op")                                                               \
	X(SQL_BATCH_INSERT, "INSERT INTO batch(state, created, options) VALUES(0, ?1, ?2)")        \
	X(SQL_BATCH_STATE, "UPDATE batch SET state = ?2 WHERE id = ?1 AND state = ?3")             \
	X(SQL_BATCH_RUN,                                                                           \
	  "UPDATE batch SET state = ?2, jobs = ?3, finished = ?4 WHERE id = ?1 AND state = 0")     \
	X(SQL_BATCH_GET, "SELECT state, jobs, done FROM batch WHERE id = ?1")                      \
	X(SQL_BATCH_COUNT,                                                                         \
	  "UPDATE batch SET done = done + ?2, fetched = fetched + ?3, failed = failed + ?4, "      \
	  "cancelled = cancelled + ?5, expired = expired + ?6, state = ?7, finished = ?8 "         \
	  "WHERE id = ?1")                                                                         \
	X(SQL_BATCHES,                                                                             \
	  "SELECT id, state, jobs, done, fetched, failed, cancelled, expired, created, finished, " \
	  "options FROM batch WHERE state BETWEEN 1 AND 3 ORDER BY id")                            \
	X(SQL_CHUNK_INSERT, "INSERT INTO job_chunk(key, jobs, runs, data) VALUES(?1, ?2, ?3, ?4)") \
	X(SQL_CHUNK_GET, "SELECT jobs, runs, data FROM job_chunk WHERE key = ?1")                  \
	X(SQL_DONE_INSERT, "INSERT INTO job_done(key, done) VALUES(?1, ?2)")                       \
	X(SQL_DONE_GET, "SELECT done FROM job_done WHERE key = ?1")                                \
	X(SQL_DONE_SET, "UPDATE job_done SET done = ?2 WHERE key = ?1")                            \
	X(SQL_RESULTS_INSERT,                                                                      \
	  "INSERT INTO result_chunk(key, lines, marks, data) VALUES(?1, ?2, ?3, ?4)")              \
	X(SQL_RESULTS_GET,                                                                         \
	  "SELECT key, lines, data FROM result_chunk WHERE key BETWEEN ?1 AND ?2 "                 \
	  "ORDER BY key DESC LIMIT 1")                                                             \
	X(SQL_DROP_INGESTING, "UPDATE batch SET state = 4 WHERE state = 0")                        \
	X(SQL_SWEEP_NEXT, "SELECT id FROM batch WHERE state = 4 ORDER BY id LIMIT 1")              \
	X(SQL_SWEEP_RESULTS, "SELECT key, length(data) + length(marks) FROM result_chunk WHERE "   \
			     "key BETWEEN ?1 AND ?2 "                                              \
			     "ORDER BY key")                                                       \
	X(SQL_SWEEP_CHUNKS,                                                                        \
	  "SELECT key, length(data) + length(runs) FROM job_chunk WHERE key BETWEEN ?1 AND ?2 "    \
	  "ORDER BY key")                                                                          \
	X(SQL_SWEEP_DONE,                                                                          \
	  "SELECT key, length(done) FROM job_done WHERE key BETWEEN ?1 AND ?2 ORDER BY key")       \
	X(SQL_DELETE_RESULTS, "DELETE FROM result_chunk WHERE key BETWEEN ?1 AND ?2")              \
	X(SQL_DELETE_CHUNKS, "DELETE FROM job_chunk WHERE key BETWEEN ?1 AND ?2")                  \
	X(SQL_DELETE_DONE, "DELETE FROM job_done WHERE key BETWEEN ?1 AND ?2")                     \
	X(SQL_DELETE_BATCH, "DELETE FROM batch WHERE id = ?1")                                     \
	X(SQL_FREE_PAGES, "PRAGMA freelist_count")                                                 \
	X(SQL_VACUUM, "PRAGMA incremental_vacuum(256)")

enum store_sql {
#define X(id, text) id,
	STORE_STATEMENTS(X)
#undef X
	STORE_SQL_LEN
};

struct sqlite_store {
	struct store base;
	struct statedir dir;
	struct blocking_thread *thread;
	sqlite3 *db;				 /* the thread's */
	sqlite3_stmt *statements[STORE_SQL_LEN]; /* the thread's */
	struct lock lock;			 /* guards queue */
	struct list queue;			 /* of store_op, in order of arrival */
	struct context *sweep_ctx;
	struct errgroup *sweep_group;
	done_chan sweep_kick; /* capacity 1 */
};

static inline struct sqlite_store *store__sqlite(struct store *s)
{
	return CONTAINER_OF(s, struct sqlite_store, base);
}

/* ---- store_sqlite.c, on the thread ---- */

/* SQLite's code as -errno. */
int store__error(int rc);
/* NULL when it can't be prepared: what then steps it gives the error. */
sqlite3_stmt *store__sql(struct sqlite_store *s, enum store_sql which);
/* Runs it to its end and resets it. */
int store__run(struct sqlite_store *s, sqlite3_stmt *st);
/* The same for one without parameters. */
int store__exec(struct sqlite_store *s, enum store_sql which);
/* 1 = a row, 0 = the end. The caller resets. */
int store__step_row(struct sqlite_store *s, sqlite3_stmt *st);

/* ---- store_queue.c ---- */

/* A change that waits for its commit; the first member of the struct that has its arguments. */
struct store_op {
	/* On the thread, in a transaction; may be called again after a rollback. */
	int (*apply)(struct sqlite_store *s, struct store_op *op);
	struct list node;
	int result;
	bool settled; /* the thread's */
};

/* Parks until op is committed (0) or refused (-errno, nothing of it changed). */
int store__write(struct sqlite_store *s, struct store_op *op) MUST_USE;

/* ---- the operations of struct store_ops ---- */
int store__batch_begin(struct store *s, struct str options, uint64_t *ret_id);
int store__chunk_add(struct store *s, const struct store_chunk *c);
int store__batch_commit(struct store *s, uint64_t id, uint64_t jobs);
int store__batch_abort(struct store *s, uint64_t id);
int store__batch_set_state(struct store *s, uint64_t id, enum batch_state state);
int store__batch_delete(struct store *s, uint64_t id);
int store__batches(struct store *s, struct store_batch **ret_batches, size_t *ret_len);
int store__chunk_read(struct store *s, uint64_t batch, uint32_t chunk, bool want_data,
		      struct store_chunk *ret_chunk);
int store__results_add(struct store *s, const struct store_results *r);
int store__results_read(struct store *s, uint64_t batch, uint64_t after, size_t max_bytes,
			struct buf *out, uint64_t *ret_lines);

/* ---- store_sweep.c ---- */
void store__sweep_start(struct sqlite_store *s);
void store__sweep_kick(struct sqlite_store *s); /* there is something to take away; never parks */
void store__sweep_stop(struct sqlite_store *s); /* parks */

#endif
