/* SPDX-License-Identifier: MIT
 *
 * context: cancellation and deadlines that flow down a tree, as Go's package context. Counted.
 *
 *	struct context *ctx = context_with_timeout(parent, 5 * SECOND);
 *	int err = work(ctx);		// ends with -ECANCELED or -ETIMEDOUT when ctx does
 *	context_cancel(ctx);
 *	context_unref(ctx);
 *
 * Where Go gives a cancel function beside the context, here the context itself is what is cancelled. A child holds a reference to its parent,
 * the parent a weak link that cancel removes. One allocation a context, none more to cancel; the channel of context_done is made when
 * first asked for. Nothing here parks. Out of memory is fatal. Use after the last unref is found in debug builds.
 */
#ifndef RUNTIME_CONTEXT_H
#define RUNTIME_CONTEXT_H

#include "runtime/base.h"
#include "runtime/chan.h"
#include "runtime/timer.h"

struct context;

/* Never cancelled; static, ref and unref do nothing. */
struct context *context_background(void);

/* Children: one reference for the caller. parent is borrowed (the child refs it). A child of one that has ended has ended too.
 * Any thread of the runtime. */
struct context *context_with_cancel(struct context *parent) MUST_USE;
struct context *context_with_deadline(struct context *parent,
				      int64_t deadline_ns) MUST_USE; /* absolute; NEVER = none */
struct context *context_with_timeout(struct context *parent, int64_t timeout_ns) MUST_USE;
/* The same, with what context_cause says once that time has passed (0 = -ETIMEDOUT); context_err stays -ETIMEDOUT. */
struct context *context_with_deadline_cause(struct context *parent, int64_t deadline_ns,
					    int cause) MUST_USE;
struct context *context_with_timeout_cause(struct context *parent, int64_t timeout_ns,
					   int cause) MUST_USE;
/* Has parent's values and nothing else of it: no deadline, never ends, not even by context_cancel, which panics. */
struct context *context_without_cancel(struct context *parent) MUST_USE;
struct context *context_with_value(struct context *parent, const void *key,
				   void *value) MUST_USE; /* value borrowed; panics without a key */

/* Cancels ctx and all its descendants. The first cause wins. Never parks; any thread of the runtime, timers' callbacks too.
 * cause 0 = -ECANCELED. */
void context_cancel(struct context *ctx);
void context_cancel_cause(struct context *ctx, int cause);

/* Closed when ctx ends. Borrowed; nil for one that never does (background, without_cancel). Made on first use (a context that is never selected on has no channel). */
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

/* Go's AfterFunc: once ctx has ended, fn(arg) runs in a goroutine of its own, and may do what it likes. f is embedded as a context_after is, and
 * context_stop_func is called before f or ctx goes: true if it kept fn from running; it doesn't wait for fn. */
struct context_func {
	struct context_after after;
	struct timer timer;
	void (*fn)(void *arg);
	void *arg;
};
void context_after_func(struct context *ctx, struct context_func *f, void (*fn)(void *arg),
			void *arg);
bool context_stop_func(struct context_func *f);

/* Contexts alive, the background not counted: for leak checks. Any thread. */
int64_t context_count(void);

#endif
