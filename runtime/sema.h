/* SPDX-License-Identifier: MIT
 *
 * sema: a weighted semaphore, first come, first served. Go's x/sync/semaphore. Zero value: one of size 0.
 *
 *	struct sema s;
 *	sema_init(&s, 16 * MIB);
 *	sema_acquire(&s, body_bytes);
 *	...
 *	sema_release(&s, body_bytes);
 *
 * Who asks for much is not overtaken by those who ask for little: they queue behind. Who asks for more than there is waits for
 * ever, beside the line. Giving back more than was taken panics: "semaphore: released more than held".
 */
#ifndef RUNTIME_SEMA_H
#define RUNTIME_SEMA_H

#include "runtime/chan.h"
#include "runtime/lock.h"
#include "runtime/proc.h"
#include "runtime/waitq.h"

struct sema {
	struct lock lock;
	int64_t free;
	int64_t size; /* free when nothing is taken */
	struct waitq line;
};

/* Of size n (>= 0), all free. */
void sema_init(struct sema *s, int64_t n);

/* Takes n (>= 0). Parks until they are free and nobody waits in front. */
void sema_acquire(struct sema *s, int64_t n);

/* As sema_acquire; 0, or -ECANCELED when `done` (a context's, say) is closed before it returns. */
int sema_acquire_or(struct sema *s, int64_t n, done_chan_rx done) MUST_USE;

/* Never parks. True when it was done: n were free and nobody waits. */
bool sema_try_acquire(struct sema *s, int64_t n) MUST_USE;

/* Gives n back. Any thread of the runtime. */
void sema_release(struct sema *s, int64_t n);

/* For what is built on the line of a semaphore without a size, where a release is not the return of what was acquired; under
 * another name in the goroutine dump. */
void sema__acquire(struct sema *s, int64_t n, enum wait_reason reason);
void sema__release(struct sema *s, int64_t n);

#endif
