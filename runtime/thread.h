/* SPDX-License-Identifier: MIT
 *
 * thread: OS threads of the runtime: detached, with every signal blocked but those that a fault of their own raises. So
 * asynchronous signals go to the main thread, which does nothing else: no goroutine's system call is interrupted.
 */
#ifndef RUNTIME_THREAD_H
#define RUNTIME_THREAD_H

#include <stddef.h>

/* Below each thread's alternate signal stack; a page, of whatever size. */
#define SIGNAL_STACK_GUARD ((size_t)64 * 1024)

/* Starts a thread, with a name as ps and gdb show it (the first 15 bytes): else it would have its creator's. Returns 0 or -errno. Any thread. */
int thread_start(const char *name, void *(*fn)(void *arg), void *arg);

/* The caller's time-outs end when they should. The kernel's default is up to 50 us later, which saves wake-ups where timers come in crowds;
 * here a sleep is until the first of them. */
void thread_be_punctual(void);

#endif
