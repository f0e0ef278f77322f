/* SPDX-License-Identifier: MIT
 *
 * pool: shards by the hash of the key. A shard's lock guards its hosts, their idle connections and
 * waiters, and the pool's fields of all their connections. It is held for some tens of
 * instructions; nothing is closed and no watch is changed under it.
 *
 * The watch. An idle connection is watched: the netpoller calls on_noise, on any thread, when its
 * peer closes or speaks. It is set before the connection is put where others find it, and taken off
 * by who takes it from there, so the two can't cross. on_noise finds the connection either idle
 * (then it takes it out, and the reaper closes it) or in somebody's hands: `spoke` tells the one
 * who is about to put it down; the one who has taken it learns it from conn_watch_idle.
 *
 * Claims. Who waits for a host at its limit lines up with a claim on its own stack. Whoever frees a
 * connection, or the right to one, gives it to the first claim under the lock. A claimant who gives
 * up at the same moment passes on what it was given.
 *
 * The reaper, a goroutine, closes what died and what is idle for too long. It sleeps until the
 * oldest idle connection's time is up, and without end when there is none (`armed` false): then the
 * next pool_put wakes it.
 */
#include "src/client/pool.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/lock.h"
#include "runtime/rand.h"

#define SHARDS	    16
#define BUCKETS_MIN 16

struct pool_host {
	struct pool_host *next; /* in its bucket */
	struct shard *shard;
	uint64_t hash;
	struct pool_key key;
	struct list idle;   /* httpconn.place; the most recently used first */
	struct list claims; /* in order of arrival */
	uint32_t conns;	    /* open, being opened, idle or dead but not yet closed */
	char name[];	    /* the key's host */
};

struct shard {
	_Alignas(64) struct lock lock;
	struct pool *pool;
	struct pool_host **buckets;
	uint32_t mask; /* buckets - 1 */
	uint32_t hosts;
	struct list recent; /* httpconn.recent of all idle ones; the most recently used first */
	struct list dead;   /* httpconn.place: for the reaper to close */
	uint64_t conns, reuses;
};

struct pool {
	struct pool_options options;
	uint64_t seed; /* of the hosts' hashes */
	struct errgroup *group;
	struct event wake; /* the reaper's */
	_Atomic bool armed;
	_Atomic uint32_t idle;
	struct shard shards[SHARDS];
};

struct claim {
	struct list link;
	struct event event;
	bool served;
	struct httpconn *conn; /* NULL once served: the right to open one */
};

/* --- Hosts; all under the shard's lock --- */

static struct pool_host **host_find(struct shard *s, const struct pool_key *key, uint64_t hash)
{
	struct pool_host **at = &s->buckets[hash / SHARDS & s->mask];
	for (; *at; at = &(*at)->next) {
		const struct pool_host *h = *at;
		if (h->hash == hash && pool_key_equal(&h->key, key))
			break;
	}
	return at;
}

/* Twice the buckets. Without memory the chains get longer, that is all. */
static void grow(struct shard *s)
{
	uint32_t mask = s->mask * 2 + 1;
	struct pool_host **buckets = calloc((size_t)mask + 1, sizeof(struct pool_host *));
	if (!buckets)
		return;
	for (uint32_t i = 0; i <= s->mask; i++) {
		for (struct pool_host *h = s->buckets[i], *next; h; h = next) {
			next = h->next;
			h->next = buckets[h->hash / SHARDS & mask];
			buckets[h->hash / SHARDS & mask] = h;
		}
	}
	free(s->buckets);
	s->buckets = buckets;
	s->mask = mask;
}

static struct pool_host *host_get(struct shard *s, const struct pool_key *key, uint64_t hash)
{
	struct pool_host *h = *host_find(s, key, hash);
	if (h)
		return h;
	h = calloc(1, sizeof(*h) + key->host.len);
	if (!h)
		return NULL;
	if (s->hosts++ > s->mask)
		grow(s);
	h->shard = s;
	h->hash = hash;
	h->key = *key;
	h->key.proxy = proxy_ref(key->proxy);
	h->key.host.data = memcpy(h->name, key->host.data, key->host.len);
	list_init(&h->idle);
	list_init(&h->claims);
	struct pool_host **bucket = &s->buckets[hash / SHARDS & s->mask];
	h->next = *bucket;
	*bucket = h;
	return h;
}

