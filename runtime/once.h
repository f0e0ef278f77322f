/* SPDX-License-Identifier: MIT
 *
 * once: does something exactly once. Go's sync.Once. Zero value ready.
 *
 *	static struct once loaded;
 *	once_do(&loaded, load_table, &table);	// whoever comes first loads it
 *
 * C has no panic to recover from, so Go's question of what then counts as done doesn't arise: a panic ends the process. A function that
 * calls once_do on its own once waits for itself: the deadlock report says so, if nobody else can go on.
 */
#ifndef RUNTIME_ONCE_H
#define RUNTIME_ONCE_H

#include "runtime/mutex.h"

struct once {
	_Atomic bool done;
	struct mutex mutex;
};

/* The first call runs fn(arg); every call returns only after that has finished. Parks. fn must not call once_do on the same. */
void once_do(struct once *o, void (*fn)(void *arg), void *arg);

#endif
