/* SPDX-License-Identifier: MIT
 *
 * ingest: a submission on its way in: bytes -> lines -> checked jobs -> blocks -> chunks in the
 * store. Its callers' face is in engine.h.
 *
 * Streamed: at most one block, one line and one chunk are in memory (9 MiB), and only as much of
 * that as the submission needs. The batch exists in the store from the first full block on,
 * INGESTING, so that a crash or an abort leaves nothing that counts.
 */
#ifndef FETCHD_INGEST_H
#define FETCHD_INGEST_H

#include "src/fetchd/block.h"
#include "src/fetchd/engine.h"

#define INGEST_LINE_BYTES (128 * 1024) /* a URL of URL_LIMIT and its tag, escaped */
#define INGEST_TAG_BYTES  1024

struct ingest {
	struct engine *engine; /* these two are the engine's */
	struct batch *owner;
	struct store *store; /* borrowed */
	enum ingest_format format;
	struct buf options; /* the batch's, JSON */
	uint64_t max_jobs;
	uint64_t id; /* of the batch in the store; 0 = not begun */
	int64_t created_wall;
	bool committed;
	uint64_t line, jobs;
	uint32_t chunk;	    /* the next */
	struct buf partial; /* a line whose end hasn't come */
	struct block block;
};

/* NULL = out of memory. */
struct ingest *ingest__new(struct store *store, enum ingest_format format, struct str options,
			   uint64_t max_jobs) MUST_USE;
/* The last line, the last block, and the store's commit. Parks. */
int ingest__finish(struct ingest *in, struct ingest_error *ret_error) MUST_USE;
/* An uncommitted batch is taken out of the store again. Parks. */
void ingest__free(struct ingest *in);

/* ---- ingest_json.c: what jansson does for it ---- */

/* 0, or -EINVAL: not UTF-8 (or no memory to look). */
int ingest__check_utf8(struct str line) MUST_USE;

struct ingest_job {
	struct buf url, tag, method;
	bool has_tag;
};
void ingest_job_done(struct ingest_job *job);
/* 0; -EINVAL with *ret_why filled; -ENOMEM. */
int ingest__parse_json(struct str line, struct ingest_job *job, struct buf *ret_why) MUST_USE;

#endif