static void host_drop_unused(struct pool_host *h)
{
	if (h->conns || !list_empty(&h->claims))
		return;
	struct pool_host **at = &h->shard->buckets[h->hash / SHARDS & h->shard->mask];
	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	h->shard->hosts--;
	proxy_unref(h->key.proxy);
	free(h);
}

/* --- Idle connections; under the lock --- */

static void idle_insert(struct httpconn *h, int64_t now)
{
	h->idle = true;
	h->idle_since_ns = now;
	list_push_front(&h->host->idle, &h->place);
	list_push_front(&h->host->shard->recent, &h->recent);
	atomic_fetch_add_explicit(&h->host->shard->pool->idle, 1, memory_order_relaxed);
}

static void idle_remove(struct httpconn *h)
{
	h->idle = false;
	h->spoke = false;
	list_remove(&h->place);
	list_remove(&h->recent);
	atomic_fetch_sub_explicit(&h->host->shard->pool->idle, 1, memory_order_relaxed);
}

static struct httpconn *idle_first(struct pool_host *host)
{
	if (list_empty(&host->idle))
		return NULL;
	return CONTAINER_OF(host->idle.next, struct httpconn, place);
}

static struct httpconn *oldest(struct shard *s)
{
	if (list_empty(&s->recent))
		return NULL;
	return CONTAINER_OF(s->recent.prev, struct httpconn, recent);
}

/* Gives a connection, or with NULL the right to open one, to the first in line. False when nobody
 * waits. */
static bool serve(struct pool_host *host, struct httpconn *h)
{
	struct list *node = list_pop_front(&host->claims);
	if (!node)
		return false;
	struct claim *claim = CONTAINER_OF(node, struct claim, link);
	claim->conn = h;
	claim->served = true;
	host->shard->reuses += h != NULL;
	event_set(&claim->event);
	return true;
}

/* The host has one connection fewer. */
static void release(struct pool_host *host)
{
	if (serve(host, NULL))
		return;
	host->conns--;
	host->shard->conns--;
	host_drop_unused(host);
}

/* --- The reaper --- */

/* The watch's report, on the netpoller. */
static void on_noise(struct conn *conn, void *arg)
{
	struct httpconn *h = arg;
	struct shard *s = h->host->shard;
	(void)conn;
	lock_acquire(&s->lock);
	bool was_idle = h->idle;
	if (was_idle) {
		idle_remove(h);
		list_push_back(&s->dead, &h->place);
	}
	h->spoke = true;
	lock_release(&s->lock);
	if (was_idle)
		event_set(&s->pool->wake);
}

/* The oldest connection of the shard, if it was idle since before `before`. It is still watched. */
static struct httpconn *take_oldest(struct shard *s, int64_t before)
{
	lock_acquire(&s->lock);
	struct httpconn *h = oldest(s);
	if (h && h->idle_since_ns <= before)
		idle_remove(h);
	else
		h = NULL;
	lock_release(&s->lock);
	return h;
}

static struct httpconn *take_dead(struct shard *s)
{
	lock_acquire(&s->lock);
	struct list *node = list_pop_front(&s->dead);
	lock_release(&s->lock);
	return node ? CONTAINER_OF(node, struct httpconn, place) : NULL;
}

static int64_t oldest_since(struct shard *s)
{
	lock_acquire(&s->lock);
	struct httpconn *h = oldest(s);
	int64_t since = h ? h->idle_since_ns : NEVER;
	lock_release(&s->lock);
	return since;
}

/* Closes a connection that no list has any more but that is, or was, watched. */
static void bury(struct pool *p, struct httpconn *h)
{
	(void)conn_watch_idle(h->conn, NULL, NULL);
	pool_discard(p, h);
}

