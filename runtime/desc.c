/* SPDX-License-Identifier: MIT
 *
 * desc: see desc.h. Descs are never freed, only used again (poll.h says why); `pool.lock` guards the list of free ones.
 *
 * Deadline timers are lazy: a deadline that moves later leaves the timer where it is; when it fires it looks at the deadline and
 * goes on to it. So a connection that gets a new deadline for each request costs the heap one operation per period, not two per request.
 *
 * Lock order: d->lock, then a timer heap's. Goroutines are readied after d->lock is released.
 */
#include "runtime/desc.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/proc.h"
#include "runtime/sanitizer.h"

static struct {
	struct lock lock;
	struct desc *free;
} pool;

/* --- delivery --- */

/* Under d->lock. Takes the waiter of a half, to be readied with `result`. */
static struct g *take_waiter(struct desc_half *h, int result)
{
	struct g *g = h->waiter;
	if (g != NULL) {
		h->waiter = NULL;
		g_set_wake(g, (uintptr_t)(intptr_t)result);
	}
	return g;
}

static void ready_if(struct g *g)
{
	if (g != NULL)
		g_ready_tail(g);
}

/* Under d->lock. A report for one direction. */
static struct g *report(struct desc_half *h)
{
	struct g *g = take_waiter(h, 0);
	h->ready = g == NULL;
	return g;
}

/* Under d->lock. */
static void set_watch(struct desc *d, void (*watch)(void *, void *))
{
	sched_io_wait((watch != NULL) - (d->watch != NULL));
	d->watch = watch;
}

/* Under d->lock. Gives the watch to call, with d kept alive for it. It counts as waiting until it has been called: on sysmon's thread nothing
 * else tells the last m, which may just be going to sleep, that somebody will be readied. */
static void (*take_watch(struct desc *d))(void *owner, void *arg)
{
	void (*watch)(void *, void *) = d->watch;
	if (watch != NULL) {
		d->watch = NULL;
		atomic_fetch_add(&d->use, DESC_CALLING);
	}
	return watch;
}

static void deliver(struct poll_source *s, uint16_t tag, unsigned events)
{
	struct desc *d = CONTAINER_OF(s, struct desc, source);
	struct g *reader = NULL, *writer = NULL;
	void (*watch)(void *, void *) = NULL;
	lock_acquire(&d->lock);
	if (!d->open || d->tag != tag) {
		lock_release(&d->lock);
		return;
	}
	d->hangup = d->hangup || (events & POLL_HANGUP) != 0;
	if (events & POLL_READ) {
		reader = report(&d->half[DESC_READ]);
		watch = take_watch(d);
	}
	if (events & POLL_WRITE)
		writer = report(&d->half[DESC_WRITE]);
	void *owner = d->owner, *arg = d->watch_arg;
	lock_release(&d->lock);
	ready_if(reader);
	ready_if(writer);
	if (watch != NULL) {
		HAPPENS_AFTER(owner);
		watch(owner, arg);
		sched_io_wait(-1);
		desc_leave(d, DESC_CALLING);
	}
}

/* --- deadlines --- */

static void arm(struct desc_half *h, int64_t when_ns)
{
	h->armed_ns = when_ns;
	timer_set(&h->timer, when_ns);
}

static void deadline_fired(struct desc *d, enum desc_dir dir)
{
	struct desc_half *h = &d->half[dir];
	struct g *waiter = NULL;
	lock_acquire(&d->lock);
	h->armed_ns = NEVER;
	if (d->open && h->deadline_ns <= clock_now()) {
		h->expired = true;
		waiter = take_waiter(h, -ETIMEDOUT);
	} else if (d->open && h->deadline_ns != NEVER) {
		arm(h, h->deadline_ns);
	}
	lock_release(&d->lock);
	ready_if(waiter);
}

static void read_deadline_fired(struct timer *t)
{
	deadline_fired(CONTAINER_OF(t, struct desc, half[DESC_READ].timer), DESC_READ);
}

