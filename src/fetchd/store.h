/* SPDX-License-Identifier: MIT
 *
 * store: what must outlive the daemon: batches, job chunks, result chunks. An interface; SQLite
 * behind it now (store_sqlite.c).
 *
 * Jobs and results are kept in chunks of NDJSON, not a row each. A job chunk holds jobs of one
 * batch sorted by origin, with a run directory; its done-bitmap (bit = the job's place in the
 * chunk) changes in the same commit as the result that sets the bit, so a restart reads bitmaps and
 * never results. Every call parks the goroutine; calls of many goroutines share a commit (group
 * commit). A call that changes something returns 0 only after that commit is on disk
 * (synchronous=FULL). Errors: -ENOSPC disk full (nothing was changed, try again later), -EIO,
 * -ENOENT no such batch, -ENOMEM.
 */
#ifndef FETCHD_STORE_H
#define FETCHD_STORE_H

#include "runtime/base.h"
#include "src/common/buf.h"
#include "src/common/str.h"

#define STORE_CHUNK_BYTES (256 * 1024) /* a chunk's data is closed at about this size */
#define STORE_CHUNK_JOBS  8192	       /* or at this many jobs */

enum batch_state {
	BATCH_INGESTING = 0,
	BATCH_RUNNING = 1,
	BATCH_CANCELLING = 2,
	BATCH_DONE = 3
};

struct store_batch {
	uint64_t id; /* decimal, from 1, never used twice */
	enum batch_state state;
	uint64_t jobs;				      /* total */
	uint64_t done;				      /* = results committed */
	uint64_t fetched, failed, cancelled, expired; /* done by state */
	int64_t created_wall, finished_wall;	      /* ns since 1970; finished 0 = not yet */
	struct str options; /* JSON; owned by whoever got the struct: store_batch_done */
};
void store_batch_done(struct store_batch *b);

/* Jobs [first, first+count) of a chunk share an origin ("http://host:port"). offset: where the
 * first one's line begins in data. */
struct store_run {
	struct str origin;
	uint32_t first, count, offset;
};

struct store_chunk {
	uint64_t batch;
	uint32_t chunk; /* from 0, per batch */
	uint32_t jobs;
	struct buf data; /* NDJSON, a job a line: see job.h */
	struct buf done; /* bitmap, (jobs+7)/8 bytes */
	struct buf runs; /* encoded directory: read with store_runs_next */
};
void store_chunk_done(struct store_chunk *c);
int store_runs_add(struct buf *runs, const struct store_run *run) MUST_USE;
bool store_runs_next(const struct buf *runs, size_t *cursor,
		     struct store_run *ret_run); /* origin borrows from runs */

/* Results of one batch, committed together. */
struct store_mark {
	uint32_t chunk, place; /* which job each result line answers */
};
struct store_results {
	uint64_t batch;
	struct buf data;	  /* NDJSON, a result a line */
	struct store_mark *marks; /* as many as lines */
	uint32_t len;
	uint32_t fetched, failed, cancelled, expired;
	bool finishes; /* these are the last: the batch becomes BATCH_DONE in the same commit */
};

struct store;
struct store_ops {
	int (*batch_begin)(struct store *s, struct str options, uint64_t *ret_id);
	/* While INGESTING. Borrows c. */
	int (*chunk_add)(struct store *s, const struct store_chunk *c);
	/* INGESTING -> RUNNING (DONE when jobs == 0). */
	int (*batch_commit)(struct store *s, uint64_t id, uint64_t jobs);
	/* While INGESTING: all of it goes. */
	int (*batch_abort)(struct store *s, uint64_t id);
	/* RUNNING -> CANCELLING; -ENOENT when it isn't RUNNING. The other states come with
	 * batch_commit and results_add. */
	int (*batch_set_state)(struct store *s, uint64_t id, enum batch_state state);
	/* A DONE one, gone at once for every reader; its space comes free in steps, a restart goes
	 * on with them. */
	int (*batch_delete)(struct store *s, uint64_t id);
	/* All batches but INGESTING ones (those are aborted at open), in id order; *ret array is
	 * malloc'd. */
	int (*batches)(struct store *s, struct store_batch **ret_batches, size_t *ret_len);
	/* The chunk with data (want_data) or only directory and bitmap. -ENOENT past the last. */
	int (*chunk_read)(struct store *s, uint64_t batch, uint32_t chunk, bool want_data,
			  struct store_chunk *ret_chunk);
	/* Borrows r. -EEXIST: one of the jobs has a result already; -EINVAL: a mark that names no
	 * job, or counts that don't add up. Nothing was changed then. */
	int (*results_add)(struct store *s, const struct store_results *r);
	/* Result lines after the first `after` ones, whole lines, at most about max_bytes; appended
	 * to out. *ret_lines how many. 0 lines = no more now. */
	int (*results_read)(struct store *s, uint64_t batch, uint64_t after, size_t max_bytes,
			    struct buf *out, uint64_t *ret_lines);
	void (*close)(struct store *s);
};
struct store {
	const struct store_ops *ops;
};

/* Opens (makes) STATE_DIR/fetchd.db; takes STATE_DIR/lock (flock) first: -EBUSY = another daemon
 * has it. *ret_reason: for people, free(). */
int store_sqlite_open(const char *state_dir, struct store **ret_store, char **ret_reason) MUST_USE;

#endif
