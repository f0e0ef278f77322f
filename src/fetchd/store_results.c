/* SPDX-License-Identifier: MIT
 *
 * store_results: adding results: the chunk of lines, the bits of the jobs they answer, and the
 * batch's counts, in one transaction.
 *
 * This is where "exactly one record" is held: a job whose bit is set already refuses the whole
 * chunk with -EEXIST, and so does a mark that stands in it twice. A result chunk's key is the
 * number of result lines before it, so that a reader finds any line by one look-up.
 */
#include "src/fetchd/store_sqlite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "src/common/cleanup.h"
#include "src/fetchd/varint.h"

struct results_op {
	struct store_op op;
	const struct store_results *results;
	const struct store_mark *sorted; /* results->marks by chunk and place */
	struct buf marks;		 /* encoded, in the order of the lines */
	int64_t now_wall;
};

static int compare_marks(const void *a, const void *b)
{
	const struct store_mark *x = a, *y = b;
	if (x->chunk != y->chunk)
		return x->chunk < y->chunk ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Sets the bits of the marks from *i on that lie in one chunk. */
static int set_bits(struct sqlite_store *s, const struct results_op *add, uint32_t *i)
{
	const struct store_mark *mark = &add->sorted[*i];
	int64_t key = store__key(add->results->batch, mark->chunk);
	unsigned char bits[STORE_CHUNK_JOBS / 8];
	sqlite3_stmt *st = store__sql(s, SQL_DONE_GET);
	sqlite3_bind_int64(st, 1, key);
	int err = store__step_row(s, st);
	if (err <= 0)
		return err ? err : -EINVAL;
	size_t len = (size_t)sqlite3_column_bytes(st, 0);
	if (len <= sizeof(bits))
		memcpy(bits, sqlite3_column_blob(st, 0), len);
	sqlite3_reset(st);
	if (len > sizeof(bits))
		return -EIO;
	for (uint32_t chunk = mark->chunk; *i < add->results->len && add->sorted[*i].chunk == chunk;
	     (*i)++) {
		uint32_t place = add->sorted[*i].place;
		if (place / 8 >= len)
			return -EINVAL;
		if (bits[place / 8] & 1U << place % 8)
			return -EEXIST;
		bits[place / 8] |= (unsigned char)(1U << place % 8);
	}
	st = store__sql(s, SQL_DONE_SET);
	sqlite3_bind_int64(st, 1, key);
	sqlite3_bind_blob64(st, 2, bits, len, SQLITE_STATIC);
	return store__run(s, st);
}

/* The batch's results so far; refuses what doesn't add up. */
static int check_batch(struct sqlite_store *s, const struct store_results *r, uint64_t *ret_done,
		       int *ret_state)
{
	sqlite3_stmt *st = store__sql(s, SQL_BATCH_GET);
	sqlite3_bind_int64(st, 1, (int64_t)r->batch);
	int err = store__step_row(s, st);
	int state = err > 0 ? sqlite3_column_int(st, 0) : -1;
	uint64_t jobs = err > 0 ? (uint64_t)sqlite3_column_int64(st, 1) : 0;
	uint64_t done = err > 0 ? (uint64_t)sqlite3_column_int64(st, 2) : 0;
	sqlite3_reset(st);
	if (err <= 0)
		return err ? err : -ENOENT;
	if (state != BATCH_RUNNING && state != BATCH_CANCELLING)
		return state == BATCH_DONE ? -EEXIST : -ENOENT;
	if (done + r->len > jobs || r->finishes != (done + r->len == jobs))
		return -EINVAL;
	*ret_done = done;
	*ret_state = state;
	return 0;
}

static int insert_lines(struct sqlite_store *s, const struct results_op *add, uint64_t done)
{
	const struct store_results *r = add->results;
	sqlite3_stmt *st = store__sql(s, SQL_RESULTS_INSERT);
	sqlite3_bind_int64(st, 1, store__key(r->batch, done));
	sqlite3_bind_int64(st, 2, r->len);
	sqlite3_bind_blob64(st, 3, add->marks.data, add->marks.len, SQLITE_STATIC);
	sqlite3_bind_blob64(st, 4, r->data.data, r->data.len, SQLITE_STATIC);
	return store__run(s, st);
}

static int count_results(struct sqlite_store *s, const struct results_op *add, int state)
{
	const struct store_results *r = add->results;
	sqlite3_stmt *st = store__sql(s, SQL_BATCH_COUNT);
	sqlite3_bind_int64(st, 1, (int64_t)r->batch);
	sqlite3_bind_int64(st, 2, r->len);
	sqlite3_bind_int64(st, 3, r->fetched);
	sqlite3_bind_int64(st, 4, r->failed);
	sqlite3_bind_int64(st, 5, r->cancelled);
	sqlite3_bind_int64(st, 6, r->expired);
	sqlite3_bind_int(st, 7, r->finishes ? BATCH_DONE : state);
	sqlite3_bind_int64(st, 8, r->finishes ? add->now_wall : 0);
	return store__run(s, st);
}

static int apply_results(struct sqlite_store *s, struct store_op *op)
{
	const struct results_op *add = CONTAINER_OF(op, struct results_op, op);
	uint64_t done;
	int state, err = check_batch(s, add->results, &done, &state);
	for (uint32_t i = 0; !err && i < add->results->len;)
		err = set_bits(s, add, &i);
	if (!err)
		err = insert_lines(s, add, done);
	return err ? err : count_results(s, add, state);
}

int store__results_add(struct store *store, const struct store_results *r)
{
	if (r->len == 0 || r->fetched + r->failed + r->cancelled + r->expired != r->len)
		return -EINVAL;
	cleanup(cleanup_free) struct store_mark *sorted = malloc(r->len * sizeof(*sorted));
	cleanup(buf_done) struct buf marks = { 0 };
	if (sorted == NULL)
		return -ENOMEM;
	memcpy(sorted, r->marks, r->len * sizeof(*sorted));
	qsort(sorted, r->len, sizeof(*sorted), compare_marks);
	for (uint32_t i = 0; i < r->len; i++) {
		varint_append(&marks, r->marks[i].chunk);
		varint_append(&marks, r->marks[i].place);
	}
	if (marks.failed)
		return marks.failed;
	struct results_op add = {
		.op.apply = apply_results,
		.results = r,
		.sorted = sorted,
		.marks = marks,
		.now_wall = clock_wall(),
	};
	return store__write(store__sqlite(store), &add.op);
}
