/* SPDX-License-Identifier: MIT
 *
 * ending: a goroutine that ends a context, and a call that counts ends: for tests of what happens meanwhile.
 */
#ifndef TESTS_RUNTIME_ENDING_H
#define TESTS_RUNTIME_ENDING_H

#include <stdatomic.h>

#include "runtime/context.h"
#include "runtime/waitgroup.h"

struct canceller {
	struct context *ctx;
	struct waitgroup *wg;
};

static inline void cancel_it(struct canceller *c)
{
	context_cancel(c->ctx);
	waitgroup_done(c->wg);
}

struct call {
	struct context_after after;
	_Atomic int calls;
};

static inline void count_call(struct context_after *a)
{
	atomic_fetch_add(&CONTAINER_OF(a, struct call, after)->calls, 1);
}

#endif
