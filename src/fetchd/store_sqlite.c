/* SPDX-License-Identifier: MIT
 *
 * store_sqlite: opens and closes the database, keeps its statements, and says what SQLite's errors
 * mean.
 *
 * Why these settings (measured): 16 KiB pages make 256 KiB blobs a third cheaper than 4 KiB ones;
 * WAL with synchronous=FULL makes a commit one append and one fsync; locking_mode=EXCLUSIVE keeps
 * an operator's sqlite3 from becoming the second connection, and needs no shared-memory file;
 * auto_vacuum=INCREMENTAL lets the sweeper give space back in steps. temp_store=MEMORY: a
 * savepoint's journal must not need a /tmp. Bitmaps have a table of their own, because an UPDATE
 * rewrites its whole row.
 */
#define _GNU_SOURCE /* asprintf */
#include "src/fetchd/store_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/common/log.h"

#define SCHEMA_VERSION 1
#define APPLICATION_ID 0x66746364 /* "ftcd" */

/* Before the WAL is first read: so it does without a -shm file. */
static const char lock_settings[] = "PRAGMA locking_mode = EXCLUSIVE;";

/* Of an empty file alone: on one that has pages auto_vacuum would write, and a start must not need
 * space. */
static const char file_settings[] = "PRAGMA page_size = 16384;"
				    "PRAGMA auto_vacuum = INCREMENTAL;";

static const char settings[] = "PRAGMA journal_mode = WAL;"
			       "PRAGMA synchronous = FULL;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA journal_size_limit = 67108864;"
			       "PRAGMA cell_size_check = ON;"
			       "PRAGMA trusted_schema = OFF;";

/* In one transaction with the version, so that a crash leaves all of it or none. data stands last
 * in its row: what is before it is read without touching the pages it fills. */
static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE batch(id INTEGER PRIMARY KEY AUTOINCREMENT, state INTEGER NOT NULL,"
	" jobs INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,"
	" fetched INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,"
	" cancelled INTEGER NOT NULL DEFAULT 0, expired INTEGER NOT NULL DEFAULT 0,"
	" created INTEGER NOT NULL, finished INTEGER NOT NULL DEFAULT 0,"
	" options TEXT NOT NULL) STRICT;"
	"CREATE TABLE job_chunk(key INTEGER PRIMARY KEY, jobs INTEGER NOT NULL,"
	" runs BLOB NOT NULL, data BLOB NOT NULL) STRICT;"
	"CREATE TABLE job_done(key INTEGER PRIMARY KEY, done BLOB NOT NULL) STRICT;"
	"CREATE TABLE result_chunk(key INTEGER PRIMARY KEY, lines INTEGER NOT NULL,"
	" marks BLOB NOT NULL, data BLOB NOT NULL) STRICT;"
	"PRAGMA application_id = 1718903652;"
	"PRAGMA user_version = 1;"
	"COMMIT;";

static const char *const sql_text[STORE_SQL_LEN] = {
#define X(id, text) [id] = text,
	STORE_STATEMENTS(X)
#undef X
};

static const struct store_ops ops;

/* ---- statements, on the thread ---- */

int store__error(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_TOOBIG:
		return -EFBIG;
	default:
		return -EIO;
	}
}

sqlite3_stmt *store__sql(struct sqlite_store *s, enum store_sql which)
{
	if (s->statements[which] == NULL)
		(void)sqlite3_prepare_v3(s->db, sql_text[which], -1, SQLITE_PREPARE_PERSISTENT,
					 &s->statements[which], NULL);
	return s->statements[which];
}

int store__step_row(struct sqlite_store *s, sqlite3_stmt *st)
{
	if (st == NULL)
		return store__error(sqlite3_errcode(s->db));
	int rc = sqlite3_step(st);
	return rc == SQLITE_ROW ? 1 : store__error(rc);
}

int store__run(struct sqlite_store *s, sqlite3_stmt *st)
{
	int err;
	do {
		err = store__step_row(s, st);
	} while (err > 0);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

int store__exec(struct sqlite_store *s, enum store_sql which)
{
	return store__run(s, store__sql(s, which));
}

/* ---- opening ---- */

struct open_call {
	struct sqlite_store *store;
	char *reason;
	int err;
};

/* What SQLite has to say beyond an error code, a kind once in a row. A full disk is the engine's to
 * tell. */
static void log_from_sqlite(void *arg, int code, const char *message)
{
	static _Atomic int last;
	(void)arg;
	int kind = code & 0xff;
	if (kind == SQLITE_FULL || kind == SQLITE_NOTICE || atomic_exchange(&last, code) == code)
		return;
	log_warn("store: SQLite %d: %s", code, message);
}

static int fail_open(struct open_call *call, int rc, const char *what)
{
	struct sqlite_store *s = call->store;
	const char *path = s->dir.database;
	const char *why = s->db ? sqlite3_errmsg(s->db) : "out of memory";
	int kind = rc & 0xff, len;
	if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB)
		len = asprintf(&call->reason,
			       "the store %s is damaged (%s): move it and %s-wal away to start "
			       "empty, or put a copy of both from a backup in their place",
			       path, why, path);
	else if (kind == SQLITE_BUSY)
		len = asprintf(&call->reason,
			       "the store %s is open in another program (the sqlite3 shell?)",
			       path);
	else
		len = asprintf(&call->reason, "the store %s: %s: %s", path, what, why);
	if (len < 0)
		call->reason = NULL;
	return kind == SQLITE_BUSY ? -EBUSY : store__error(rc);
}

