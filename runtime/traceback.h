/* SPDX-License-Identifier: MIT
 *
 * traceback: the callers on one stack, by its frame pointers, written with write(2) alone. Internal to runtime/.
 *
 * Code built without frame pointers (libc's abort, say) is skipped when it is innermost, and may shorten the rest; nothing is read outside of
 * [low, high). Each line has module+offset, for
 * addr2line and gdb, and the nearest name that the dynamic linker knows (link with -rdynamic).
 */
#ifndef RUNTIME_TRACEBACK_H
#define RUNTIME_TRACEBACK_H

#include <stddef.h>

/* Collects text for one file descriptor. */
struct writer {
	int fd;
	size_t len;
	char buf[1024];
};

/* At most 500 bytes a call. */
void writer_print(struct writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void writer_flush(struct writer *w);

/* Where a stack stands: pc may be NULL (then fp's callers only), and sp (then fp must be a frame). */
struct stack_point {
	const void *pc, *fp, *sp;
	const char *low, *high;
};

void traceback_write(struct writer *w, struct stack_point at);

#endif