static void write_deadline_fired(struct timer *t)
{
	deadline_fired(CONTAINER_OF(t, struct desc, half[DESC_WRITE].timer), DESC_WRITE);
}

void desc_set_deadline(struct desc *d, enum desc_dir dir, int64_t deadline_ns)
{
	struct desc_half *h = &d->half[dir];
	struct g *waiter = NULL;
	lock_acquire(&d->lock);
	h->deadline_ns = deadline_ns;
	h->expired = deadline_ns != NEVER && deadline_ns <= clock_now();
	if (h->expired)
		waiter = take_waiter(h, -ETIMEDOUT);
	else if (d->open && deadline_ns < h->armed_ns)
		arm(h, deadline_ns);
	lock_release(&d->lock);
	ready_if(waiter);
}

/* --- open and close --- */

static struct desc *new_desc(void)
{
	lock_acquire(&pool.lock);
	struct desc *d = pool.free;
	if (d != NULL)
		pool.free = d->next_free;
	lock_release(&pool.lock);
	if (d != NULL)
		return d;
	d = xcalloc(1, sizeof(*d));
	d->source.deliver = deliver;
	timer_init(&d->half[DESC_READ].timer, read_deadline_fired);
	timer_init(&d->half[DESC_WRITE].timer, write_deadline_fired);
	return d;
}

static void recycle(struct desc *d)
{
	lock_acquire(&pool.lock);
	d->next_free = pool.free;
	pool.free = d;
	lock_release(&pool.lock);
}

static void reset_half(struct desc_half *h)
{
	h->deadline_ns = h->armed_ns = NEVER;
	h->ready = h->expired = false;
}

int desc_open(int fd, void (*destroy)(void *owner), void *owner, struct desc **ret_desc)
{
	struct desc *d = new_desc();
	lock_acquire(&d->lock);
	atomic_store(&d->use, 0);
	d->tag++;
	d->open = true;
	d->hangup = false;
	d->error = 0;
	d->watch = NULL;
	d->fd = fd;
	d->destroy = destroy;
	d->owner = owner;
	reset_half(&d->half[DESC_READ]);
	reset_half(&d->half[DESC_WRITE]);
	uint16_t tag = d->tag;
	lock_release(&d->lock);
	int err = poll_add_edge(fd, &d->source, tag);
	if (err != 0) {
		d->open = false;
		recycle(d);
		return err;
	}
	*ret_desc = d;
	return 0;
}

/* Holds d itself while it works: the last other user may leave meanwhile. */
void desc_close(struct desc *d)
{
	uint32_t old = atomic_fetch_add(&d->use, DESC_CALLING);
	if (old & DESC_CLOSED)
		panic("connection or listener closed twice (descriptor %d)", d->fd);
	atomic_fetch_or(&d->use, DESC_CLOSED);
	lock_acquire(&d->lock);
	d->open = false;
	set_watch(d, NULL);
	struct g *reader = take_waiter(&d->half[DESC_READ], -EBADF);
	struct g *writer = take_waiter(&d->half[DESC_WRITE], -EBADF);
	lock_release(&d->lock);
	ready_if(reader);
	ready_if(writer);
	desc_leave(d, DESC_CALLING);
}

/* The timers first: their functions lock d, and look at `open`. Not counting on close() to end the registration: another
 * process may hold the same socket. */
void desc_free(struct desc *d)
{
	timer_stop(&d->half[DESC_READ].timer);
	timer_stop(&d->half[DESC_WRITE].timer);
	poll_remove(d->fd);
	close(d->fd);
	recycle(d);
}

/* --- use --- */

static bool field_taken(uint32_t old, enum desc_use use)
{
	return (old & (0xffu * (uint32_t)use)) != 0;
}

int desc_enter(struct desc *d, enum desc_use use)
{
	uint32_t old = atomic_fetch_add_explicit(&d->use, use, memory_order_acquire);
	HAPPENS_AFTER(d->owner);
	if (UNLIKELY(old & DESC_CLOSED)) {
		desc_leave(d, use);
		return -EBADF;
	}
	if (UNLIKELY(field_taken(old, use)))
		panic("a second goroutine %s the same connection or listener (descriptor %d)",
		      use == DESC_READING ? "reads from" : "writes to", d->fd);
	return 0;
}

