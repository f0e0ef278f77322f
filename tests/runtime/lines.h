/* SPDX-License-Identifier: MIT
 *
 * lines: lets a test wait until goroutines stand in a line, rather than sleep and hope.
 */
#ifndef TESTS_RUNTIME_LINES_H
#define TESTS_RUNTIME_LINES_H

#include "runtime/chan_internal.h"
#include "runtime/goroutine.h"
#include "runtime/lock.h"
#include "runtime/waitq.h"

/* Not instrumented: it looks into the runtime, which isn't either where races of its users are sought. */
__attribute__((no_sanitize("thread"))) static inline int line_len(struct lock *l, struct waitq *q)
{
	int n = 0;
	lock_acquire(l);
	for (struct waiter *w = waitq_first(q); w; w = w->next)
		n++;
	lock_release(l);
	return n;
}

static inline void wait_line(struct lock *l, struct waitq *q, int n)
{
	while (line_len(l, q) != n)
		goroutine_yield();
}

static inline void wait_receivers(struct chan *c, int n)
{
	wait_line(&c->lock, &c->receivers, n);
}

static inline void wait_senders(struct chan *c, int n)
{
	wait_line(&c->lock, &c->senders, n);
}

#endif
