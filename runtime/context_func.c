/* SPDX-License-Identifier: MIT
 *
 * context_func: Go's AfterFunc: a goroutine that starts when a context ends, on context_after.
 *
 * A context may be ended by a thread that owns no processor (a netpoller's report on sysmon's thread, a blocking call), and only one that
 * does can start a goroutine. So the end sets a timer that is due at once, and the timer's callback, which always has a processor,
 * starts it. Between the two the start can still be called off.
 */
#include "runtime/context.h"

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/sanitizer.h"

static void start(struct timer *t)
{
	struct context_func *f = CONTAINER_OF(t, struct context_func, timer);
	goroutine__start(f->fn, f->arg, "context_after_func", GO_SITE_);
}

static void ended(struct context_after *a)
{
	struct context_func *f = CONTAINER_OF(a, struct context_func, after);
	HAPPENS_BEFORE(&f->timer);
	timer_set(&f->timer, clock_now());
}

void context_after_func(struct context *ctx, struct context_func *f, void (*fn)(void *arg),
			void *arg)
{
	f->fn = fn;
	f->arg = arg;
	timer_init(&f->timer, start);
	context_after(ctx, &f->after, ended);
}

bool context_stop_func(struct context_func *f)
{
	return context_stop_after(&f->after) || timer_stop(&f->timer);
}
