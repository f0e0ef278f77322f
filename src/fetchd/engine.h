/* SPDX-License-Identifier: MIT
 *
 * engine: runs batches: takes jobs from the store, queues them by host, keeps a bounded number of
 * request goroutines in flight, turns answers into result records and commits them. What the API
 * calls.
 *
 * Everything here parks unless it says otherwise. Batches are named by number. Errors: -ENOENT no
 * such batch; the store's.
 */
#ifndef FETCHD_ENGINE_H
#define FETCHD_ENGINE_H

#include "runtime/context.h"
#include "src/client/client.h"
#include "src/fetchd/store.h"

struct engine;
struct engine_options {
	uint32_t max_in_flight;	 /* requests at once */
	uint32_t max_per_host;	 /* requests at once to one origin; 0 = no limit */
	uint32_t window;	 /* jobs held in memory; 0 = 4 x max_in_flight */
	uint64_t max_batch_jobs; /* a larger submission is refused; 0 = 100 million */
	uint32_t max_batches;	 /* unfinished ones; 0 = 1000 */
};

/* Loads what the store holds, resumes unfinished batches. Both borrowed until engine_close. */
int engine_open(const struct engine_options *o, struct store *store, struct client *client,
		struct engine **ret_engine) MUST_USE;

/* Stops orderly: no new requests, running ones get grace_ns, then are cancelled (their jobs stay
 * undone: the next start runs them), results of finished ones are committed. Frees. */
void engine_close(struct engine *e, int64_t grace_ns);

/* ---- a submission, streamed ---- */
struct ingest;
enum ingest_format {
	INGEST_TEXT,
	INGEST_NDJSON
};
struct ingest_error {
	uint64_t line;	/* from 1 */
	char text[200]; /* for people: what is wrong with it, the offending value cut */
};
/* options: the batch's options JSON object (digest). -EAGAIN = max_batches reached. */
int engine_ingest_begin(struct engine *e, enum ingest_format format, struct str options,
			struct ingest **ret_ingest) MUST_USE;
/* Any split of the input. -EINVAL with *ret_error for a bad line (the caller aborts then); blank
 * lines and lines that begin with '#' are skipped in text. A bad line refuses the whole submission:
 * nothing is half accepted. */
int ingest_feed(struct ingest *in, const char *data, size_t len,
		struct ingest_error *ret_error) MUST_USE;
/* Durable when 0; the batch runs. Frees in either case. */
int ingest_commit(struct ingest *in, uint64_t *ret_id, uint64_t *ret_jobs,
		  struct ingest_error *ret_error) MUST_USE;
void ingest_abort(struct ingest *in);

/* ---- looking at batches ---- */
struct batch_status {
	struct store_batch b;	    /* b.options owned: batch_status_done */
	uint64_t in_flight, queued; /* now */
	double rate;		    /* results a second over the last seconds; 0 when done */
	const char *waits_for;	    /* static, for people: "", "disk space", "host limits", ... */
};
int engine_batch_status(struct engine *e, uint64_t id, struct batch_status *ret_status) MUST_USE;
/* All ids, ascending; malloc'd. */
int engine_batch_ids(struct engine *e, uint64_t **ret_ids, size_t *ret_len) MUST_USE;
void batch_status_done(struct batch_status *s);

/* Appends committed result lines after the first `after`; *ret_lines 0 = none now. */
int engine_results_read(struct engine *e, uint64_t id, uint64_t after, size_t max_bytes,
			struct buf *out, uint64_t *ret_lines) MUST_USE;
/* Parks until more than `after` results are committed (1), the batch is done and there are no more
 * (0), or ctx ends (-errno). */
int engine_results_wait(struct engine *e, uint64_t id, uint64_t after,
			struct context *ctx) MUST_USE;

/* Jobs not yet started end as `cancelled`, one record each. Returns once the order is durable. */
int engine_batch_cancel(struct engine *e, uint64_t id) MUST_USE;
/* Only a finished batch: -EBUSY else. */
int engine_batch_delete(struct engine *e, uint64_t id) MUST_USE;

/* ---- metrics, never parks ---- */
struct engine_stats {
	uint64_t in_flight, queued, batches, results_total, fetched_total, failed_total,
		bytes_total, commits_total, commit_errors_total;
};
void engine_stats(struct engine *e, struct engine_stats *ret_stats);

#endif
