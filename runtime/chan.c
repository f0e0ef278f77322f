/* SPDX-License-Identifier: MIT
 *
 * chan: a ring of slots, a line of receivers, a line of senders, one lock. After Go's runtime/chan.go.
 *
 * Hand-off: who finds somebody in the opposite line copies the value straight into, or out of, the other's stack and
 * readies him; a value goes through the ring only when nobody waits. A full ring with senders in line is served so that
 * the order holds: the receiver takes the oldest slot, and the first sender's value goes into it, at the tail.
 *
 * Waiting: a goroutine puts a chan_waiter on its stack into the line and parks; the lock is released only after it has left
 * that stack. A line may hold cases of a select that another channel has woken meanwhile: these are thrown out as they are
 * met, by who fails to set their select's `claimed`.
 *
 * Never parks, so that timers' callbacks may call: the chan_try_ functions and chan_close.
 *
 * For the race detector (sanitizer.h), after the Go memory model: without a buffer, sender and receiver each come after what the other did
 * before. With one, the k-th receive comes after the k-th send, and the send that reuses a slot after the receive that emptied it: both pass
 * through the slot, in a hand-off too, where the one who is awake does it for the other. A close comes before the receives
 * that find it, and a send that nothing orders with it is a race with it. The receiver writes the element, whoever copies.
 */
#include "runtime/chan_internal.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/proc.h"
#include "runtime/sanitizer.h"

static _Atomic int64_t alive;

static void copy(void *to, const void *from, size_t size)
{
	if (to == NULL)
		return;
	HIDDEN_BEGIN();
	if (size == sizeof(void *))
		memcpy(to, from, sizeof(void *));
	else
		memcpy(to, from, size);
	HIDDEN_END();
}

static void clear(void *elem, size_t size)
{
	HIDDEN_BEGIN();
	if (elem != NULL)
		memset(elem, 0, size);
	HIDDEN_END();
}

static size_t get_len(struct chan *c)
{
	return atomic_load_explicit(&c->len, memory_order_acquire);
}

static void set_len(struct chan *c, size_t len)
{
	atomic_store_explicit(&c->len, len, memory_order_relaxed);
}

static bool is_closed(struct chan *c)
{
	return atomic_load_explicit(&c->closed, memory_order_relaxed);
}

/* The slot at `offset` elements behind the oldest; offset <= cap. */
static char *slot(struct chan *c, size_t offset)
{
	size_t i = c->head + offset;
	return c->slots + (i < c->cap ? i : i - c->cap) * c->elem_size;
}

static void advance_head(struct chan *c)
{
	c->head = c->head + 1 < c->cap ? c->head + 1 : 0;
}

/* Slots of size 0 have no addresses of their own: they share one. */
static const void *sync_of(const struct chan *c, const char *slot)
{
	return c->elem_size > 0 ? (const void *)slot : &c->head;
}

static void pass(const struct chan *c, const char *slot)
{
	HAPPENS_AFTER(sync_of(c, slot));
	HAPPENS_BEFORE(sync_of(c, slot));
}

/* w is served from the other side: without a buffer in both directions, else only through the slot that is next. */
static void meet(struct chan *c, struct chan_waiter *w)
{
	if (c->cap > 0) {
		pass(c, slot(c, 0));
		g_pass(w->waiter.g, sync_of(c, slot(c, 0)));
		return;
	}
	HAPPENS_BEFORE(w);
	g_pass(w->waiter.g, w);
	HAPPENS_AFTER(w);
}

/* Takes out the first waiter that may still be woken. */
static struct chan_waiter *dequeue(struct waitq *q)
{
	struct waiter *first;
	while ((first = waitq_pop(q)) != NULL) {
		struct chan_waiter *w = CONTAINER_OF(first, struct chan_waiter, waiter);
		if (w->claimed == NULL ||
		    !atomic_exchange_explicit(w->claimed, true, memory_order_acq_rel))
			return w;
	}
	return NULL;
}

/* Leaves word for a dequeued waiter. He runs once the returned goroutine is readied. */
static struct g *notify(struct chan_waiter *w, bool ok)
{
	w->ok = ok;
	g_set_wake(w->waiter.g, (uintptr_t)w);
	return w->waiter.g;
}

