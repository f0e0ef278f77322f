/* SPDX-License-Identifier: MIT
 *
 * refill: one goroutine that keeps the host queues filled from the store's chunks. See refill.c for
 * which job comes next.
 */
#ifndef FETCHD_REFILL_H
#define FETCHD_REFILL_H

#include "runtime/context.h"
#include "src/fetchd/hostq.h"
#include "src/fetchd/store.h"

#define REFILL_CACHE 16 /* chunks kept, about 256 KiB each */

struct refill {
	struct hostq *q;      /* borrowed */
	struct store *store;  /* borrowed */
	struct context *ctx;  /* borrowed: ends when refill is to end */
	struct cached_chunk { /* batch 0 = free */
		struct store_chunk chunk;
		uint64_t used; /* turn of its last use */
	} cache[REFILL_CACHE];
	uint64_t turn;
	struct parked *spare; /* so that what is left of a run can always be parked */
	int err;	      /* the last pass's: told once, tried again every second */
};

/* Until r->ctx ends; q, store and ctx set, the rest zero. An errgroup's function: gives 0. */
int refill_run(void *refill);

#endif
