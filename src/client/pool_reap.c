/* SPDX-License-Identifier: MIT
 *
 * pool_reap: the reaper, a goroutine, closes what died and what has been idle for too long. It sleeps until the
 * first idle connection's time is up, and without end when there is none; who puts one to rest whose time
 * is up before that, wakes it. The end of an idle time is read off the list, which is in that order.
 * Lifetimes end in any order: they are looked through, but at most once a second.
 */
#include "runtime/clock.h"
#include "src/client/pool_internal.h"

static struct httpconn *oldest(struct pool_shard *s)
{
	if (list_empty(&s->recent))
		return NULL;
	return CONTAINER_OF(s->recent.prev, struct httpconn, recent);
}

/* The oldest connection of the shard, if it was idle since before `before`. It is still watched. */
static struct httpconn *take_oldest(struct pool_shard *s, int64_t before)
{
	lock_acquire(&s->lock);
	struct httpconn *h = oldest(s);
	if (h && h->idle_since_ns <= before)
		pool__idle_remove(h);
	else
		h = NULL;
	lock_release(&s->lock);
	return h;
}

static struct httpconn *take_dead(struct pool_shard *s)
{
	lock_acquire(&s->lock);
	struct list *node = list_pop_front(&s->dead);
	lock_release(&s->lock);
	return node ? CONTAINER_OF(node, struct httpconn, place) : NULL;
}

static int64_t oldest_since(struct pool_shard *s)
{
	lock_acquire(&s->lock);
	struct httpconn *h = oldest(s);
	int64_t since = h ? h->idle_since_ns : NEVER;
	lock_release(&s->lock);
	return since;
}

/* Closes what is dead or too old; gives the time when the next one will be. */
static int64_t sweep(struct pool *p)
{
	int64_t next = NEVER, now = clock_now();
	for (int i = 0; i < POOL_SHARDS; i++) {
		struct pool_shard *s = &p->shards[i];
		int64_t ends = pool__idle_scan(s, now);
		for (struct httpconn *h; (h = take_oldest(s, now - p->options.idle_ns));)
			pool__bury(p, h);
		for (struct httpconn *h; (h = take_dead(s));)
			pool__idle_settle(p, h);
		int64_t idle = clock_after(oldest_since(s), p->options.idle_ns);
		int64_t first = ends < idle ? ends : idle;
		next = first < next ? first : next;
	}
	return next;
}

/* wakes_ns is cleared before looking, so that a connection put down during the look either is seen
 * or wakes us. */
int pool__reap(void *arg)
{
	struct pool *p = arg;
	struct context *ctx = errgroup_context(p->group);
	while (!context_err(ctx)) {
		atomic_store(&p->wakes_ns, NEVER);
		int64_t next = sweep(p);
		atomic_store(&p->wakes_ns, next);
		int err = event_wait(&p->wake, ctx, next);
		(void)err; /* whatever it was, it is time to look */
	}
	return 0;
}

void pool__idle_done(struct pool *p)
{
	p->options.idle_ns = 0;
	(void)sweep(p);
}

bool pool_evict(struct pool *p)
{
	struct pool_shard *from = NULL;
	int64_t since = NEVER;
	for (int i = 0; i < POOL_SHARDS; i++) {
		int64_t theirs = oldest_since(&p->shards[i]);
		if (theirs < since) {
			since = theirs;
			from = &p->shards[i];
		}
	}
	struct httpconn *h = from ? take_oldest(from, NEVER) : NULL;
	if (h)
		pool__bury(p, h);
	return h != NULL;
}
