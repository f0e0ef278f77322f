/* SPDX-License-Identifier: MIT
 *
 * context: a node with a count of references, a list of children, a list of calls to make at its end, and a timer.
 *
 * ctx->lock guards err's change, done's birth, the afters, and the children: the list and the `sibling` of each child in it.
 * Locks are held for a few instructions, and never two contexts' at once: to cancel is to mark one context under its lock,
 * take its children out of its list and into ours, holding a reference to each, unlock, and go on with those. So cancelling
 * a deep tree needs no deep stack, and a wide one stops nobody for long.
 *
 * A child is linked for as long as both live, from its birth until its parent ends or its last reference goes. Who drops the
 * last reference unlinks it under the parent's lock; a canceller that meets it there before that finds a count of 0, takes it out
 * and leaves it alone. The timer's callback too may find 0: timer_stop, on the way to free, waits for its end.
 */
#include "runtime/context.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/list.h"
#include "runtime/lock.h"
#include "runtime/sanitizer.h"
#include "runtime/timer.h"

struct context {
	struct context *parent; /* counted; NULL for the background */
	int64_t deadline_ns;
	_Atomic uint32_t refs; /* not in the first 16 bytes, which free() uses: see lock() */
	_Atomic int err;       /* 0 while live; changes once */
	int cause;	       /* before err changes */
	int timeout_cause;     /* what cause becomes when the deadline passes */
	struct lock lock;
	struct list sibling; /* in parent->children, or in a canceller's list */
	struct list children;
	struct context_after *afters;
	struct chan *_Atomic done;
	const void *key;
	void *value;
	bool timed;   /* it has a deadline nearer than its parent's: the timer is in use */
	bool endless; /* never ends, and its children's ends are their own: they are not linked */
	struct timer timer;
};

static struct context background = { .refs = 1, .deadline_ns = NEVER, .endless = true };
static _Atomic int64_t alive;

static void check_alive(const struct context *ctx)
{
	(void)ctx; /* release builds don't look */
	if (IS_POISONED(ctx->refs))
		panic("use of a freed context");
}

static void lock(struct context *ctx)
{
	check_alive(ctx);
	lock_acquire(&ctx->lock);
}

static void unlock(struct context *ctx)
{
	lock_release(&ctx->lock);
}

/* False for one that is about to be freed. */
static bool try_ref(struct context *ctx)
{
	uint32_t n = atomic_load_explicit(&ctx->refs, memory_order_relaxed);
	while (n != 0) {
		if (atomic_compare_exchange_weak_explicit(
			    &ctx->refs, &n, n + 1, memory_order_acquire, memory_order_relaxed))
			return true;
	}
	return false;
}

/* --- ending --- */

/* Under the lock. Moves the children into `work`, each with a reference. */
static void take_children(struct context *ctx, struct list *work)
{
	struct list *node;
	while ((node = list_pop_front(&ctx->children)) != NULL)
		if (try_ref(CONTAINER_OF(node, struct context, sibling)))
			list_push_back(work, node);
}

static struct context_after *take_after(struct context *ctx)
{
	lock(ctx);
	struct context_after *a = ctx->afters;
	if (a) {
		ctx->afters = a->next;
		if (a->next)
			a->next->link = &ctx->afters;
		a->link = NULL;
		atomic_store_explicit(&a->running, 1, memory_order_relaxed);
	}
	unlock(ctx);
	return a;
}

static void run_afters(struct context *ctx)
{
	struct context_after *a;
	while ((a = take_after(ctx)) != NULL) {
		HAPPENS_AFTER(a);
		a->fn(a);
		HAPPENS_BEFORE(a);
		atomic_store_explicit(&a->running, 0, memory_order_release);
	}
}

static void set_ended(struct context *ctx, int err, int cause)
{
	ctx->cause = cause;
	HAPPENS_BEFORE(ctx);
	atomic_store_explicit(&ctx->err, err, memory_order_release);
}

/* Ends this one alone; its children come into `work`. Nothing happens if it has ended before. Its timer goes, so that it keeps no heap
 * busy and hides no deadlock; to wait for the timer's callback is safe, for that finds this one ended and does nothing. */
static void end(struct context *ctx, int err, int cause, struct list *work)
{
	lock(ctx);
	if (atomic_load_explicit(&ctx->err, memory_order_relaxed)) {
		unlock(ctx);
		return;
	}
	set_ended(ctx, err, cause);
	struct chan *done = atomic_load_explicit(&ctx->done, memory_order_relaxed);
	take_children(ctx, work);
	unlock(ctx);
	if (ctx->timed)
		timer_stop(&ctx->timer);
	if (done)
		chan__close(done);
	run_afters(ctx);
}

