/* SPDX-License-Identifier: MIT
 *
 * rwmutex: many readers or one writer. Go's sync.RWMutex. Zero value ready.
 *
 *	rwmutex_read_lock(&m);  ...  rwmutex_read_unlock(&m);
 *	rwmutex_lock(&m);       ...  rwmutex_unlock(&m);
 *
 * A waiting writer keeps new readers out, and the readers who came while it wrote go before the next writer: nobody starves.
 * So read locks must not be nested. Unlocking what isn't locked ends the process.
 */
#ifndef RUNTIME_RWMUTEX_H
#define RUNTIME_RWMUTEX_H

#include "runtime/mutex.h"
#include "runtime/sema.h"

struct rwmutex {
	struct mutex writers; /* held by the writer */
	_Atomic int32_t
		readers; /* readers, inside or waiting; less RWMUTEX_MAX_READERS while a writer wants in */
	_Atomic int32_t leaving;	 /* readers for whom that writer waits */
	struct sema may_write, may_read; /* where the writer, and where readers wait */
};

#define RWMUTEX_MAX_READERS (1 << 30)

void rwmutex_read_lock(struct rwmutex *m); /* Parks. */
bool rwmutex_try_read_lock(struct rwmutex *m) MUST_USE;
void rwmutex_read_unlock(struct rwmutex *m);
void rwmutex_lock(struct rwmutex *m); /* Parks. */
bool rwmutex_try_lock(struct rwmutex *m) MUST_USE;
void rwmutex_unlock(struct rwmutex *m);

#endif