void desc_leave(struct desc *d, enum desc_use use)
{
	HAPPENS_BEFORE(d->owner);
	uint32_t old = atomic_fetch_sub_explicit(&d->use, use, memory_order_acq_rel);
	if (UNLIKELY(old - use == DESC_CLOSED)) {
		HAPPENS_AFTER(d->owner);
		d->destroy(d->owner);
	}
}

/* Under d->lock. */
static int why_not(const struct desc *d, const struct desc_half *h)
{
	if (!d->open)
		return -EBADF;
	if (d->error != 0)
		return d->error;
	return h->expired ? -ETIMEDOUT : 0;
}

int desc_wait(struct desc *d, enum desc_dir dir)
{
	struct desc_half *h = &d->half[dir];
	g_give_way();
	lock_acquire(&d->lock);
	int err = why_not(d, h);
	bool ready = h->ready || (dir == DESC_READ && d->hangup);
	if (err != 0 || ready) {
		h->ready = h->ready && err != 0;
		lock_release(&d->lock);
		return err;
	}
	struct g *g = g_self();
	h->waiter = g;
	sched_io_wait(1);
	g_park_unlock(WAIT_IO, &d->lock);
	sched_io_wait(-1);
	return (int)(intptr_t)g_wake(g);
}

int desc_in_time(struct desc *d, enum desc_dir dir)
{
	lock_acquire(&d->lock);
	bool expired = d->half[dir].expired;
	lock_release(&d->lock);
	return expired ? -ETIMEDOUT : 0;
}

void desc_more(struct desc *d, enum desc_dir dir)
{
	lock_acquire(&d->lock);
	d->half[dir].ready = true;
	lock_release(&d->lock);
}

void desc_unsure(struct desc *d)
{
	lock_acquire(&d->lock);
	d->half[DESC_READ].ready = d->hangup = true;
	lock_release(&d->lock);
}

/* Unless a report has come since the wait that used up `ready`: its hangup is news, and may stand behind data that the next read takes. */
void desc_blocked(struct desc *d)
{
	lock_acquire(&d->lock);
	d->hangup = d->hangup && d->half[DESC_READ].ready;
	lock_release(&d->lock);
}

void desc_interrupt(struct desc *d, int error)
{
	struct g *reader = NULL, *writer = NULL;
	lock_acquire(&d->lock);
	d->error = error;
	if (error != 0) {
		reader = take_waiter(&d->half[DESC_READ], error);
		writer = take_waiter(&d->half[DESC_WRITE], error);
	}
	lock_release(&d->lock);
	ready_if(reader);
	ready_if(writer);
}

/* --- idle watch --- */

bool desc_watch(struct desc *d, void (*watch)(void *owner, void *arg), void *arg)
{
	struct desc_half *h = &d->half[DESC_READ];
	HAPPENS_BEFORE(d->owner);
	lock_acquire(&d->lock);
	bool reported = h->ready || d->hangup;
	h->ready = d->hangup = false;
	if (!reported && d->open) {
		set_watch(d, watch);
		d->watch_arg = arg;
	}
	lock_release(&d->lock);
	return !reported;
}

static bool take_off(struct desc *d)
{
	lock_acquire(&d->lock);
	bool was_on = d->watch != NULL;
	set_watch(d, NULL);
	lock_release(&d->lock);
	return was_on;
}

/* The function, while we wait for its end, may have found a false alarm and set the watch anew: hence the loop. */
bool desc_unwatch(struct desc *d)
{
	bool kept = take_off(d);
	while (atomic_load(&d->use) & (0xffu * (uint32_t)DESC_CALLING)) {
		sched_yield();
		kept = take_off(d) || kept;
	}
	kept = take_off(d) || kept;
	HAPPENS_AFTER(d->owner);
	return kept;
}
