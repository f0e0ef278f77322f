/* SPDX-License-Identifier: MIT
 *
 * table: a sorted array. Ids only grow, so an insertion is nearly always at its end, a look-up is
 * a binary search.
 */
#include "src/fetchd/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->len; i++)
		batch_unref(t->batches[i]);
	free(t->batches);
	*t = (struct table){ 0 };
}

/* Where id is, or would be. */
static size_t place_of(const struct table *t, uint64_t id)
{
	size_t low = 0, high = t->len;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->batches[middle]->source.batch < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int grow(struct table *t)
{
	if (t->len + t->reserved < t->cap)
		return 0;
	size_t cap = t->cap ? 2 * t->cap : 16;
	struct batch **batches = reallocarray(t->batches, cap, sizeof(struct batch *));
	if (batches == NULL)
		return -ENOMEM;
	t->batches = batches;
	t->cap = cap;
	return 0;
}

int table_reserve(struct table *t, uint32_t max)
{
	lock_acquire(&t->lock);
	int err = t->unfinished + t->reserved < max ? grow(t) : -EAGAIN;
	t->reserved += err ? 0 : 1;
	lock_release(&t->lock);
	return err;
}

void table_unreserve(struct table *t)
{
	lock_acquire(&t->lock);
	t->reserved--;
	lock_release(&t->lock);
}

void table_insert(struct table *t, struct batch *b)
{
	lock_acquire(&t->lock);
	size_t at = place_of(t, b->source.batch);
	memmove(&t->batches[at + 1], &t->batches[at], (t->len - at) * sizeof(struct batch *));
	t->batches[at] = b;
	t->len++;
	t->reserved--;
	t->unfinished += b->b.state == BATCH_DONE ? 0 : 1;
	lock_release(&t->lock);
}

void table_finished(struct table *t)
{
	lock_acquire(&t->lock);
	t->unfinished--;
	lock_release(&t->lock);
}

struct batch *table_find(struct table *t, uint64_t id)
{
	lock_acquire(&t->lock);
	size_t at = place_of(t, id);
	bool found = at < t->len && t->batches[at]->source.batch == id;
	struct batch *b = found ? batch_ref(t->batches[at]) : NULL;
	lock_release(&t->lock);
	return b;
}

bool table_remove(struct table *t, struct batch *b)
{
	lock_acquire(&t->lock);
	size_t at = place_of(t, b->source.batch);
	bool found = at < t->len && t->batches[at] == b;
	if (found) {
		t->len--;
		memmove(&t->batches[at], &t->batches[at + 1],
			(t->len - at) * sizeof(struct batch *));
	}
	lock_release(&t->lock);
	if (found)
		batch_unref(b);
	return found;
}

int table_ids(struct table *t, uint64_t **ret_ids, size_t *ret_len)
{
	lock_acquire(&t->lock);
	size_t len = t->len;
	uint64_t *ids = malloc((len ? len : 1) * sizeof(*ids));
	for (size_t i = 0; i < len && ids != NULL; i++)
		ids[i] = t->batches[i]->source.batch;
	lock_release(&t->lock);
	if (ids == NULL)
		return -ENOMEM;
	*ret_ids = ids;
	*ret_len = len;
	return 0;
}

uint32_t table_unfinished(struct table *t)
{
	lock_acquire(&t->lock);
	uint32_t unfinished = t->unfinished;
	lock_release(&t->lock);
	return unfinished;
}
