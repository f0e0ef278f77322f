/* SPDX-License-Identifier: MIT
 *
 * fdwait: waiting for descriptors that belong to a library, level-triggered: each wait arms the registration for one report (EPOLLONESHOT), which
 * comes at once if the descriptor is ready already. The registration stays, disarmed, until fd_wait_end or the library's close.
 *
 * One entry a descriptor number, made when first used and never freed (poll.h says why). table.lock guards the table; entry.lock all of
 * the entry. Each wait has a tag and a timer of its own: a report or a timeout for an earlier one finds another tag or another waiter. A timer
 * of the entry would not do: fd_wait_end lets the next wait for the number begin before the one that it has woken has left.
 */
#include "runtime/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/poll.h"
#include "runtime/proc.h"
#include "runtime/sanitizer.h"

struct entry {
	struct poll_source source;
	struct lock lock;
	uint16_t tag;
	struct wait *wait;
};

/* Lies on the stack of the goroutine that waits. */
struct wait {
	struct timer timer;
	struct entry *entry;
	struct g *g;
};

static struct {
	struct lock lock;
	struct entry **entries;
	size_t len;
} table;

/* Under e->lock. */
static struct g *take_waiter(struct entry *e, int result)
{
	struct g *g = NULL;
	if (e->wait != NULL) {
		g = e->wait->g;
		e->wait = NULL;
		g_set_wake(g, (uintptr_t)(intptr_t)result);
	}
	return g;
}

static void ready_if(struct g *g)
{
	if (g != NULL)
		g_ready_tail(g);
}

static void deliver(struct poll_source *s, uint16_t tag, unsigned events)
{
	struct entry *e = CONTAINER_OF(s, struct entry, source);
	int ready = (events & POLL_READ ? FD_READ : 0) | (events & POLL_WRITE ? FD_WRITE : 0);
	lock_acquire(&e->lock);
	struct g *g = tag == e->tag ? take_waiter(e, ready) : NULL;
	lock_release(&e->lock);
	ready_if(g);
}

static void timed_out(struct timer *t)
{
	struct wait *w = CONTAINER_OF(t, struct wait, timer);
	struct entry *e = w->entry;
	lock_acquire(&e->lock);
	struct g *g = e->wait == w ? take_waiter(e, -ETIMEDOUT) : NULL;
	lock_release(&e->lock);
	ready_if(g);
}

static struct entry *new_entry(void)
{
	struct entry *e = xcalloc(1, sizeof(*e));
	e->source.deliver = deliver;
	return e;
}

static void grow_table(size_t len)
{
	HIDDEN_BEGIN();
	struct entry **entries = xcalloc(len, sizeof(struct entry *));
	if (table.len > 0)
		memcpy(entries, table.entries, table.len * sizeof(struct entry *));
	free(table.entries);
	HIDDEN_END();
	table.entries = entries;
	table.len = len;
}

/* NULL if there is none and make is false. */
static struct entry *entry_of(int fd, bool make)
{
	struct entry *e = NULL;
	lock_acquire(&table.lock);
	if ((size_t)fd >= table.len && make)
		grow_table(((size_t)fd + 1) * 2);
	if ((size_t)fd < table.len) {
		if (table.entries[fd] == NULL && make)
			table.entries[fd] = new_entry();
		e = table.entries[fd];
	}
	lock_release(&table.lock);
	return e;
}

/* Publishes the caller as the waiter, with the lock held if it gives 0. */
static int begin_wait(struct wait *w, int fd, unsigned events)
{
	unsigned wanted = (events & FD_READ ? POLL_READ : 0) | (events & FD_WRITE ? POLL_WRITE : 0);
	struct entry *e = w->entry;
	lock_acquire(&e->lock);
	if (e->wait != NULL)
		panic("a second goroutine waits for descriptor %d", fd);
	int err = poll_add_once(fd, &e->source, ++e->tag, wanted);
	if (err != 0)
		lock_release(&e->lock);
	else
		e->wait = w;
	return err;
}

int fd_wait(int fd, unsigned events, int64_t deadline_ns)
{
	if (fd < 0)
		return -EBADF;
	struct wait w = { .entry = entry_of(fd, true), .g = g_self() };
	int err = begin_wait(&w, fd, events);
	if (err != 0)
		return err;
	timer_init(&w.timer, timed_out);
	if (deadline_ns != NEVER)
		timer_set(&w.timer, deadline_ns);
	sched_io_wait(1);
	g_park_unlock(WAIT_IO, &w.entry->lock);
	sched_io_wait(-1);
	timer_stop(&w.timer); /* its fn may still be about to return, on another thread */
	return (int)(intptr_t)g_wake(w.g);
}

void fd_wait_end(int fd)
{
	struct entry *e = fd < 0 ? NULL : entry_of(fd, false);
	if (e == NULL)
		return;
	poll_remove(fd);
	lock_acquire(&e->lock);
	struct g *g = take_waiter(e, -EBADF);
	lock_release(&e->lock);
	ready_if(g);
}
