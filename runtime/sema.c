/* SPDX-License-Identifier: MIT
 *
 * sema: a count, a line, a lock. A release serves the line from its head for as long as the count suffices.
 *
 * The owner of a semaphore may free it once the last acquire has returned, also while the release that let it return is still at
 * its end: so a release touches nothing of it after it has unlocked, but for waiters, who are parked until it readies them.
 *
 * A waiter that may be cancelled waits in a select instead of a plain park; it is granted by closing its channel, as
 * Go's does. When grant and cancel meet, the cancel wins and what was granted goes back, as in Go.
 *
 * waitgroup.c and rwmutex.c use the same line as a plain counting semaphore, which has no size: the sema__ functions.
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

static void check_weight(int64_t n)
{
	if (n < 0)
		panic("semaphore: negative weight");
}

void sema_init(struct sema *s, int64_t n)
{
	check_weight(n);
	*s = (struct sema){ .size = n, .free = n };
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
	g_give_way();
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

/* Never to be had, so not in line: there it would keep the others from being served. */
static bool is_doomed(const struct sema *s, int64_t n)
{
	return n > s->size;
}

void sema_acquire(struct sema *s, int64_t n)
{
	while (is_doomed(s, n))
		g_park(WAIT_SEMAPHORE, NULL, NULL);
	sema__acquire(s, n, WAIT_SEMAPHORE);
}

/* Gets in line. It may have become free since the caller looked. */
static void queue(struct sema *s, struct sema_waiter *w)
{
	struct waitq served = { 0 };
	lock_acquire(&s->lock);
	waitq_push(&s->line, &w->waiter);
	serve(s, &served);
	lock_release(&s->lock);
	wake_all(&served);
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

static bool is_done(done_chan_rx done)
{
	return chan_try_recv(done, NULL, NULL);
}

/* Waits in line until granted. False when done came first, or meanwhile. */
static bool wait_granted(struct sema *s, struct sema_waiter *w, done_chan_rx done)
{
	enum {
		ON_GRANTED,
		ON_DONE
	};
	struct select_case cases[] = {
		[ON_GRANTED] = on_recv(w->granted, NULL),
		[ON_DONE] = on_recv(done, NULL),
	};
	bool cancelled = select_wait(cases) == ON_DONE;
	if (cancelled && leave(s, w)) {
		chan_unref(w->granted); /* the reference of whoever would have granted */
		return false;
	}
	if (cancelled)
		chan_recv(w->granted, NULL); /* whoever grants still reads w */
	HAPPENS_AFTER(s);
	if (!cancelled && !is_done(done))
		return true;
	sema_release(s, w->n);
	return false;
}

int sema_acquire_or(struct sema *s, int64_t n, done_chan_rx done)
{
	check_weight(n);
	g_give_way();
	if (is_done(done))
		return -ECANCELED;
	if (is_doomed(s, n)) {
		chan_recv(done, NULL);
		return -ECANCELED;
	}
	if (sema_try_acquire(s, n))
		return 0;
	done_chan granted = chan_make(done_chan, 0);
	struct sema_waiter w = { .n = n, .granted = chan_ref(granted), .in_line = true };
	queue(s, &w);
	bool taken = wait_granted(s, &w, done);
	chan_unref(granted);
	return taken ? 0 : -ECANCELED;
}

/* Gives n back; false, and nothing done, when they were never taken and the sum is fixed. */
static bool release(struct sema *s, int64_t n, bool fixed)
{
	struct waitq served = { 0 };
	check_weight(n);
	HAPPENS_BEFORE(s);
	lock_acquire(&s->lock);
	bool held = !fixed || n <= s->size - s->free;
	if (held) {
		s->free += n;
		serve(s, &served);
	}
	lock_release(&s->lock);
	wake_all(&served);
	return held;
}

void sema_release(struct sema *s, int64_t n)
{
	if (!release(s, n, true))
		panic("semaphore: released more than held");
}

void sema__release(struct sema *s, int64_t n)
{
	(void)release(s, n, false);
}