static void end_tree(struct context *ctx, int err, int cause)
{
	struct list work, *node;
	list_init(&work);
	end(ctx, err, cause, &work);
	while ((node = list_pop_front(&work)) != NULL) {
		struct context *child = CONTAINER_OF(node, struct context, sibling);
		end(child, err, cause, &work);
		context_unref(child);
	}
}

static void on_deadline(struct timer *t)
{
	struct context *ctx = CONTAINER_OF(t, struct context, timer);
	if (!try_ref(ctx))
		return;
	end_tree(ctx, -ETIMEDOUT, ctx->timeout_cause);
	context_unref(ctx);
}

void context_cancel_cause(struct context *ctx, int cause)
{
	check_alive(ctx);
	if (ctx->endless)
		panic("context: one that never ends can't be cancelled");
	end_tree(ctx, -ECANCELED, cause ? cause : -ECANCELED);
}

void context_cancel(struct context *ctx)
{
	context_cancel_cause(ctx, 0);
}

/* --- birth and death --- */

/* A new child of a live parent is linked; that of an ended one has ended. */
static void link_to_parent(struct context *ctx, struct context *parent)
{
	ctx->parent = context_ref(parent);
	if (parent->endless || ctx->endless)
		return;
	lock(parent);
	int err = atomic_load_explicit(&parent->err, memory_order_relaxed);
	if (err) {
		HAPPENS_AFTER(parent);
		set_ended(ctx, err, parent->cause);
	} else
		list_push_back(&parent->children, &ctx->sibling);
	unlock(parent);
}

/* Not linked to its parent yet: what is set up before that, its end finds in place. */
static struct context *new_orphan(struct context *parent)
{
	if (parent == NULL)
		panic("context: nil parent");
	check_alive(parent);
	struct context *ctx = xmalloc(sizeof(*ctx));
	*ctx = (struct context){ .refs = 1, .deadline_ns = parent->deadline_ns };
	list_init(&ctx->sibling);
	list_init(&ctx->children);
	atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
	return ctx;
}

static struct context *new_child(struct context *parent)
{
	struct context *ctx = new_orphan(parent);
	link_to_parent(ctx, parent);
	return ctx;
}

/* Unless its parent has ended it meanwhile: whoever did stops the timer after that. */
static void arm(struct context *ctx)
{
	lock(ctx);
	if (!atomic_load_explicit(&ctx->err, memory_order_relaxed))
		timer_set(&ctx->timer, ctx->deadline_ns);
	unlock(ctx);
}

static struct context *new_with_deadline(struct context *parent, int64_t deadline_ns,
					 int64_t now_ns, int cause)
{
	struct context *ctx = new_orphan(parent);
	ctx->timed = deadline_ns < ctx->deadline_ns;
	if (ctx->timed) {
		ctx->deadline_ns = deadline_ns;
		ctx->timeout_cause = cause ? cause : -ETIMEDOUT;
		timer_init(&ctx->timer, on_deadline);
		HAPPENS_BEFORE(&ctx->timer);
	}
	link_to_parent(ctx, parent);
	if (ctx->timed && deadline_ns <= now_ns)
		end_tree(ctx, -ETIMEDOUT, ctx->timeout_cause);
	else if (ctx->timed)
		arm(ctx);
	return ctx;
}

struct context *context_background(void)
{
	return &background;
}

struct context *context_with_cancel(struct context *parent)
{
	return new_child(parent);
}

struct context *context_with_deadline_cause(struct context *parent, int64_t deadline_ns, int cause)
{
	return new_with_deadline(parent, deadline_ns, clock_now(), cause);
}

struct context *context_with_timeout_cause(struct context *parent, int64_t timeout_ns, int cause)
{
	int64_t now_ns = clock_now(), deadline_ns;
	if (__builtin_add_overflow(now_ns, timeout_ns, &deadline_ns))
		deadline_ns = timeout_ns < 0 ? now_ns : NEVER;
	return new_with_deadline(parent, deadline_ns, now_ns, cause);
}

struct context *context_with_deadline(struct context *parent, int64_t deadline_ns)
{
	return context_with_deadline_cause(parent, deadline_ns, 0);
}

struct context *context_with_timeout(struct context *parent, int64_t timeout_ns)
{
	return context_with_timeout_cause(parent, timeout_ns, 0);
}

