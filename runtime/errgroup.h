/* SPDX-License-Identifier: MIT
 *
 * errgroup: goroutines with one parent that waits for them, the first error, an optional limit. Go's x/sync/errgroup.
 *
 *	struct errgroup *g = errgroup_new(ctx);
 *	errgroup_set_limit(g, 100);
 *	errgroup_go(g, fetch_one, url);
 *	int err = errgroup_wait(g);		// also frees g
 *
 * The zero value is a group too, for an owner who embeds it: without a context, so that an error cancels nobody.
 * Go's closures carry arguments, C's functions don't: so errgroup_go takes one pointer, and errgroup_go_copy a struct to copy.
 */
#ifndef RUNTIME_ERRGROUP_H
#define RUNTIME_ERRGROUP_H

#include "runtime/context.h"
#include "runtime/sema.h"
#include "runtime/waitgroup.h"

/* The members are errgroup.c's. */
struct errgroup {
	struct context *ctx; /* NULL in a zero value */
	const char *name;
	bool allocated; /* by errgroup_new */
	bool limited;	/* changes only while nothing runs */
	struct sema places;
	_Atomic int err; /* the first */
	struct waitgroup running;
};

/* The group's own context is a child of parent (NULL = background): cancelled by the first error and when wait returns. */
struct errgroup *errgroup_new(struct context *parent) MUST_USE;

/* Borrowed. That of a zero value is the background. */
struct context *errgroup_context(struct errgroup *g);

/* At most n goroutines at once; negative = no limit (default); 0 = none may be started. Panics while one runs. */
void errgroup_set_limit(struct errgroup *g, int n);

/* What the group's goroutines are called in a dump. Borrowed for as long as one lives: a literal. Default: "errgroup". */
void errgroup_set_name(struct errgroup *g, const char *name);

/* Starts fn(arg) in a goroutine. Parks while the limit is reached. arg is borrowed until fn returns. Also from the group's own
 * goroutines. */
void errgroup_go(struct errgroup *g, int (*fn)(void *arg), void *arg);

/* As errgroup_go, but the args (at most ERRGROUP_ARGS_MAX bytes) are copied onto the new goroutine's stack and fn gets the copy. */
#define ERRGROUP_ARGS_MAX 960
void errgroup_go_copy(struct errgroup *g, int (*fn)(void *args), const void *args, size_t size);

/* As errgroup_go, but false where that would wait for a place. May give way to others, as go does. */
bool errgroup_try_go(struct errgroup *g, int (*fn)(void *arg), void *arg) MUST_USE;

/* Parks until all have returned; gives the first non-zero return; frees g, unless it was a zero value. */
int errgroup_wait(struct errgroup *g) MUST_USE;

#endif