bool chan__put(struct chan *c, const void *elem, struct g **ret_wake)
{
	struct chan_waiter *receiver = dequeue(&c->receivers);
	if (receiver) {
		copy(receiver->elem, elem, c->elem_size);
		if (RACE_LANE) {
			meet(c, receiver);
			advance_head(c);
		}
		*ret_wake = notify(receiver, true);
		return true;
	}
	size_t len = get_len(c);
	if (len == c->cap)
		return false;
	char *tail = slot(c, len);
	copy(tail, elem, c->elem_size);
	pass(c, tail);
	set_len(c, len + 1);
	*ret_wake = NULL;
	return true;
}

/* Receives from the first sender in line: his value, or the ring's oldest and his takes its place. */
static void take_from_sender(struct chan *c, struct chan_waiter *sender, void *ret_elem)
{
	if (RACE_LANE)
		meet(c, sender);
	if (c->cap == 0) {
		copy(ret_elem, sender->elem, c->elem_size);
		return;
	}
	char *oldest = slot(c, 0);
	copy(ret_elem, oldest, c->elem_size);
	copy(oldest, sender->elem, c->elem_size);
	advance_head(c);
}

static void take_from_ring(struct chan *c, void *ret_elem)
{
	char *oldest = slot(c, 0);
	copy(ret_elem, oldest, c->elem_size);
	pass(c, oldest);
	advance_head(c);
	set_len(c, get_len(c) - 1);
}

bool chan__take(struct chan *c, void *ret_elem, bool *ret_ok, struct g **ret_wake)
{
	*ret_wake = NULL;
	struct chan_waiter *sender = dequeue(&c->senders);
	if (sender) {
		take_from_sender(c, sender, ret_elem);
		*ret_wake = notify(sender, true);
	} else if (get_len(c) > 0) {
		take_from_ring(c, ret_elem);
	} else if (is_closed(c)) {
		HAPPENS_AFTER(c);
		clear(ret_elem, c->elem_size);
		*ret_ok = false;
		return true;
	} else {
		return false;
	}
	*ret_ok = true;
	return true;
}

/* Gets in line, parks, and releases the lock. Gives what the waker said. */
static bool wait_in(struct waitq *q, struct chan *c, void *elem, enum wait_reason reason)
{
	struct chan_waiter w = { .waiter.g = g_self(), .elem = elem };
	waitq_push(q, &w.waiter);
	g_park_unlock(reason, &c->lock);
	if (!w.ok)
		HAPPENS_AFTER(c);
	return w.ok;
}

static _Noreturn void park_for_ever(enum wait_reason reason)
{
	for (;;)
		g_park(reason, NULL, NULL);
}

static void unlock_and_ready(struct chan *c, struct g *wake)
{
	chan__unlock(c);
	if (wake)
		g_ready(wake);
}

/* Takes the lock of a channel that must be open. */
static void lock_to_send(struct chan *c)
{
	chan__lock(c);
	if (is_closed(c)) {
		chan__unlock(c);
		panic("send on closed channel");
	}
}

void chan__send(struct chan *c, const void *elem)
{
	struct g *wake;
	if (c == NULL)
		park_for_ever(WAIT_CHAN_SEND_NIL);
	RACE_READ(c, 1);
	g_give_way();
	lock_to_send(c);
	if (chan__put(c, elem, &wake))
		unlock_and_ready(c, wake);
	else if (!wait_in(&c->senders, c, (void *)(uintptr_t)elem, WAIT_CHAN_SEND))
		panic("send on closed channel");
}

bool chan__recv(struct chan *c, void *ret_elem)
{
	struct g *wake;
	bool ok;
	if (c == NULL)
		park_for_ever(WAIT_CHAN_RECV_NIL);
	g_give_way();
	chan__lock(c);
	if (chan__take(c, ret_elem, &ok, &wake))
		unlock_and_ready(c, wake);
	else
		ok = wait_in(&c->receivers, c, ret_elem, WAIT_CHAN_RECV);
	chan__received(c, ret_elem);
	return ok;
}

