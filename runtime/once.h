/* SPDX-License-Identifier: MIT
 *
 * once: does something exactly once. Go's sync.Once. Zero value ready.
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
