/* SPDX-License-Identifier: MIT
 *
 * once: a flag to look at, and a mutex for those who come while the first still runs.
 */
#include "runtime/once.h"

#include "runtime/sanitizer.h"

static __attribute__((noinline)) void do_slow(struct once *o, void (*fn)(void *arg), void *arg)
{
	mutex_lock(&o->mutex);
	if (!atomic_load_explicit(&o->done, memory_order_relaxed)) {
		fn(arg);
		HAPPENS_BEFORE(o);
		atomic_store_explicit(&o->done, true, memory_order_release);
	}
	mutex_unlock(&o->mutex);
}

void once_do(struct once *o, void (*fn)(void *arg), void *arg)
{
	if (UNLIKELY(!atomic_load_explicit(&o->done, memory_order_acquire)))
		do_slow(o, fn, arg);
	HAPPENS_AFTER(o);
}
