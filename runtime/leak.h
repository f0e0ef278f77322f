/* SPDX-License-Identifier: MIT
 *
 * leak: goroutines that should have ended and have not: for the end of a test, or of a program.
 *
 *	int main_goroutine(int argc, char **argv) { ...; return leak_check(STDERR_FILENO) > 0; }
 *
 * A goroutine that nobody will wake any more is a leak of its stack and of all that it holds. The report counts them by identical stack, in
 * the form of goroutine_dump_counts: what they wait for, and the line of the go() that started them.
 */
#ifndef RUNTIME_LEAK_H
#define RUNTIME_LEAK_H

#include "runtime/base.h"

/* How long others are given to end: what was told to stop needs a moment. */
#define LEAK_SETTLE_NS (2 * SECOND)

/* Goroutines alive besides the caller. Waits for them to end, LEAK_SETTLE_NS at most; writes those that have not to fd. Parks. */
int64_t leak_check(int fd);

#endif
