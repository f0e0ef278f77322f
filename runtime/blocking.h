/* SPDX-License-Identifier: MIT
 *
 * blocking: what must block an OS thread (files, name services, libraries that wait), without stopping a processor.
 *
 *	struct lookup l = { .name = "localhost" };
 *	blocking_call(look_up, &l);		// look_up(&l) runs on another thread; here others go on
 *
 * The pool has at most 16 threads, made when needed, ended after 10 s without work. More calls than that wait in line, first come first
 * served; the line has no limit of its own, since each call is a goroutine that waits. So who admits goroutines without limit bounds them
 * first (a semaphore, an errgroup's limit), and what may block for ever has no place in the pool: sixteen such calls stop it.
 *
 * A call can't be cancelled, neither in line nor while it runs: its goroutine waits for the end, because fn uses what lies on that
 * goroutine's stack. Who can't wait so long starts a goroutine for the call, hands it counted or copied arguments, and waits for its
 * answer (a channel with room for one) in a select beside the context.
 */
#ifndef RUNTIME_BLOCKING_H
#define RUNTIME_BLOCKING_H

#include "runtime/base.h"

/* Runs fn(arg) on a thread of the pool. Parks until it has returned. fn is no goroutine: it must not call what parks; it may cancel contexts,
 * close channels and try to send, and what it leaves in arg is there for the caller. */
void blocking_call(void (*fn)(void *arg), void *arg);

/* One OS thread of its own, for libraries that want all calls from one (SQLite here). Calls run one at a time, first in, first out, under
 * the rules of blocking_call. */
struct blocking_thread;
struct blocking_thread *blocking_thread_new(const char *name) MUST_USE;
void blocking_thread_call(struct blocking_thread *t, void (*fn)(void *arg), void *arg); /* Parks. */

/* Parks until the thread has ended, calls in line before. NULL is fine. */
void blocking_thread_free(struct blocking_thread *t);

#endif
