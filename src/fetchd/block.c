/* SPDX-License-Identifier: MIT
 *
 * block: grouping by origin is a counting sort: lines know their group, groups count their lines,
 * so each line's place is known after one pass. Cutting walks the lines in that order and closes a
 * chunk when it is large enough; a group that a cut falls into becomes a run in both chunks.
 */
#include "src/fetchd/block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/cleanup.h"

/* The array, moved when it had to grow for one more. NULL = out of memory, nothing changed. */
static void *grow(void *array, uint32_t *cap, size_t elem, uint32_t len)
{
	if (len < *cap)
		return array;
	uint32_t larger = *cap ? 2 * *cap : 64;
	void *grown = reallocarray(array, larger, elem);
	if (grown != NULL)
		*cap = larger;
	return grown;
}

/* ---- groups ---- */

static int grow_slots(struct block *b)
{
	if (2 * (b->groups_len + 1) <= b->slots_len)
		return 0;
	uint32_t len = b->slots_len ? 2 * b->slots_len : 128;
	uint32_t *slots = calloc(len, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	for (uint32_t g = 0; g < b->groups_len; g++) {
		uint32_t at = (uint32_t)b->groups[g].hash & (len - 1);
		while (slots[at] != 0)
			at = (at + 1) & (len - 1);
		slots[at] = g + 1;
	}
	free(b->slots);
	b->slots = slots;
	b->slots_len = len;
	return 0;
}

static struct str group_origin(const struct block *b, const struct block_group *g)
{
	return str_make(b->origins.data + g->origin, g->origin_len);
}

/* Finds u's group. The origin is written behind the others at first: there it stays when it is
 * new. */
static int find_group(struct block *b, const struct url *u, uint32_t *ret_group)
{
	int err = grow_slots(b);
	if (err)
		return err;
	struct block_group *groups =
		grow(b->groups, &b->groups_cap, sizeof(*groups), b->groups_len);
	if (groups == NULL)
		return -ENOMEM;
	b->groups = groups;
	size_t start = b->origins.len;
	if (url_origin(u, &b->origins) != 0)
		return -ENOMEM;
	struct str origin = str_make(b->origins.data + start, b->origins.len - start);
	uint64_t hash = url_origin_hash(u);
	uint32_t at = (uint32_t)hash & (b->slots_len - 1);
	for (; b->slots[at] != 0; at = (at + 1) & (b->slots_len - 1)) {
		const struct block_group *g = &b->groups[b->slots[at] - 1];
		if (g->hash == hash && str_eq(group_origin(b, g), origin)) {
			b->origins.len = start;
			*ret_group = b->slots[at] - 1;
			return 0;
		}
	}
	b->groups[b->groups_len] = (struct block_group){
		.hash = hash,
		.origin = (uint32_t)start,
		.origin_len = (uint32_t)origin.len,
	};
	*ret_group = b->groups_len++;
	b->slots[at] = b->groups_len;
	return 0;
}

int block_add(struct block *b, const struct url *u, const struct job_text *job)
{
	struct block_line *lines = grow(b->lines, &b->lines_cap, sizeof(*lines), b->lines_len);
	if (lines == NULL)
		return -ENOMEM;
	b->lines = lines;
	uint32_t group;
	int err = find_group(b, u, &group);
	if (err)
		return err;
	size_t start = b->text.len;
	if (job_write(&b->text, job) != 0)
		return -ENOMEM;
	b->groups[group].count++;
	b->lines[b->lines_len++] = (struct block_line){ .offset = (uint32_t)start, .group = group };
	return 0;
}

bool block_full(const struct block *b)
{
	return b->lines_len >= BLOCK_LINES || b->text.len >= BLOCK_BYTES;
}

/* ---- chunks ---- */

/* The chunk that is being filled, and its last run. */
struct cut {
	struct store *store;
	struct store_chunk chunk;
	struct store_run run;
};

static void cut_done(struct cut *c)
{
	store_chunk_done(&c->chunk);
}

static int end_run(struct cut *c)
{
	int err = c->run.count > 0 ? store_runs_add(&c->chunk.runs, &c->run) : 0;
	c->run.count = 0;
	return err;
}

static int end_chunk(struct cut *c)
{
	int err = end_run(c);
	if (err || c->chunk.jobs == 0)
		return err;
	size_t bitmap = (c->chunk.jobs + 7) / 8;
	err = buf_reserve(&c->chunk.done, bitmap);
	if (err)
		return err;
	memset(c->chunk.done.data, 0, bitmap);
	c->chunk.done.len = bitmap;
	err = c->store->ops->chunk_add(c->store, &c->chunk);
	if (err)
		return err;
	buf_clear(&c->chunk.data);
	buf_clear(&c->chunk.runs);
	buf_clear(&c->chunk.done);
	c->chunk.jobs = 0;
	c->chunk.chunk++;
	return 0;
}

static bool chunk_full(const struct cut *c, size_t more)
{
	return c->chunk.jobs == STORE_CHUNK_JOBS ||
	       (c->chunk.jobs > 0 &&
		c->chunk.data.len + c->chunk.runs.len + more > STORE_CHUNK_BYTES);
}

static int add_line(struct cut *c, struct str origin, bool new_origin, struct str line)
{
	int err = new_origin ? end_run(c) : 0;
	if (!err && chunk_full(c, line.len))
		err = end_chunk(c);
	if (err)
		return err;
	if (c->run.count == 0)
		c->run = (struct store_run){
			.origin = origin,
			.first = c->chunk.jobs,
			.offset = (uint32_t)c->chunk.data.len,
		};
	c->run.count++;
	c->chunk.jobs++;
	return buf_append_str(&c->chunk.data, line);
}

static struct str block_text(const struct block *b, uint32_t line)
{
	uint32_t start = b->lines[line].offset;
	size_t end = line + 1 < b->lines_len ? b->lines[line + 1].offset : b->text.len;
	return str_make(b->text.data + start, end - start);
}

/* The lines' numbers, group by group. NULL = out of memory. */
static uint32_t *sort_lines(const struct block *b)
{
	uint32_t *order = malloc((b->lines_len + (size_t)b->groups_len) * sizeof(*order));
	if (order == NULL)
		return NULL;
	uint32_t *next = order + b->lines_len;
	uint32_t at = 0;
	for (uint32_t g = 0; g < b->groups_len; g++) {
		next[g] = at;
		at += b->groups[g].count;
	}
	for (uint32_t i = 0; i < b->lines_len; i++)
		order[next[b->lines[i].group]++] = i;
	return order;
}

static void block_clear(struct block *b)
{
	buf_clear(&b->text);
	buf_clear(&b->origins);
	b->lines_len = b->groups_len = 0;
	memset(b->slots, 0, b->slots_len * sizeof(*b->slots));
}

int block_flush(struct block *b, struct store *store, uint64_t batch, uint32_t *chunk)
{
	if (b->lines_len == 0)
		return 0;
	cleanup(cleanup_free) uint32_t *order = sort_lines(b);
	if (order == NULL)
		return -ENOMEM;
	cleanup(cut_done) struct cut c = { .store = store,
					   .chunk = { .batch = batch, .chunk = *chunk } };
	uint32_t group = UINT32_MAX;
	int err = 0;
	for (uint32_t i = 0; i < b->lines_len && !err; i++) {
		uint32_t g = b->lines[order[i]].group;
		err = add_line(&c, group_origin(b, &b->groups[g]), g != group,
			       block_text(b, order[i]));
		group = g;
	}
	if (!err)
		err = end_chunk(&c);
	*chunk = c.chunk.chunk;
	block_clear(b);
	return err;
}

void block_done(struct block *b)
{
	free(b->lines);
	free(b->groups);
	free(b->slots);
	buf_done(&b->text);
	buf_done(&b->origins);
	*b = (struct block){ 0 };
}
