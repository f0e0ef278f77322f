/* SPDX-License-Identifier: MIT
 *
 * errgroup: goroutines with one parent that waits for them, the first error, an optional limit. Go's x/sync/errgroup.
 *
 *	struct errgroup *g = errgroup_new(ctx);
 *	errgroup_set_limit(g, 100);
 *	errgroup_go(g, fetch_one, url);
 *	int err = errgroup_wait(g);		// also frees g
 */
#ifndef RUNTIME_ERRGROUP_H
#define RUNTIME_ERRGROUP_H

#include "runtime/context.h"

struct errgroup;

/* The group's own context is a child of parent (NULL = background): cancelled by the first error and when wait returns. */
struct errgroup *errgroup_new(struct context *parent) MUST_USE;
struct context *errgroup_context(struct errgroup *g); /* borrowed */

/* At most n goroutines at once; 0 = no limit (default). Only while none runs, else panics. */
void errgroup_set_limit(struct errgroup *g, int n);

/* What the group's goroutines are called in a dump. Borrowed for as long as one lives: a literal. Default: "errgroup". */
void errgroup_set_name(struct errgroup *g, const char *name);

/* Starts fn(arg) in a goroutine. Parks while the limit is reached. arg is borrowed until fn returns. Also from the group's own
 * goroutines. */
void errgroup_go(struct errgroup *g, int (*fn)(void *arg), void *arg);

/* As errgroup_go, but the args (at most ERRGROUP_ARGS_MAX bytes) are copied onto the new goroutine's stack and fn gets the copy. */
#define ERRGROUP_ARGS_MAX 960
void errgroup_go_copy(struct errgroup *g, int (*fn)(void *args), const void *args, size_t size);

/* As errgroup_go, but false instead of parking. */
bool errgroup_try_go(struct errgroup *g, int (*fn)(void *arg), void *arg) MUST_USE;

/* Parks until all have returned; gives the first non-zero return; frees g. */
int errgroup_wait(struct errgroup *g) MUST_USE;

#endif