/* Closes what is dead or too old; gives the time when the next one will be. */
static int64_t sweep(struct pool *p)
{
	int64_t next = NEVER, before = clock_now() - p->options.idle_ns;
	for (int i = 0; i < SHARDS; i++) {
		struct shard *s = &p->shards[i];
		for (struct httpconn *h; (h = take_oldest(s, before));)
			bury(p, h);
		for (struct httpconn *h; (h = take_dead(s));)
			bury(p, h);
		int64_t since = oldest_since(s);
		int64_t until = clock_after(since, p->options.idle_ns);
		if (until < next)
			next = until;
	}
	return next;
}

/* `armed` is cleared before looking, so that a connection put down during the look either is seen
 * or wakes us. */
static int reap(void *arg)
{
	struct pool *p = arg;
	struct context *ctx = errgroup_context(p->group);
	while (!context_err(ctx)) {
		atomic_store(&p->armed, false);
		int64_t next = sweep(p);
		if (next != NEVER)
			atomic_store(&p->armed, true);
		int err = event_wait(&p->wake, ctx, next);
		(void)err; /* whatever it was, it is time to look */
	}
	return 0;
}

bool pool_evict(struct pool *p)
{
	struct shard *from = NULL;
	int64_t since = NEVER;
	for (int i = 0; i < SHARDS; i++) {
		int64_t theirs = oldest_since(&p->shards[i]);
		if (theirs < since) {
			since = theirs;
			from = &p->shards[i];
		}
	}
	struct httpconn *h = from ? take_oldest(from, NEVER) : NULL;
	if (h)
		bury(p, h);
	return h != NULL;
}

/* --- Getting --- */

/* An empty connection, for which the host has counted already. */
static struct httpconn *new_conn(struct pool_host *host)
{
	struct httpconn *h = calloc(1, sizeof(*h));
	if (h) {
		h->host = host;
		return h;
	}
	struct shard *s = host->shard;
	lock_acquire(&s->lock);
	release(host);
	lock_release(&s->lock);
	return NULL;
}

/* A connection that was served to a claimant who gave up. Its watch, still on, may be calling
 * on_noise at this moment: it must have ended before the connection can be closed. */
static void pass_on(struct pool *p, struct httpconn *h)
{
	if (conn_watch_idle(h->conn, NULL, NULL))
		pool_put(p, h, clock_now());
	else
		pool_discard(p, h);
}

/* Parks in line. 0 and what the claim was given, or what ended the wait. */
static int wait_in_line(struct pool *p, struct pool_host *host, struct claim *claim,
			const struct scope *scope)
{
	struct shard *s = host->shard;
	int err = event_wait(&claim->event, scope->ctx, scope->deadline_ns);
	lock_acquire(&s->lock);
	if (!claim->served) {
		list_remove(&claim->link);
		host_drop_unused(host);
	} else if (err && !claim->conn) {
		release(host);
	}
	lock_release(&s->lock);
	event_done(&claim->event);
	if (err && claim->conn)
		pass_on(p, claim->conn);
	return err;
}

enum offer {
	OFFER_CONN,  /* an idle connection, still watched */
	OFFER_RIGHT, /* to open one */
	OFFER_LINE   /* a place in line */
};

static enum offer take(struct pool *p, struct pool_host *host, bool fresh, struct claim *claim,
		       struct httpconn **ret_conn)
{
	uint32_t limit = p->options.max_conns_per_host;
	struct httpconn *h = idle_first(host);
	bool full = limit && host->conns >= limit;
	if (h && (!fresh || full)) {
		idle_remove(h);
		host->shard->reuses++;
		*ret_conn = h;
		return OFFER_CONN;
	}
	if (!full) {
		host->conns++;
		host->shard->conns++;
		return OFFER_RIGHT;
	}
	event_init(&claim->event);
	list_push_back(&host->claims, &claim->link);
	return OFFER_LINE;
}