static int pragma_number(struct sqlite_store *s, const char *sql, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		*ret = sqlite3_column_int64(st, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return rc;
}

static int set_up(struct sqlite_store *s)
{
	int64_t pages = 0;
	int rc = sqlite3_exec(s->db, lock_settings, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = pragma_number(s, "PRAGMA page_count", &pages);
	if (rc == SQLITE_OK && pages == 0)
		rc = sqlite3_exec(s->db, file_settings, NULL, NULL, NULL);
	return rc == SQLITE_OK ? sqlite3_exec(s->db, settings, NULL, NULL, NULL) : rc;
}

static int refuse_schema(struct open_call *call, int64_t application, int64_t version)
{
	const char *path = call->store->dir.database;
	int len =
		application != APPLICATION_ID
			? asprintf(&call->reason, "%s is a database of another program", path)
			: asprintf(
				  &call->reason,
				  "the store %s has format %lld, this fetchd knows %d: use a newer "
				  "fetchd, or move it away to start empty",
				  path, (long long)version, SCHEMA_VERSION);
	if (len < 0)
		call->reason = NULL;
	return -EINVAL;
}

static int open_schema(struct open_call *call)
{
	struct sqlite_store *s = call->store;
	int64_t tables, application, version;
	int rc = pragma_number(s, "SELECT count(*) FROM sqlite_schema", &tables);
	if (rc == SQLITE_OK)
		rc = pragma_number(s, "PRAGMA application_id", &application);
	if (rc == SQLITE_OK)
		rc = pragma_number(s, "PRAGMA user_version", &version);
	if (rc != SQLITE_OK)
		return fail_open(call, rc, "reading it");
	if (tables > 0 && (application != APPLICATION_ID || version != SCHEMA_VERSION))
		return refuse_schema(call, application, version);
	if (tables == 0) {
		rc = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
		if (rc != SQLITE_OK)
			return fail_open(call, rc, "making its tables");
	}
	return 0;
}

static int open_database(struct open_call *call)
{
	struct sqlite_store *s = call->store;
	static atomic_flag configured = ATOMIC_FLAG_INIT;
	if (!atomic_flag_test_and_set(&configured))
		(void)sqlite3_config(SQLITE_CONFIG_LOG, log_from_sqlite, NULL);
	int rc = sqlite3_open_v2(s->dir.database, &s->db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return fail_open(call, rc, "opening it");
	(void)sqlite3_extended_result_codes(s->db, 1);
	rc = set_up(s);
	if (rc != SQLITE_OK)
		return fail_open(call, rc, "setting it up");
	int err = open_schema(call);
	if (err)
		return err;
	/* A submission that was never answered is nobody's: the sweeper takes it. On a full disk it
	 * stays, unseen, until a later start. */
	err = store__exec(s, SQL_DROP_INGESTING);
	if (err && err != -ENOSPC)
		return fail_open(call, sqlite3_extended_errcode(s->db),
				 "dropping unfinished submissions");
	return 0;
}

static void close_database(void *arg)
{
	struct sqlite_store *s = arg;
	for (int i = 0; i < STORE_SQL_LEN; i++)
		sqlite3_finalize(s->statements[i]);
	int rc = sqlite3_close(s->db);
	if (rc != SQLITE_OK)
		panic("store: a statement is still open at close: SQLite %d", rc);
}

static void open_on_thread(void *arg)
{
	struct open_call *call = arg;
	call->err = open_database(call);
	if (call->err)
		close_database(call->store);
}

static void store_free(struct sqlite_store *s)
{
	blocking_thread_free(s->thread);
	statedir_close(&s->dir);
	free(s);
}

int store_sqlite_open(const char *state_dir, struct store **ret_store, char **ret_reason)
{
	struct statedir dir;
	int err = statedir_open(state_dir, &dir, ret_reason);
	if (err)
		return err;
	struct sqlite_store *s = xcalloc(1, sizeof(*s));
	s->base.ops = &ops;
	s->dir = dir;
	list_init(&s->queue);
	s->thread = blocking_thread_new("store");
	struct open_call call = { .store = s };
	blocking_thread_call(s->thread, open_on_thread, &call);
	if (call.err) {
		*ret_reason = call.reason;
		store_free(s);
		return call.err;
	}
	store__sweep_start(s);
	*ret_store = &s->base;
	return 0;
}

static void store_close(struct store *store)
{
	struct sqlite_store *s = store__sqlite(store);
	store__sweep_stop(s);
	blocking_thread_call(s->thread, close_database, s);
	store_free(s);
}

static const struct store_ops ops = {
	.batch_begin = store__batch_begin,
	.chunk_add = store__chunk_add,
	.batch_commit = store__batch_commit,
	.batch_abort = store__batch_abort,
	.batch_set_state = store__batch_set_state,
	.batch_delete = store__batch_delete,
	.batches = store__batches,
	.chunk_read = store__chunk_read,
	.results_add = store__results_add,
	.results_read = store__results_read,
	.close = store_close,
};
