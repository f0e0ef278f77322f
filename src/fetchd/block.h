/* SPDX-License-Identifier: MIT
 *
 * block: up to 64 K lines of a submission, gathered so that they can be grouped by origin before
 * they go to the store.
 *
 * Grouping keeps a chunk's run directory short, and lets refill skip a slow host's jobs without
 * reading them. Within an origin the order of submission stays; origins come in the order of their
 * first line. One owner; flushing parks.
 */
#ifndef FETCHD_BLOCK_H
#define FETCHD_BLOCK_H

#include "src/common/buf.h"
#include "src/fetchd/job.h"
#include "src/fetchd/store.h"
#include "src/http/url.h"

#define BLOCK_LINES (64 * 1024)
#define BLOCK_BYTES (8 * 1024 * 1024)

struct block {
	struct buf text; /* the jobs' lines, in order of submission */
	struct block_line {
		uint32_t offset; /* in text; ends where the next begins */
		uint32_t group;
	} * lines;
	struct block_group {
		uint64_t hash;
		uint32_t origin, origin_len; /* in origins */
		uint32_t count;		     /* lines */
	} * groups;
	uint32_t lines_len, lines_cap, groups_len, groups_cap;
	struct buf origins;
	uint32_t *slots; /* open addressing, by hash: group + 1, 0 = free */
	uint32_t slots_len;
};

/* u: the job's URL, parsed. 0 or -ENOMEM (then nothing was added). */
int block_add(struct block *b, const struct url *u, const struct job_text *job) MUST_USE;
bool block_full(const struct block *b);

/* Writes it to the store as chunks *chunk, *chunk + 1, … of the batch and empties it. Parks. The
 * store's errors. */
int block_flush(struct block *b, struct store *store, uint64_t batch, uint32_t *chunk) MUST_USE;

void block_done(struct block *b);

#endif