struct context *context_without_cancel(struct context *parent)
{
	struct context *ctx = new_orphan(parent);
	ctx->deadline_ns = NEVER;
	ctx->endless = true;
	link_to_parent(ctx, parent);
	return ctx;
}

struct context *context_with_value(struct context *parent, const void *key, void *value)
{
	if (key == NULL)
		panic("context: nil key");
	struct context *ctx = new_child(parent);
	ctx->key = key;
	ctx->value = value;
	return ctx;
}

struct context *context_ref(struct context *ctx)
{
	check_alive(ctx);
	if (ctx != &background)
		atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
	return ctx;
}

static void unlink_from_parent(struct context *ctx)
{
	if (ctx->parent->endless || ctx->endless)
		return;
	lock(ctx->parent);
	list_remove(&ctx->sibling);
	unlock(ctx->parent);
}

static void destroy(struct context *ctx)
{
	if (ctx->timed)
		timer_stop(&ctx->timer);
	unlink_from_parent(ctx);
	if (ctx->done || ctx->afters)
		end_tree(ctx, -ECANCELED, -ECANCELED);
	chan__unref(ctx->done);
	atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
	POISON(ctx, sizeof(*ctx));
	free(ctx);
}

static bool drop_last_ref(struct context *ctx)
{
	check_alive(ctx);
	HAPPENS_BEFORE(&ctx->refs);
	bool last = atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) == 1;
	if (last)
		HAPPENS_AFTER(&ctx->refs);
	return last;
}

/* A child's end may be its parent's, and so on up. */
void context_unref(struct context *ctx)
{
	while (ctx && ctx != &background && drop_last_ref(ctx)) {
		struct context *parent = ctx->parent;
		destroy(ctx);
		ctx = parent;
	}
}

/* --- asking --- */

done_chan_rx context_done(struct context *ctx)
{
	check_alive(ctx);
	if (ctx->endless)
		return (done_chan_rx){ .rx = NULL };
	struct chan *done = atomic_load_explicit(&ctx->done, memory_order_acquire);
	if (!done) {
		lock(ctx);
		done = atomic_load_explicit(&ctx->done, memory_order_relaxed);
		if (!done) {
			done = chan__make(0, 0);
			if (atomic_load_explicit(&ctx->err, memory_order_relaxed)) {
				HAPPENS_AFTER(ctx);
				chan__close(done);
			}
			atomic_store_explicit(&ctx->done, done, memory_order_release);
		}
		unlock(ctx);
	}
	return (done_chan_rx){ .rx = done };
}

int context_err(const struct context *ctx)
{
	check_alive(ctx);
	int err = atomic_load_explicit(&ctx->err, memory_order_acquire);
	if (err)
		HAPPENS_AFTER((void *)(uintptr_t)ctx);
	return err;
}

int context_cause(const struct context *ctx)
{
	return context_err(ctx) ? ctx->cause : 0;
}

int64_t context_deadline(const struct context *ctx)
{
	check_alive(ctx);
	return ctx->deadline_ns;
}

void *context_value(const struct context *ctx, const void *key)
{
	check_alive(ctx);
	for (; ctx; ctx = ctx->parent)
		if (ctx->key && ctx->key == key)
			return ctx->value;
	return NULL;
}

int64_t context_count(void)
{
	return atomic_load_explicit(&alive, memory_order_relaxed);
}

/* --- calls at the end --- */

void context_after(struct context *ctx, struct context_after *a,
		   void (*fn)(struct context_after *a))
{
	*a = (struct context_after){ .fn = fn, .ctx = ctx };
	HAPPENS_BEFORE(a);
	if (ctx->endless)
		return;
	lock(ctx);
	bool live = !atomic_load_explicit(&ctx->err, memory_order_relaxed);
	if (live) {
		a->next = ctx->afters;
		a->link = &ctx->afters;
		if (a->next)
			a->next->link = &a->next;
		ctx->afters = a;
	}
	unlock(ctx);
	if (!live)
		fn(a);
}

bool context_stop_after(struct context_after *a)
{
	if (!a->ctx || a->ctx->endless) {
		bool first = a->ctx;
		a->ctx = NULL;
		return first;
	}
	lock(a->ctx);
	bool registered = a->link;
	if (registered) {
		*a->link = a->next;
		if (a->next)
			a->next->link = a->link;
		a->link = NULL;
	}
	unlock(a->ctx);
	while (!registered && atomic_load_explicit(&a->running, memory_order_acquire))
		sched_yield();
	HAPPENS_AFTER(a);
	return registered;
}
