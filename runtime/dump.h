/* SPDX-License-Identifier: MIT
 *
 * dump: every goroutine with state, wait reason, how long, stack and creator, in the form of Go's traceback.
 */
#ifndef RUNTIME_DUMP_H
#define RUNTIME_DUMP_H

/* Writes to fd with write(2) only. Any thread; works while goroutines run (a running one shows no stack). Also on SIGQUIT, to stderr. */
void goroutine_dump(int fd);

/* --- for crash.c --- */

struct g;
struct writer;
struct stack_point;

/* One goroutine; `at` says where it stands, NULL = where its stack rests. Does not flush. */
void dump__goroutine(struct writer *w, const struct g *g, const struct stack_point *at);

/* All but one (may be NULL). Flushes. */
void dump__others(struct writer *w, const struct g *except);

#endif
