/* SPDX-License-Identifier: MIT
 *
 * thread: OS threads of the runtime: detached, with every signal blocked but those that a fault of their own raises. So
 * asynchronous signals go to the main thread, which does nothing else: no goroutine's system call is interrupted.
 */
#ifndef RUNTIME_THREAD_H
#define RUNTIME_THREAD_H

/* Starts a thread. Returns 0 or -errno. Any thread. */
int thread_start(void *(*fn)(void *arg), void *arg);

/* The calling thread's name as ps and gdb show it; at most 15 bytes. */
void thread_set_name(const char *name);

#endif
