/* SPDX-License-Identifier: MIT
 *
 * pool_idle: connections that nobody uses, on a list of their host's and one of their shard's, and how they
 * get there and are watched there. Those that die there, or grow too old, are for the reaper to close.
 *
 * The watch. An idle connection is watched: the netpoller calls on_noise, on any thread, when its
 * peer closes or speaks. It is set before the connection is put where others find it, and taken off
 * by who takes it from there, so the two can't cross. on_noise finds the connection either idle
 * (then it takes it out, and the reaper closes it) or in somebody's hands: `spoke` tells the one
 * who is about to put it down; the one who has taken it learns it from conn_watch_idle.
 *
 * Over TLS not every noise is a word to us: session tickets come after the handshake, and so, on a
 * connection that was dialled for somebody who has gone, while it rests. The reaper takes those in, up
 * to a number of times, and lets the connection rest on.
 */
#include <stdlib.h>

#include "runtime/clock.h"
#include "src/client/pool_internal.h"

#define NOISES_MAX    8
#define SCAN_EVERY_NS SECOND

/* --- The lists; under the lock --- */

static void count_idle(struct httpconn *h, int change)
{
	h->host->idle_len += (uint32_t)change;
	atomic_fetch_add_explicit(&h->host->shard->pool->idle, (uint32_t)change,
				  memory_order_relaxed);
}

/* When the reaper has to see that h's lifetime is over. */
static int64_t note_end(struct pool_shard *s, const struct httpconn *h)
{
	int64_t next_scan = clock_after(s->scanned_ns, SCAN_EVERY_NS);
	int64_t ends = h->ends_ns < next_scan ? next_scan : h->ends_ns;
	if (ends < s->ends_ns)
		s->ends_ns = ends;
	return ends;
}

int64_t pool__idle_insert(struct httpconn *h, int64_t now)
{
	struct pool_shard *s = h->host->shard;
	int64_t idle_until = clock_after(now, s->pool->options.idle_ns);
	h->idle = true;
	h->kept = true;
	h->idle_since_ns = now;
	h->until_ns = h->ends_ns < idle_until ? h->ends_ns : idle_until;
	list_push_front(&h->host->idle, &h->place);
	list_push_front(&s->recent, &h->recent);
	count_idle(h, 1);
	int64_t ends = note_end(s, h);
	return ends < idle_until ? ends : idle_until;
}

void pool__idle_remove(struct httpconn *h)
{
	h->idle = false;
	list_remove(&h->place);
	list_remove(&h->recent);
	count_idle(h, -1);
}

static void give_to_reaper(struct httpconn *h)
{
	pool__idle_remove(h);
	list_push_back(&h->host->shard->dead, &h->place);
}

struct httpconn *pool__idle_take(struct pool_host *host, int64_t now)
{
	while (!list_empty(&host->idle)) {
		struct httpconn *h = CONTAINER_OF(host->idle.next, struct httpconn, place);
		if (h->until_ns > now) {
			pool__idle_remove(h);
			return h;
		}
		give_to_reaper(h);
		event_set(&host->shard->pool->wake);
	}
	return NULL;
}

struct httpconn *pool__idle_surplus(struct pool_host *host)
{
	if (!host->max_idle || host->idle_len <= host->max_idle)
		return NULL;
	struct httpconn *h = CONTAINER_OF(host->idle.prev, struct httpconn, place);
	pool__idle_remove(h);
	return h;
}

int64_t pool__idle_scan(struct pool_shard *s, int64_t now)
{
	lock_acquire(&s->lock);
	if (s->ends_ns <= now) {
		s->ends_ns = NEVER;
		s->scanned_ns = now;
		list_for_each_safe (node, tmp, &s->recent) {
			struct httpconn *h = CONTAINER_OF(node, struct httpconn, recent);
			if (h->ends_ns <= now)
				give_to_reaper(h);
			else
				(void)note_end(s, h);
		}
	}
	int64_t ends = s->ends_ns;
	lock_release(&s->lock);
	return ends;
}

/* --- The watch --- */

/* On the netpoller. */
static void on_noise(struct conn *conn, void *arg)
{
	struct httpconn *h = arg;
	struct pool_shard *s = h->host->shard;
	(void)conn;
	lock_acquire(&s->lock);
	bool was_idle = h->idle;
	if (was_idle)
		give_to_reaper(h);
	h->spoke = true;
	lock_release(&s->lock);
	if (was_idle)
		event_set(&s->pool->wake);
}

/* What has come was for the TLS library alone, and is taken in. h is in nobody else's hands. */
static bool is_harmless(struct httpconn *h)
{
	return h->tls && h->noises++ < NOISES_MAX &&
	       h->tls->ops->try_peek(h->tls) == TLS_WANTS_READ && h->tls->ops->quiet(h->tls);
}

/* What is left in the socket by a handshake has been reported already: it must be taken in first. */
static bool watch(struct httpconn *h)
{
	h->spoke = false;
	if (h->tls && h->exchanges == 0 && !is_harmless(h))
		return false;
	while (!conn_watch_idle(h->conn, on_noise, h))
		if (!is_harmless(h))
			return false;
	return true;
}

void pool__bury(struct pool *p, struct httpconn *h)
{
	(void)conn_watch_idle(h->conn, NULL, NULL);
	pool_discard(p, h);
}

void pool__close_for_right(struct httpconn *h)
{
	(void)conn_watch_idle(h->conn, NULL, NULL);
	httpconn_close(h);
	free(h);
}

/* --- To rest --- */

/* What there was too much of at the host, and what there is too much of in all. */
static void make_room(struct pool *p, struct httpconn *surplus)
{
	uint32_t idle = atomic_load_explicit(&p->idle, memory_order_relaxed);
	uint32_t orphans = atomic_load_explicit(&p->orphans, memory_order_relaxed);
	if (surplus)
		pool__bury(p, surplus);
	else if (idle + orphans > p->options.max_idle)
		(void)pool_evict(p);
}

/* h is on its host's list from here on, and may be gone when this returns. */
static void keep(struct pool *p, struct pool_host *host, struct httpconn *h, int64_t now)
{
	int64_t due = pool__idle_insert(h, now);
	struct httpconn *surplus = pool__idle_surplus(host);
	lock_release(&host->shard->lock);
	make_room(p, surplus);
	if (due < atomic_load(&p->wakes_ns))
		event_set(&p->wake);
}

void pool__rest(struct pool *p, struct httpconn *h, int64_t now, const struct pool_made *made)
{
	struct pool_shard *s = h->host->shard;
	struct pool_dial *begin = NULL;
	if (!watch(h)) {
		pool_discard(p, h);
		return;
	}
	lock_acquire(&s->lock);
	bool spoke = h->spoke;
	enum pool_offer offer = spoke ? POOL_NO_TAKER : pool__offer(h->host, h, made, &begin);
	if (!spoke && offer == POOL_NO_TAKER) {
		keep(p, h->host, h, now);
		return;
	}
	lock_release(&s->lock);
	if (spoke)
		pool__bury(p, h);
	else if (offer == POOL_INSTEAD)
		pool__close_for_right(h);
	pool__dial_begin(begin);
}

void pool__idle_settle(struct pool *p, struct httpconn *h)
{
	int64_t now = clock_now();
	(void)conn_watch_idle(h->conn, NULL, NULL);
	if (p->options.idle_ns > 0 && now < h->until_ns && is_harmless(h))
		pool__rest(p, h, now, NULL);
	else
		pool_discard(p, h);
}
