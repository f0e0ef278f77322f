/* SPDX-License-Identifier: MIT
 *
 * sema: a count, a line, a lock. A release serves the line from its head for as long as the count suffices.
 *
 * The owner of a semaphore may free it once the last acquire has returned, also while the release that let it return is still at
 * its end: so a release touches nothing of it after it has unlocked, but for waiters, who are parked until it readies them.
 *
 * A waiter that may be cancelled waits in a select instead of a plain park; it is granted by closing its channel, as
 * Go's does.
 */
#include "runtime/sema.h"

#include <errno.h>

#include "runtime/sanitizer.h"
#include "runtime/select.h"

struct sema_waiter {
	struct waiter waiter;
	int64_t n;
	done_chan granted; /* closed when granted; nil = readied instead */
	bool in_line;	   /* under the semaphore's lock */
};

void sema_init(struct sema *s, int64_t n)
{
	*s = (struct sema){ .free = n };
}

static void check_weight(int64_t n)
{
	if (n < 0)
		panic("semaphore: negative weight");
}

/* Under the lock. */
static bool take(struct sema *s, int64_t n)
{
	if (s->free < n || !waitq_empty(&s->line))
		return false;
	s->free -= n;
	return true;
}

/* Under the lock. Takes those from the head of the line whose turn it is. */
static void serve(struct sema *s, struct waitq *ret_served)
{
	struct waiter *first;
	while ((first = waitq_first(&s->line)) != NULL) {
		struct sema_waiter *w = CONTAINER_OF(first, struct sema_waiter, waiter);
		if (w->n > s->free)
			return;
		s->free -= w->n;
		w->in_line = false;
		waitq_remove(&s->line, first);
		waitq_push(ret_served, first);
	}
}

/* After the lock. A waiter is gone once it has been woken. */
static void wake_all(struct waitq *served)
{
	for (struct waiter *w; (w = waitq_pop(served)) != NULL;) {
		done_chan granted = CONTAINER_OF(w, struct sema_waiter, waiter)->granted;
		if (granted.tx == NULL) {
			g_ready(w->g);
		} else {
			chan_close(granted);
			chan_unref(granted);
		}
	}
}

bool sema_try_acquire(struct sema *s, int64_t n)
{
	check_weight(n);
	lock_acquire(&s->lock);
	bool taken = take(s, n);
	lock_release(&s->lock);
	if (taken)
		HAPPENS_AFTER(s);
	return taken;
}

void sema__acquire(struct sema *s, int64_t n, enum wait_reason reason)
{
	check_weight(n);
	lock_acquire(&s->lock);
	if (take(s, n)) {
		lock_release(&s->lock);
	} else {
		struct sema_waiter w = { .waiter.g = g_self(), .n = n, .in_line = true };
		waitq_push(&s->line, &w.waiter);
		g_park_unlock(reason, &s->lock);
	}
	HAPPENS_AFTER(s);
}

void sema_acquire(struct sema *s, int64_t n)
{
	sema__acquire(s, n, WAIT_SEMAPHORE);
}

/* Leaves the line; whoever was behind may be served now. Returns false when already granted. */
static bool leave(struct sema *s, struct sema_waiter *w)
{
	struct waitq served = { 0 };
	lock_acquire(&s->lock);
	bool left = w->in_line;
	if (left) {
		waitq_remove(&s->line, &w->waiter);
		serve(s, &served);
	}
	lock_release(&s->lock);
	wake_all(&served);
	return left;
}

int sema_acquire_or(struct sema *s, int64_t n, done_chan_rx done)
{
	if (sema_try_acquire(s, n))
		return 0;
	done_chan granted = chan_make(done_chan, 0);
	struct sema_waiter w = { .n = n, .granted = chan_ref(granted), .in_line = true };
	lock_acquire(&s->lock);
	waitq_push(&s->line, &w.waiter);
	struct waitq served = { 0 };
	serve(s, &served); /* it may have become free since the try */
	lock_release(&s->lock);
	wake_all(&served);

	enum {
		ON_GRANTED,
		ON_DONE
	};
	struct select_case cases[] = {
		[ON_GRANTED] = on_recv(granted, NULL),
		[ON_DONE] = on_recv(done, NULL),
	};
	bool cancelled = false;
	if (select_wait(cases) == ON_DONE) {
		cancelled = leave(s, &w);
		if (cancelled)
			chan_unref(w.granted);
		else
			chan_recv(granted, NULL); /* whoever grants still reads w */
	}
	chan_unref(granted);
	if (cancelled)
		return -ECANCELED;
	HAPPENS_AFTER(s);
	return 0;
}

void sema_release(struct sema *s, int64_t n)
{
	struct waitq served = { 0 };
	check_weight(n);
	HAPPENS_BEFORE(s);
	lock_acquire(&s->lock);
	s->free += n;
	serve(s, &served);
	lock_release(&s->lock);
	wake_all(&served);
}
