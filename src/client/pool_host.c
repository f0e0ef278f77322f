/* SPDX-License-Identifier: MIT
 *
 * pool_host: a shard's table of hosts, chained buckets that double. A host is there as long as it has a
 * connection, a dial or a claim. All under the shard's lock.
 */
#include <stdlib.h>
#include <string.h>

#include "src/client/pool_internal.h"
#include "src/client/proxy.h"

#define BUCKETS_MIN 16

static struct pool_host **bucket_of(struct pool_shard *s, uint64_t hash)
{
	return &s->buckets[hash / POOL_SHARDS & s->mask];
}

bool pool__hosts_init(struct pool_shard *s)
{
	s->mask = BUCKETS_MIN - 1;
	s->buckets = calloc(BUCKETS_MIN, sizeof(struct pool_host *));
	return s->buckets != NULL;
}

struct pool_host *pool__host_find(struct pool_shard *s, const struct pool_key *key, uint64_t hash)
{
	struct pool_host *h = *bucket_of(s, hash);
	while (h && !(h->hash == hash && pool_key_equal(&h->key, key)))
		h = h->next;
	return h;
}

static void link_in(struct pool_shard *s, struct pool_host *h)
{
	struct pool_host **bucket = bucket_of(s, h->hash);
	h->next = *bucket;
	*bucket = h;
}

/* Twice the buckets. Without memory the chains get longer, that is all. */
static void grow(struct pool_shard *s)
{
	struct pool_host **old = s->buckets;
	uint32_t old_mask = s->mask, mask = old_mask * 2 + 1;
	struct pool_host **buckets = calloc((size_t)mask + 1, sizeof(struct pool_host *));
	if (!buckets)
		return;
	s->buckets = buckets;
	s->mask = mask;
	for (uint32_t i = 0; i <= old_mask; i++) {
		for (struct pool_host *h = old[i], *next; h; h = next) {
			next = h->next;
			link_in(s, h);
		}
	}
	free(old);
}

static struct pool_host *host_new(struct pool_shard *s, const struct pool_key *key, uint64_t hash)
{
	struct pool_host *h = calloc(1, sizeof(*h) + key->host.len);
	if (!h)
		return NULL;
	h->shard = s;
	h->hash = hash;
	h->key = *key;
	h->key.proxy = proxy_ref(key->proxy);
	if (key->host.len > 0) { /* else it is a proxy, for any number of hosts */
		memcpy(h->name, key->host.data, key->host.len);
		h->max_conns = s->pool->options.max_conns_per_host;
		h->max_idle = s->pool->options.max_idle_per_host;
	}
	h->key.host.data = h->name;
	list_init(&h->idle);
	list_init(&h->line);
	list_init(&h->held);
	return h;
}

struct pool_host *pool__host_get(struct pool_shard *s, const struct pool_key *key, uint64_t hash)
{
	struct pool_host *h = pool__host_find(s, key, hash);
	if (h)
		return h;
	h = host_new(s, key, hash);
	if (!h)
		return NULL;
	if (s->hosts++ > s->mask)
		grow(s);
	link_in(s, h);
	return h;
}

void pool__host_drop_unused(struct pool_host *h)
{
	if (h->conns || !list_empty(&h->line))
		return;
	struct pool_host **at = bucket_of(h->shard, h->hash);
	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	h->shard->hosts--;
	proxy_unref(h->key.proxy);
	free(h);
}