bool chan__try_send(struct chan *c, const void *elem)
{
	struct g *wake;
	if (c == NULL)
		return false;
	chan__check(c);
	bool full = c->cap ? get_len(c) == c->cap : waitq_empty(&c->receivers);
	if (full && !is_closed(c))
		return false;
	RACE_READ(c, 1);
	lock_to_send(c);
	bool done = chan__put(c, elem, &wake);
	unlock_and_ready(c, done ? wake : NULL);
	return done;
}

bool chan__try_recv(struct chan *c, void *ret_elem, bool *ret_ok)
{
	struct g *wake;
	bool ok;
	if (c == NULL)
		return false;
	chan__check(c);
	/* Empty first and not closed after: so it was both at once, when we looked at the first. */
	bool empty = c->cap ? get_len(c) == 0 : waitq_empty(&c->senders);
	if (empty && !is_closed(c))
		return false;
	chan__lock(c);
	bool done = chan__take(c, ret_elem, &ok, &wake);
	unlock_and_ready(c, wake);
	if (done)
		chan__received(c, ret_elem);
	if (done && ret_ok)
		*ret_ok = ok;
	return done;
}

/* Takes all out of a line. */
static void drain(struct waitq *q, size_t clear_size, struct waitq *ret_woken)
{
	struct chan_waiter *w;
	while ((w = dequeue(q)) != NULL) {
		clear(w->elem, clear_size);
		notify(w, false);
		waitq_push(ret_woken, &w->waiter);
	}
}

void chan__close(struct chan *c)
{
	if (c == NULL)
		panic("close of nil channel");
	chan__lock(c);
	if (is_closed(c)) {
		chan__unlock(c);
		panic("close of closed channel");
	}
	RACE_WRITE(c, 1);
	HAPPENS_BEFORE(c);
	atomic_store_explicit(&c->closed, true, memory_order_relaxed);
	struct waitq woken = { 0 };
	drain(&c->receivers, c->elem_size, &woken);
	drain(&c->senders, 0, &woken);
	chan__unlock(c);

	for (struct waiter *w; (w = waitq_pop(&woken)) != NULL;)
		g_ready_tail(w->g);
}

size_t chan__len(struct chan *c)
{
	if (c == NULL)
		return 0;
	chan__check(c);
	return get_len(c);
}

size_t chan__cap(struct chan *c)
{
	if (c == NULL)
		return 0;
	chan__check(c);
	return c->cap;
}

static void destroy(struct chan *c)
{
	POISON(c, chan__size(c->cap, c->elem_size));
	free(c);
}

size_t chan__size(size_t capacity, size_t elem_size)
{
	size_t bytes;
	if (__builtin_mul_overflow(capacity, elem_size, &bytes) || bytes > PTRDIFF_MAX / 2 ||
	    capacity > PTRDIFF_MAX)
		panic("makechan: size out of range");
	return sizeof(struct chan) + bytes;
}

void chan__init(struct chan *c, size_t capacity, size_t elem_size,
		void (*destroy_fn)(struct chan *c))
{
	*c = (struct chan){
		.refs = 1, .elem_size = (uint32_t)elem_size, .cap = capacity, .destroy = destroy_fn
	};
	atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
}

struct chan *chan__make(size_t capacity, size_t elem_size)
{
	CALL_BEGIN();
	HIDDEN_BEGIN(); /* what is sent through it is ordered, how it got to who uses it is his affair */
	struct chan *c = xmalloc(chan__size(capacity, elem_size));
	HIDDEN_END();
	CALL_END();
	chan__init(c, capacity, elem_size, destroy);
	return c;
}

struct chan *chan__ref(struct chan *c)
{
	if (c == NULL)
		return NULL;
	chan__check(c);
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

/* Who waits has borrowed the channel: it would lie in the lines of one that is gone. */
static void check_unused(struct chan *c)
{
	if (!waitq_empty(&c->receivers) || !waitq_empty(&c->senders))
		panic("last reference to a channel dropped while goroutines wait on it");
}

void chan__unref(struct chan *c)
{
	if (c == NULL)
		return;
	chan__check(c);
	HAPPENS_BEFORE(&c->refs);
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	HAPPENS_AFTER(&c->refs);
	check_unused(c);
	atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
	c->destroy(c);
}

int64_t chan_count(void)
{
	return atomic_load_explicit(&alive, memory_order_relaxed);
}
