/* SPDX-License-Identifier: MIT
 *
 * pool: getting and giving back, and the whole. Shards by the hash of the key; pool_internal.h says
 * what their locks guard, and which file has what.
 *
 * The case that counts is an idle connection found: one lock, nothing allocated, nothing woken, and
 * the same to put it back.
 */
#include "src/client/pool.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/rand.h"
#include "src/client/pool_internal.h"

/* Still watched. NULL when none is idle. */
static struct httpconn *take_idle(struct pool *p, const struct pool_ask *ask, uint64_t hash)
{
	struct pool_shard *s = pool__shard(p, hash);
	lock_acquire(&s->lock);
	struct pool_host *host = pool__host_find(s, ask->key, hash);
	struct httpconn *h = host ? pool__idle_take(host, ask->t->start) : NULL;
	s->reuses += h != NULL;
	lock_release(&s->lock);
	return h;
}

enum fetch_error pool_get(struct pool *p, const struct pool_ask *ask, struct httpconn **ret_conn)
{
	uint64_t hash = pool_key_hash(ask->key, p->seed);
	for (struct httpconn *h; !ask->fresh && (h = take_idle(p, ask, hash));) {
		if (conn_watch_idle(h->conn, NULL, NULL)) {
			*ret_conn = h;
			return FETCH_OK;
		}
		pool_discard(p, h);
	}
	return pool__wait(p, ask, hash, ret_conn);
}

void pool_discard(struct pool *p, struct httpconn *h)
{
	struct pool_shard *s = h->host->shard;
	(void)p;
	httpconn_close(h);
	lock_acquire(&s->lock);
	struct pool_dial *next = pool__release(h->host);
	lock_release(&s->lock);
	free(h);
	pool__dial_begin(next);
}

void pool_put(struct pool *p, struct httpconn *h, int64_t now)
{
	uint32_t max = p->options.max_exchanges;
	h->exchanges++;
	h->kept = true;
	if (h->ends_ns <= now || (max && h->exchanges >= max))
		pool_discard(p, h);
	else
		pool__rest(p, h, now, NULL);
}

/* --- The whole --- */

static bool shard_init(struct pool *p, struct pool_shard *s)
{
	s->pool = p;
	s->ends_ns = NEVER;
	list_init(&s->recent);
	list_init(&s->dead);
	return pool__hosts_init(s);
}

static void shards_done(struct pool *p)
{
	for (int i = 0; i < POOL_SHARDS; i++)
		free(p->shards[i].buckets);
	free(p);
}

struct pool *pool_new(const struct pool_options *options, struct errgroup *group)
{
	struct pool *p = aligned_alloc(_Alignof(struct pool), sizeof(*p));
	if (!p)
		return NULL;
	memset(p, 0, sizeof(*p));
	bool ok = true;
	for (int i = 0; i < POOL_SHARDS; i++)
		ok = shard_init(p, &p->shards[i]) && ok;
	if (!ok) {
		shards_done(p);
		return NULL;
	}
	p->options = *options;
	p->seed = rand_u64();
	p->group = group;
	p->wakes_ns = NEVER;
	event_init(&p->wake);
	errgroup_go(group, pool__reap, p);
	return p;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pool__idle_done(p);
	for (int i = 0; i < POOL_SHARDS; i++)
		if (p->shards[i].hosts)
			panic("pool_free: a connection is still lent out");
	event_done(&p->wake);
	shards_done(p);
}

void pool_stats(struct pool *p, struct pool_stats *ret_stats)
{
	struct pool_stats sum = { .idle = atomic_load(&p->idle) };
	for (int i = 0; i < POOL_SHARDS; i++) {
		struct pool_shard *s = &p->shards[i];
		lock_acquire(&s->lock);
		sum.conns += s->conns;
		sum.reuses += s->reuses;
		sum.waiting += s->waiting;
		lock_release(&s->lock);
	}
	*ret_stats = sum;
}
