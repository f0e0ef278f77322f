/* SPDX-License-Identifier: MIT
 *
 * overflow: tells a stack that has run out from other faults. Internal to runtime/. For crash.c's handler, on the alternate stack.
 */
#ifndef RUNTIME_OVERFLOW_H
#define RUNTIME_OVERFLOW_H

#include <signal.h>
#include <stdbool.h>

#include "runtime/traceback.h"
#include "runtime/writer.h"

struct g;

/* True if the fault at `at` is an overflow of g's stack, on which it happened. g may be NULL. */
bool overflow_is(const struct g *g, const struct stack_point *at, const siginfo_t *info,
		 const stack_t *alternate);

/* The bounds within which at's frames lie, and a stack pointer that may be read from. */
void overflow_bounds(const struct g *g, struct stack_point *at);

/* Says what has overflowed, and how much it had. */
void overflow_write(struct writer *w, const struct g *g);

/* True if the memory of other goroutines can't be trusted any more: nothing stood in the way. */
bool overflow_harms_others(void);

/* True if addr lies in the guard below an alternate stack. */
bool overflow_is_of_signals(const void *addr, const stack_t *alternate);

#endif
