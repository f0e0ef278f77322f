/* SPDX-License-Identifier: MIT
 *
 * shelf: what the store's tests share: a store in test_dir(), batches and results to put on it.
 */
#ifndef TESTS_FETCHD_SHELF_H
#define TESTS_FETCHD_SHELF_H

#include "src/fetchd/store.h"

struct store *open_store(void);
struct store *reopen(struct store *s);
/* A path below test_dir(), in a buffer that the next call overwrites. */
const char *in_dir(const char *name);

void fill_chunk(struct store_chunk *c, uint64_t batch, uint32_t number, uint32_t jobs);
void add_chunk(struct store *s, uint64_t batch, uint32_t number, uint32_t jobs);
/* A running batch of `chunks` chunks with `jobs` jobs each. */
uint64_t make_batch(struct store *s, uint32_t chunks, uint32_t jobs);
/* Results for places [from, to) of a chunk: "result CHUNK.PLACE". */
int add_results(struct store *s, uint64_t batch, uint32_t chunk, uint32_t from, uint32_t to,
		bool finishes);

/* The at-th of want_len batches, without its options; zero when there is none. */
struct store_batch batch_at(struct store *s, size_t at, size_t want_len);
/* Bits that are set in a chunk's bitmap. */
uint32_t count_done(struct store *s, uint64_t batch, uint32_t chunk);
/* free() it. */
char *read_results(struct store *s, uint64_t batch, uint64_t after, size_t max,
		   uint64_t *ret_lines);

#endif
