/* SPDX-License-Identifier: MIT
 *
 * context: cancellation and deadlines that flow down a tree, as Go's package context. Counted.
 *
 *	struct context *ctx = context_with_timeout(parent, 5 * SECOND);
 *	int err = work(ctx);		// ends with -ECANCELED or -ETIMEDOUT when ctx does
 *	context_cancel(ctx);
 *	context_unref(ctx);
 *
 * A child holds a reference to its parent, the parent a weak link that cancel removes. One allocation a context, none more
 * to cancel; the channel of context_done is made when first asked for. Nothing here parks. Out of memory is fatal.
 */
#ifndef RUNTIME_CONTEXT_H
#define RUNTIME_CONTEXT_H

#include "runtime/base.h"
#include "runtime/chan.h"

struct context;

/* Never cancelled; static, ref and unref do nothing. */
struct context *context_background(void);

/* Children: one reference for the caller. parent is borrowed (the child refs it). A child of one that has ended has ended too.
 * Any thread of the runtime. */
struct context *context_with_cancel(struct context *parent) MUST_USE;
struct context *context_with_deadline(struct context *parent,
				      int64_t deadline_ns) MUST_USE; /* absolute; NEVER = none */
struct context *context_with_timeout(struct context *parent, int64_t timeout_ns) MUST_USE;
struct context *context_with_value(struct context *parent, const void *key,
				   void *value) MUST_USE; /* value borrowed */

/* Cancels ctx and all its descendants. The first cause wins. Never parks; any thread of the runtime, timers' callbacks too.
 * cause 0 = -ECANCELED. */
void context_cancel(struct context *ctx);
void context_cancel_cause(struct context *ctx, int cause);

/* Closed when ctx ends. Borrowed; nil for the background. Made on first use (a context that is never selected on has no channel). */
done_chan_rx context_done(struct context *ctx);

/* 0 while live; then -ECANCELED, or -ETIMEDOUT when the deadline passed. Cheap: one load. Any thread. */
int context_err(const struct context *ctx);
/* 0 while live; then what context_cancel_cause was given, or context_err. */
int context_cause(const struct context *ctx);

/* Absolute deadline, the nearest up the tree; NEVER if none. */
int64_t context_deadline(const struct context *ctx);
/* The value that the nearest one up the tree has for this key (compared as a pointer); NULL if none. */
void *context_value(const struct context *ctx, const void *key);

struct context *context_ref(struct context *ctx);
void context_unref(
	struct context *ctx); /* NULL is fine. The last unref cancels. Any thread of the runtime. */

/* Calls fn once when ctx ends: on whatever ends it, so fn must not park; at once, on the caller, if it already has. The node
 * is embedded in its owner's struct, and before the owner lets that go, or ctx, it calls context_stop_after (not from fn),
 * which returns only when fn is not running; true if it kept fn from running. */
struct context_after {
	void (*fn)(struct context_after *a);
	struct context *ctx;		    /* borrowed while registered */
	struct context_after *next, **link; /* under ctx's lock; link is NULL when not registered */
	_Atomic uint32_t running;
};
void context_after(struct context *ctx, struct context_after *a,
		   void (*fn)(struct context_after *a));
bool context_stop_after(struct context_after *a);

/* Contexts alive, the background not counted: for leak checks. Any thread. */
int64_t context_count(void);

#endif
