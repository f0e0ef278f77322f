/* SPDX-License-Identifier: MIT */
#include "tests/fetchd/shelf.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/harness.h"

struct store *open_store(void)
{
	struct store *s;
	char *reason = NULL;
	int err = store_sqlite_open(test_dir(), &s, &reason);
	if (err)
		test_fail("store: %d %s", err, reason);
	return s;
}

struct store *reopen(struct store *s)
{
	s->ops->close(s);
	return open_store();
}

void fill_chunk(struct store_chunk *c, uint64_t batch, uint32_t number, uint32_t jobs)
{
	*c = (struct store_chunk){ .batch = batch, .chunk = number, .jobs = jobs };
	for (uint32_t i = 0; i < jobs; i++)
		buf_printf(&c->data, "{\"index\":%u,\"url\":\"http://h/%u\"}\n", i, i);
	for (uint32_t i = 0; i < (jobs + 7) / 8; i++)
		buf_append_char(&c->done, 0);
	CHECK_OK(store_runs_add(
		&c->runs, &(struct store_run){ .origin = STR("http://h:80"), .count = jobs }));
}

void add_chunk(struct store *s, uint64_t batch, uint32_t number, uint32_t jobs)
{
	struct store_chunk c;
	fill_chunk(&c, batch, number, jobs);
	CHECK_OK(s->ops->chunk_add(s, &c));
	store_chunk_done(&c);
}

uint64_t make_batch(struct store *s, uint32_t chunks, uint32_t jobs)
{
	uint64_t id;
	CHECK_OK(s->ops->batch_begin(s, STR("{}"), &id));
	for (uint32_t i = 0; i < chunks; i++)
		add_chunk(s, id, i, jobs);
	CHECK_OK(s->ops->batch_commit(s, id, (uint64_t)chunks * jobs));
	return id;
}

int add_results(struct store *s, uint64_t batch, uint32_t chunk, uint32_t from, uint32_t to,
		bool finishes)
{
	struct store_results r = {
		.batch = batch, .len = to - from, .fetched = to - from, .finishes = finishes
	};
	r.marks = calloc(r.len + 1, sizeof(*r.marks));
	for (uint32_t i = from; i < to; i++) {
		r.marks[i - from] = (struct store_mark){ .chunk = chunk, .place = i };
		buf_printf(&r.data, "result %u.%u\n", chunk, i);
	}
	int err = s->ops->results_add(s, &r);
	buf_done(&r.data);
	free(r.marks);
	return err;
}

struct store_batch batch_at(struct store *s, size_t at, size_t want_len)
{
	struct store_batch *batches, found = { 0 };
	size_t len;
	CHECK_OK(s->ops->batches(s, &batches, &len));
	CHECK_EQ(len, want_len);
	if (at < len)
		found = batches[at];
	for (size_t i = 0; i < len; i++)
		store_batch_done(&batches[i]);
	free(batches);
	found.options = (struct str){ 0 };
	return found;
}

uint32_t count_done(struct store *s, uint64_t batch, uint32_t chunk)
{
	struct store_chunk c;
	CHECK_OK(s->ops->chunk_read(s, batch, chunk, false, &c));
	uint32_t n = 0;
	for (uint32_t i = 0; i < c.jobs; i++)
		n += (unsigned char)c.done.data[i / 8] >> i % 8 & 1;
	store_chunk_done(&c);
	return n;
}

char *read_results(struct store *s, uint64_t batch, uint64_t after, size_t max, uint64_t *ret_lines)
{
	struct buf out = { 0 };
	CHECK_OK(s->ops->results_read(s, batch, after, max, &out, ret_lines));
	CHECK(buf_cstr(&out) != NULL);
	return out.data;
}

const char *in_dir(const char *name)
{
	static char path[4096];
	snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	return path;
}