/* One round: *ret_conn is empty, or still watched. */
static enum fetch_error claim_one(struct pool *p, const struct pool_key *key,
				  const struct scope *scope, bool fresh, struct httpconn **ret_conn,
				  char *detail)
{
	uint64_t hash = pool_key_hash(key, p->seed);
	struct shard *s = &p->shards[hash % SHARDS];
	struct claim claim = { .served = false };
	lock_acquire(&s->lock);
	struct pool_host *host = host_get(s, key, hash);
	enum offer offer = host ? take(p, host, fresh, &claim, &claim.conn) : OFFER_RIGHT;
	lock_release(&s->lock);
	if (!host)
		return FETCH_OUT_OF_MEMORY;
	int err = offer == OFFER_LINE ? wait_in_line(p, host, &claim, scope) : 0;
	if (err)
		return fault(detail, scope_error(scope, err, FETCH_TOTAL_TIMEOUT),
			     "waiting for one of the host's connections");
	*ret_conn = claim.conn ? claim.conn : new_conn(host);
	return *ret_conn ? FETCH_OK : FETCH_OUT_OF_MEMORY;
}

enum fetch_error pool_get(struct pool *p, const struct pool_key *key, const struct scope *scope,
			  bool fresh, struct httpconn **ret_conn, char *detail)
{
	for (;;) {
		struct httpconn *h = NULL;
		enum fetch_error e = claim_one(p, key, scope, fresh, &h, detail);
		if (e)
			return e;
		if (h->conn && !conn_watch_idle(h->conn, NULL, NULL)) {
			pool_discard(p, h);
			continue;
		}
		if (h->conn && fresh) {
			httpconn_close(h);
			h->used = false;
		}
		*ret_conn = h;
		return FETCH_OK;
	}
}

/* --- Giving back --- */

void pool_discard(struct pool *p, struct httpconn *h)
{
	struct shard *s = h->host->shard;
	(void)p;
	httpconn_close(h);
	lock_acquire(&s->lock);
	release(h->host);
	lock_release(&s->lock);
	free(h);
}

void pool_put(struct pool *p, struct httpconn *h, int64_t now)
{
	struct shard *s = h->host->shard;
	h->used = true;
	if (!conn_watch_idle(h->conn, on_noise, h)) {
		pool_discard(p, h);
		return;
	}
	lock_acquire(&s->lock);
	bool spoke = h->spoke;
	bool kept = !spoke && !serve(h->host, h);
	if (kept)
		idle_insert(h, now);
	lock_release(&s->lock);
	if (spoke)
		bury(p, h);
	if (!kept)
		return;
	if (atomic_load_explicit(&p->idle, memory_order_relaxed) > p->options.max_idle)
		(void)pool_evict(p);
	if (!atomic_load(&p->armed))
		event_set(&p->wake);
}

/* --- The whole --- */

static bool shard_init(struct pool *p, struct shard *s)
{
	s->pool = p;
	s->mask = BUCKETS_MIN - 1;
	s->buckets = calloc(BUCKETS_MIN, sizeof(struct pool_host *));
	list_init(&s->recent);
	list_init(&s->dead);
	return s->buckets != NULL;
}

static void shards_done(struct pool *p)
{
	for (int i = 0; i < SHARDS; i++)
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
	for (int i = 0; i < SHARDS; i++)
		ok = shard_init(p, &p->shards[i]) && ok;
	if (!ok) {
		shards_done(p);
		return NULL;
	}
	p->options = *options;
	p->seed = rand_u64();
	p->group = group;
	event_init(&p->wake);
	errgroup_go(group, reap, p);
	return p;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	p->options.idle_ns = 0;
	(void)sweep(p);
	for (int i = 0; i < SHARDS; i++)
		if (p->shards[i].hosts)
			panic("pool_free: a connection is still lent out");
	event_done(&p->wake);
	shards_done(p);
}

void pool_stats(struct pool *p, struct pool_stats *ret_stats)
{
	struct pool_stats sum = { .idle = atomic_load(&p->idle) };
	for (int i = 0; i < SHARDS; i++) {
		struct shard *s = &p->shards[i];
		lock_acquire(&s->lock);
		sum.conns += s->conns;
		sum.reuses += s->reuses;
		lock_release(&s->lock);
	}
	*ret_stats = sum;
}
