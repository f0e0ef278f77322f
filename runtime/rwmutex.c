/* SPDX-License-Identifier: MIT
 *
 * rwmutex: a reader costs one atomic add while no writer is about. The algorithm is that of Go's sync/rwmutex.go.
 *
 * A writer takes the writers' mutex, then subtracts MAX from `readers`: the negative count tells newcomers to wait on
 * may_read. The readers that were inside at that moment are counted into `leaving`; the last of them to leave grants may_write.
 * `leaving` may go below zero meanwhile, when readers leave before the writer has added them. On unlock MAX is added
 * again, and as many may_read are granted as readers have come since.
 */
#include "runtime/rwmutex.h"

#include "runtime/proc.h"
#include "runtime/sanitizer.h"

#define MAX RWMUTEX_MAX_READERS

void rwmutex_read_lock(struct rwmutex *m)
{
	g_give_way_if_asked();
	if (atomic_fetch_add(&m->readers, 1) + 1 < 0)
		sema__acquire(&m->may_read, 1, WAIT_RWMUTEX_READ);
	HAPPENS_AFTER(&m->may_read);
}

bool rwmutex_try_read_lock(struct rwmutex *m)
{
	int32_t n = atomic_load(&m->readers);
	while (n >= 0) {
		if (atomic_compare_exchange_weak(&m->readers, &n, n + 1)) {
			HAPPENS_AFTER(&m->may_read);
			return true;
		}
	}
	return false;
}

void rwmutex_read_unlock(struct rwmutex *m)
{
	HAPPENS_BEFORE(&m->may_write);
	int32_t n = atomic_fetch_sub(&m->readers, 1);
	if (LIKELY(n > 0))
		return;
	if (n == 0 || n == -MAX)
		fatal("sync: RUnlock of unlocked RWMutex");
	if (atomic_fetch_sub(&m->leaving, 1) == 1)
		sema__release(&m->may_write, 1);
}

void rwmutex_lock(struct rwmutex *m)
{
	mutex_lock(&m->writers);
	int32_t inside = atomic_fetch_sub(&m->readers, MAX);
	if (inside != 0 && atomic_fetch_add(&m->leaving, inside) + inside != 0)
		sema__acquire(&m->may_write, 1, WAIT_RWMUTEX_WRITE);
	HAPPENS_AFTER(&m->may_read);
	HAPPENS_AFTER(&m->may_write);
}

bool rwmutex_try_lock(struct rwmutex *m)
{
	int32_t none = 0;
	if (!mutex_try_lock(&m->writers))
		return false;
	if (!atomic_compare_exchange_strong(&m->readers, &none, -MAX)) {
		mutex_unlock(&m->writers);
		return false;
	}
	HAPPENS_AFTER(&m->may_read);
	HAPPENS_AFTER(&m->may_write);
	return true;
}

void rwmutex_unlock(struct rwmutex *m)
{
	HAPPENS_BEFORE(&m->may_read);
	int32_t waiting = atomic_fetch_add(&m->readers, MAX) + MAX;
	if (waiting >= MAX)
		fatal("sync: Unlock of unlocked RWMutex");
	if (waiting > 0)
		sema__release(&m->may_read, waiting);
	mutex_unlock(&m->writers);
}
