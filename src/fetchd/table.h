/* SPDX-License-Identifier: MIT
 *
 * table: the batches that the daemon knows, by id, and how many of them are unfinished.
 *
 * A submission reserves its batch's place before it begins, so that once the store has accepted it
 * nothing can fail any more. Any goroutine; nothing parks.
 */
#ifndef FETCHD_TABLE_H
#define FETCHD_TABLE_H

#include "src/fetchd/batch.h"

struct table {
	struct lock lock;	/* guards all of it; held alone */
	struct batch **batches; /* ascending; each holds a reference */
	size_t len, cap;
	uint32_t reserved, unfinished;
};

void table_done(struct table *t);

/* A place for one more. -EAGAIN: max batches are unfinished or reserved; -ENOMEM. */
int table_reserve(struct table *t, uint32_t max) MUST_USE;
void table_unreserve(struct table *t);
/* Into a reserved place. Takes the reference. */
void table_insert(struct table *t, struct batch *b);
/* A batch that wasn't done when it was inserted is now. */
void table_finished(struct table *t);

/* With a reference of the caller's. NULL = no such batch. */
struct batch *table_find(struct table *t, uint64_t id);
/* Drops the table's reference; false when b isn't there any more. */
bool table_remove(struct table *t, struct batch *b);
/* malloc'd. -ENOMEM. */
int table_ids(struct table *t, uint64_t **ret_ids, size_t *ret_len) MUST_USE;
uint32_t table_unfinished(struct table *t);

#endif
