/* SPDX-License-Identifier: MIT
 *
 * store: what every kind of store shares: the run directory's bytes and the destructors.
 *
 * A directory is its runs one after the other, each as LEB128 numbers: length of origin, origin,
 * first, count, offset. Reading checks each length against what is left, for these bytes come from
 * a disk. Pure: any thread.
 */
#include "src/fetchd/store.h"

#include <stdlib.h>

#include "src/fetchd/varint.h"

void store_batch_done(struct store_batch *b)
{
	free((void *)(uintptr_t)b->options.data);
	b->options = (struct str){ 0 };
}

void store_chunk_done(struct store_chunk *c)
{
	buf_done(&c->data);
	buf_done(&c->done);
	buf_done(&c->runs);
}

int store_runs_add(struct buf *runs, const struct store_run *run)
{
	varint_append(runs, run->origin.len);
	buf_append_str(runs, run->origin);
	varint_append(runs, run->first);
	varint_append(runs, run->count);
	return varint_append(runs, run->offset);
}

bool store_runs_next(const struct buf *runs, size_t *cursor, struct store_run *ret_run)
{
	struct str rest = str_make(runs->data + *cursor, runs->len - *cursor);
	uint64_t origin_len, first, count, offset;
	if (!varint_take(&rest, &origin_len) || origin_len > rest.len)
		return false;
	struct str origin = str_make(rest.data, origin_len);
	rest = str_make(rest.data + origin_len, rest.len - origin_len);
	if (!varint_take(&rest, &first) || !varint_take(&rest, &count) ||
	    !varint_take(&rest, &offset))
		return false;
	if ((first | count | offset) > UINT32_MAX)
		return false;
	*ret_run = (struct store_run){
		.origin = origin,
		.first = (uint32_t)first,
		.count = (uint32_t)count,
		.offset = (uint32_t)offset,
	};
	*cursor = runs->len - rest.len;
	return true;
}
