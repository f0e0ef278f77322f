/* SPDX-License-Identifier: MIT
 *
 * batch: one submission while the daemon runs: its counts, the results that wait for their commit,
 * and who waits for results.
 *
 * Each unfinished batch has a goroutine of its own, batch_run, which commits: requests put their
 * records into a segment and go; the goroutine writes the segment when it is full, when its first
 * record is 25 ms old, or when the batch's last record has come. All batches' commits meet in the
 * store's group commit. Nothing shows a result before its commit.
 */
#ifndef FETCHD_BATCH_H
#define FETCHD_BATCH_H

#include "runtime/context.h"
#include "src/fetchd/engine.h"
#include "src/fetchd/hostq.h"
#include "src/fetchd/rate.h"
#include "src/fetchd/record.h"
#include "src/fetchd/store.h"

/* What all batches share; the engine's. */
struct batch_shared {
	struct store *store;
	struct hostq *q;
	/* Ends when no more records will come: commit what is there, then return. */
	struct context *ctx;
	_Atomic int trouble;	     /* the store's last error at a commit; told once */
	_Atomic uint64_t unfinished; /* jobs without a record */
	_Atomic uint64_t results_total, fetched_total, failed_total, bytes_total, commits_total,
		commit_errors_total;
};

/* Records on their way to one result chunk. */
struct segment {
	struct list node;
	struct buf data;
	struct store_mark *marks;
	uint32_t len, cap;
	uint32_t outcomes[OUTCOMES];
};

struct batch {
	struct source source; /* .batch is the id; its count is the batch's */
	struct batch_shared *shared;
	bool sha256;	      /* the batch's option */
	done_chan kick;	      /* capacity 1: batch_run should look again */
	struct lock lock;     /* guards what follows */
	struct store_batch b; /* what is committed */
	struct list segments; /* filled at the back, committed from the front */
	uint32_t pending;     /* records in them and in the one that is being committed */
	int trouble;	      /* the last commit's error */
	done_chan changed;    /* closed at the next change of b; nil while nobody waits */
	struct rate rate;
	bool deleted;
};

/* Owns b's options when it succeeds. One reference. NULL = out of memory. */
struct batch *batch_new(struct batch_shared *shared, struct store_batch *b) MUST_USE;
/* 0, or -EINVAL: an unknown option or value. Sets batch->sha256. */
int batch_set_options(struct batch *b, struct str options) MUST_USE;
struct batch *batch_ref(struct batch *b);
void batch_unref(struct batch *b);
static inline struct batch *batch_of(struct source *s)
{
	return CONTAINER_OF(s, struct batch, source);
}

/* An errgroup's function: until the batch is done or shared->ctx ends. Has a reference of its own,
 * which it drops. */
int batch_run(void *batch);

/* A job's record; from now on it is the batch's to commit. -ENOMEM: it is not. Never parks. */
int batch_add(struct batch *b, const struct job *job, struct str record,
	      enum outcome outcome) MUST_USE;

/* The store has the order: what isn't started ends as cancelled. */
void batch_cancel(struct batch *b);
/* For readers that wait: there will be no more. */
void batch_set_deleted(struct batch *b);

enum batch_state batch_state(struct batch *b);
int batch_status(struct batch *b, struct batch_status *ret_status) MUST_USE;
/* See engine_results_wait. */
int batch_wait(struct batch *b, uint64_t after, struct context *ctx) MUST_USE;

/* ---- batch_commit.c: used by batch_run ---- */
void segment__free(struct segment *s);
int segment__add(struct segment *s, struct store_mark mark, struct str record,
		 enum outcome outcome) MUST_USE;
/* pending: its records came by batch_add. False: the daemon stops before it could be done.
 * Parks. */
bool batch__commit(struct batch *b, const struct segment *s, bool pending);
/* Commits a record for every job that has none. False likewise. Parks. */
bool batch__cancel_rest(struct batch *b);

#endif
