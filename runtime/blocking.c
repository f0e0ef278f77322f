/* SPDX-License-Identifier: MIT
 *
 * blocking: calls that block, on threads of the pool, or on one thread of the caller's own.
 *
 * A call lives on the stack of the goroutine that waits for it. It is queued only after that goroutine has left its stack (the park's commit), and
 * from the moment it is readied it must not be touched. pool.lock and a blocking_thread's lock guard their queues; both are leaves.
 */
#include "runtime/blocking.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/list.h"
#include "runtime/proc.h"
#include "runtime/note.h"
#include "runtime/sanitizer.h"
#include "runtime/thread.h"

#define POOL_MAX     16
#define POOL_IDLE_NS (10 * SECOND)

struct call {
	struct list link;
	void (*fn)(void *arg);
	void *arg;
	struct g *g;
};

/* A thread that has nothing to do: on its own stack, in pool.idle. */
struct sleeper {
	struct list link;
	struct note note;
};

static struct {
	struct lock lock;
	struct list calls, idle;
	int threads;
} pool;

static void perform(struct call *c)
{
	HAPPENS_AFTER(c);
	c->fn(c->arg);
	HAPPENS_BEFORE(c);
	g_ready(c->g);
	sched_external_end();
}

static struct call *pop_call(struct list *calls)
{
	struct list *link = list_pop_front(calls);
	return link == NULL ? NULL : CONTAINER_OF(link, struct call, link);
}

/* --- the pool --- */

/* Under pool.lock, which it releases while it sleeps. False when the time is up and nobody has asked for this thread. */
static bool sleep_in_pool(void)
{
	struct sleeper me = { 0 };
	list_push_front(&pool.idle, &me.link);
	lock_release(&pool.lock);
	bool asked = note_sleep_until(&me.note, clock_now() + POOL_IDLE_NS);
	lock_acquire(&pool.lock);
	if (!asked && !list_linked(&me.link)) {
		/* being woken right now: the waker still uses the note */
		lock_release(&pool.lock);
		note_sleep(&me.note);
		lock_acquire(&pool.lock);
		return true;
	}
	if (!asked)
		list_remove(&me.link);
	return asked;
}

static void *pool_thread(void *arg)
{
	(void)arg;
	lock_acquire(&pool.lock);
	for (;;) {
		struct call *c = pop_call(&pool.calls);
		if (c == NULL && !sleep_in_pool())
			break;
		if (c == NULL)
			continue;
		lock_release(&pool.lock);
		perform(c);
		lock_acquire(&pool.lock);
	}
	pool.threads--;
	lock_release(&pool.lock);
	return NULL;
}

/* Under pool.lock: somebody idle to wake, or one more thread to start. */
static struct sleeper *choose_thread(bool *ret_start)
{
	struct list *link = list_pop_front(&pool.idle);
	*ret_start = link == NULL && pool.threads < POOL_MAX;
	pool.threads += *ret_start;
	return link == NULL ? NULL : CONTAINER_OF(link, struct sleeper, link);
}

static void start_pool_thread(void)
{
	int err = thread_start("blocking", pool_thread, NULL);
	if (err == 0)
		return;
	lock_acquire(&pool.lock);
	bool none = --pool.threads == 0;
	lock_release(&pool.lock);
	if (none)
		fatal("can't start a thread for blocking calls: %s", strerror(-err));
}

static bool submit(struct g *g, void *arg)
{
	struct call *c = arg;
	c->g = g;
	bool start;
	lock_acquire(&pool.lock);
	if (pool.calls.next == NULL) {
		list_init(&pool.calls);
		list_init(&pool.idle);
	}
	list_push_back(&pool.calls, &c->link);
	struct sleeper *idle = choose_thread(&start);
	lock_release(&pool.lock);
	if (idle != NULL)
		note_wake(&idle->note);
	if (start)
		start_pool_thread();
	return true;
}

void blocking_call(void (*fn)(void *arg), void *arg)
{
	struct call c = { .fn = fn, .arg = arg };
	HAPPENS_BEFORE(&c);
	sched_external_begin();
	g_park(WAIT_BLOCKING, submit, &c);
	HAPPENS_AFTER(&c);
}

/* --- a thread of one's own --- */

struct blocking_thread {
	struct lock lock; /* guards calls, asleep, ending */
	struct list calls;
	bool asleep, ending;
	struct note note;
	struct g *freer; /* readied by the thread as its last act */
};

/* The next call; NULL when the thread shall end and nothing is left to do. */
static struct call *next_call(struct blocking_thread *t)
{
	for (;;) {
		lock_acquire(&t->lock);
		struct call *c = pop_call(&t->calls);
		bool ending = t->ending;
		t->asleep = c == NULL && !ending;
		lock_release(&t->lock);
		if (c != NULL || ending)
			return c;
		note_sleep(&t->note);
		note_clear(&t->note);
	}
}

static void *own_thread(void *arg)
{
	struct blocking_thread *t = arg;
	struct call *c;
	while ((c = next_call(t)) != NULL)
		perform(c);
	struct g *freer = t->freer;
	HAPPENS_BEFORE(t);
	g_ready(freer);
	sched_external_end();
	return NULL;
}

struct blocking_thread *blocking_thread_new(const char *name)
{
	struct blocking_thread *t = xcalloc(1, sizeof(*t));
	list_init(&t->calls);
	int err = thread_start(name, own_thread, t);
	if (err != 0)
		fatal("can't start the thread %s: %s", name, strerror(-err));
	return t;
}

/* Under t->lock, which it releases. */
static void wake_and_unlock(struct blocking_thread *t)
{
	bool wake = t->asleep;
	t->asleep = false;
	lock_release(&t->lock);
	if (wake)
		note_wake(&t->note);
}

struct own_call {
	struct call call;
	struct blocking_thread *thread;
};

static bool submit_own(struct g *g, void *arg)
{
	struct own_call *o = arg;
	o->call.g = g;
	struct blocking_thread *t = o->thread; /* o may be gone once the lock is released */
	lock_acquire(&t->lock);
	list_push_back(&t->calls, &o->call.link);
	wake_and_unlock(t);
	return true;
}

void blocking_thread_call(struct blocking_thread *t, void (*fn)(void *arg), void *arg)
{
	struct own_call o = { .call = { .fn = fn, .arg = arg }, .thread = t };
	HAPPENS_BEFORE(&o.call);
	sched_external_begin();
	g_park(WAIT_BLOCKING, submit_own, &o);
	HAPPENS_AFTER(&o.call);
}

static bool submit_end(struct g *g, void *arg)
{
	struct blocking_thread *t = arg;
	lock_acquire(&t->lock);
	t->freer = g;
	t->ending = true;
	wake_and_unlock(t);
	return true;
}

void blocking_thread_free(struct blocking_thread *t)
{
	if (t == NULL)
		return;
	sched_external_begin();
	g_park(WAIT_BLOCKING, submit_end, t);
	HAPPENS_AFTER(t);
	free(t);
}
