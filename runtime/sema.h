/* SPDX-License-Identifier: MIT
 *
 * sema: a weighted semaphore, first come, first served. Go's x/sync/semaphore. Zero value ready: nothing to be had.
 *
 *	struct sema s;
 *	sema_init(&s, 16 * MIB);
 *	sema_acquire(&s, body_bytes);
 *	...
 *	sema_release(&s, body_bytes);
 *
 * Who asks for much is not overtaken by those who ask for little: they queue behind. The sum may be changed while in use:
 * a release without an acquire grows it, an acquire without a release shrinks it.
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
	struct waitq line;
};

void sema_init(struct sema *s, int64_t n);

/* Takes n (>= 0). Parks until they are free and nobody waits in front. */
void sema_acquire(struct sema *s, int64_t n);

/* As sema_acquire; 0, or -ECANCELED when `done` was closed first (a context's, say). */
int sema_acquire_or(struct sema *s, int64_t n, done_chan_rx done) MUST_USE;

bool sema_try_acquire(struct sema *s, int64_t n) MUST_USE;

/* Gives n back. Any thread of the runtime. */
void sema_release(struct sema *s, int64_t n);

/* sema_acquire under another name in the goroutine dump: for what is built on it. */
void sema__acquire(struct sema *s, int64_t n, enum wait_reason reason);

#endif
