/* SPDX-License-Identifier: MIT
 *
 * blocking: what must block an OS thread, without stopping a processor.
 */
#ifndef RUNTIME_BLOCKING_H
#define RUNTIME_BLOCKING_H

#include "runtime/base.h"

/* Runs fn(arg) on a thread of a small pool (at most 16, made when needed, ended after 10 s idle). Parks until it has returned. */
void blocking_call(void (*fn)(void *arg), void *arg);

/* One OS thread of its own, for libraries that want all calls from one (SQLite here). Calls run first in, first out. */
struct blocking_thread;
struct blocking_thread *blocking_thread_new(const char *name) MUST_USE;
void blocking_thread_call(struct blocking_thread *t, void (*fn)(void *arg), void *arg); /* Parks. */
void blocking_thread_free(struct blocking_thread *t); /* Parks until the thread has ended. */

#endif
