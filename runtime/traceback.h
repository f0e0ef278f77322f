/* SPDX-License-Identifier: MIT
 *
 * traceback: the callers on one stack, by its frame pointers. Internal to runtime/. Any thread, signal handlers too.
 *
 * Taken first (a moment) and written afterwards (names and lines): a goroutine may run on meanwhile, and equal stacks can be
 * counted. Code built without frame pointers (libc's abort, say) is skipped when it is innermost, and may shorten the rest.
 *
 * Written as Go does, two lines a frame:
 *
 *	fetch_one(...)
 *		src/fetchd/fetch.c:120 +0x1d
 */
#ifndef RUNTIME_TRACEBACK_H
#define RUNTIME_TRACEBACK_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/symbol.h"
#include "runtime/writer.h"

/* Where a stack stands: pc may be NULL (then fp's callers only), and sp (then fp must be a frame). Nothing is read outside of
 * [low, high); with low NULL the bounds are unknown, and the walk ends where our own code does. */
struct stack_point {
	const void *pc, *fp, *sp;
	const char *low, *high;
};

/* Of a deep stack the innermost frames and the outermost ones are kept: where it is, and how it got there. */
#define TRACE_HEAD 32
#define TRACE_MAX  64

struct trace {
	size_t len;
	size_t elided;	      /* frames between pc[TRACE_HEAD - 1] and pc[TRACE_HEAD] */
	bool stands_at_first; /* pc[0] is no return address */
	const void *pc[TRACE_MAX];
};

void trace_take(struct trace *ret_trace, struct stack_point at);
void trace_write(struct writer *w, const struct trace *t);

/* How many frames to show: not those in which every goroutine begins, as Go leaves out its goexit. */
size_t trace_shown(const struct trace *t);

/* pc[i]'s names, offsets being those of pc[i] itself; and the place of its second line: file:line, or module+offset. */
void trace_symbol(const struct trace *t, size_t i, struct symbol *ret_symbol);
void trace_write_place(struct writer *w, const struct trace *t, size_t i, const struct symbol *s);

#endif
