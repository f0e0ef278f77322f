/* SPDX-License-Identifier: MIT
 *
 * dump: every goroutine, in the two forms that Go has: each with its stack, or counts by identical stack. Works while goroutines run, and
 * stops none of them: what is printed of one that changes meanwhile is what it was a moment ago.
 *
 *	goroutine_dump(STDERR_FILENO);		// each with its stack
 *	err = goroutine_dump_counts(STDERR_FILENO);	// how many stand at the same place
 *
 * SIGQUIT writes the first form to stderr, and the process goes on (crash.h).
 */
#ifndef RUNTIME_DUMP_H
#define RUNTIME_DUMP_H

#include "runtime/base.h"

/* State, wait reason, minutes waited, labels, stack and creator of each, the caller's own first; as Go's traceback and its
 * goroutine profile with debug=2. Writes to fd with write(2) only. Any thread, signal handlers too. */
void goroutine_dump(int fd);

/* How many have the same stack, wait reason and labels, the most first; as Go's goroutine profile with debug=1. Returns 0 or -ENOMEM. Any
 * thread. */
int goroutine_dump_counts(int fd) MUST_USE;

/* --- for crash.c --- */

struct g;
struct writer;
struct stack_point;

/* One goroutine, which stands there. Does not flush. */
void dump__goroutine(struct writer *w, struct g *g, struct stack_point at);

/* All but one (may be NULL). Flushes. */
void dump__others(struct writer *w, const struct g *except);

#endif
