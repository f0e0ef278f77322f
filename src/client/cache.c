/* SPDX-License-Identifier: MIT
 *
 * cache: a hash table of names; each entry has an answer, or a query under way and those who wait
 * for it, or both when the old answer has expired.
 *
 * One lock guards everything: a lookup is made per new connection, not per request. It is held
 * while waiters are woken, so that a waiter, whose node lives on its own stack, can't leave before
 * its waker has let go of it. An entry with a query under way is never dropped. The table has a
 * fixed number of buckets, sized for CACHE_NAMES_MAX.
 */
#include "src/client/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/lock.h"

#define BUCKETS 4096

struct entry {
	struct entry *next; /* in its bucket */
	struct list recent;
	uint64_t hash;
	struct cache *cache;
	struct dns_query query; /* its name is our key */
	bool under_way;
	struct list askers;
	struct dns_answer *answer; /* NULL = none yet */
	int64_t expires_ns;
	size_t name_len;
	char name[];
};

struct asker {
	struct list link; /* in the entry, until answered */
	struct event event;
	bool lined_up; /* it has to wait; the rest is under the lock then */
	bool answered;
	struct dns_answer *answer; /* NULL = out of memory */
};

struct cache {
	struct dns *dns;
	struct lock lock;   /* all below */
	struct list recent; /* the most recently used first */
	uint32_t len;
	struct cache_stats stats;
	struct entry *buckets[BUCKETS];
};

/* FNV-1a. Names come from URLs that anybody may submit, but the table is small and bounded: a flood
 * of colliding names costs time in proportion to CACHE_NAMES_MAX per new connection, no more. */
static uint64_t hash_of(struct str name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.data[i]) * UINT64_C(0x100000001b3);
	return h;
}

static struct entry **find(struct cache *c, struct str name, uint64_t hash)
{
	struct entry **at = &c->buckets[hash % BUCKETS];
	while (*at &&
	       !((*at)->hash == hash && str_eq(str_make((*at)->name, (*at)->name_len), name)))
		at = &(*at)->next;
	return at;
}

static void entry_free(struct entry *e)
{
	dns_answer_unref(e->answer);
	free(e);
}

static void drop(struct cache *c, struct entry *e)
{
	struct entry **at = find(c, str_make(e->name, e->name_len), e->hash);
	*at = e->next;
	list_remove(&e->recent);
	c->len--;
	entry_free(e);
}

/* Makes room by dropping the entry unused for longest, when it isn't being asked for just now. */
static void evict(struct cache *c)
{
	for (struct list *node = c->recent.prev; node != &c->recent; node = node->prev) {
		struct entry *e = CONTAINER_OF(node, struct entry, recent);
		if (e->under_way)
			continue;
		drop(c, e);
		return;
	}
}

static int64_t ttl_of(const struct dns_answer *a)
{
	if (!a)
		return 0;
	if (a->error == FETCH_DNS_NOT_FOUND)
		return CACHE_TTL_ABSENT;
	if (a->error)
		return CACHE_TTL_FAILURE;
	if (a->ttl_ns < CACHE_TTL_MIN)
		return CACHE_TTL_MIN;
	return a->ttl_ns > CACHE_TTL_MAX ? CACHE_TTL_MAX : a->ttl_ns;
}

/* The resolver's answer, on the resolver's goroutine. */
static void receive(struct dns_query *q, struct dns_answer *answer)
{
	struct entry *e = CONTAINER_OF(q, struct entry, query);
	struct cache *c = e->cache;
	int64_t now = clock_now();
	lock_acquire(&c->lock);
	struct dns_answer *old = e->answer;
	e->answer = answer;
	e->expires_ns = now + ttl_of(answer);
	e->under_way = false;
	for (struct list *node; (node = list_pop_front(&e->askers));) {
		struct asker *asker = CONTAINER_OF(node, struct asker, link);
		asker->answer = answer ? dns_answer_ref(answer) : NULL;
		asker->answered = true;
		event_set(&asker->event);
	}
	lock_release(&c->lock);
	dns_answer_unref(old);
}

static struct entry *entry_new(struct cache *c, struct str name, uint64_t hash)
{
	struct entry *e = calloc(1, sizeof(*e) + name.len + 1);
	if (!e)
		return NULL;
	if (c->len >= CACHE_NAMES_MAX)
		evict(c);
	memcpy(e->name, name.data, name.len);
	e->name_len = name.len;
	e->hash = hash;
	e->cache = c;
	e->query = (struct dns_query){ .name = e->name, .done = receive };
	list_init(&e->askers);
	e->next = c->buckets[hash % BUCKETS];
	c->buckets[hash % BUCKETS] = e;
	list_push_front(&c->recent, &e->recent);
	c->len++;
	return e;
}

/* Gives the entry's answer to the caller, who owns it. */
static enum fetch_error deliver(struct dns_answer *answer, struct dns_answer **ret_answer,
				char *detail)
{
	enum fetch_error e = answer ? answer->error : FETCH_OUT_OF_MEMORY;
	if (e == FETCH_OK) {
		*ret_answer = answer;
		return e;
	}
	if (answer)
		fault(detail, e, "%s", answer->detail);
	dns_answer_unref(answer);
	return e;
}

/* Takes the answer that is there, or lines up for the one to come; *ret_start is then the query
 * that the caller is to start, if it isn't under way. False when memory is out. */
static bool look_up(struct cache *c, struct str name, struct asker *asker,
		    struct dns_query **ret_start)
{
	uint64_t hash = hash_of(name);
	int64_t now = clock_now();
	lock_acquire(&c->lock);
	c->stats.lookups++;
	struct entry *e = *find(c, name, hash);
	if (!e)
		e = entry_new(c, name, hash);
	if (e && e->answer && !e->under_way && now < e->expires_ns) {
		c->stats.hits++;
		asker->answer = dns_answer_ref(e->answer);
	} else if (e) {
		event_init(&asker->event);
		asker->lined_up = true;
		list_push_back(&e->askers, &asker->link);
		*ret_start = e->under_way ? NULL : &e->query;
		e->under_way = true;
	}
	if (e) {
		list_remove(&e->recent);
		list_push_front(&c->recent, &e->recent);
	}
	lock_release(&c->lock);
	return e != NULL;
}

/* Parks until the answer has come; 0 or what ended the wait. */
static int await(struct cache *c, struct asker *asker, const struct scope *scope,
		 int64_t timeout_ns)
{
	int64_t deadline_ns = scope_until(scope, clock_now(), timeout_ns);
	int err = event_wait(&asker->event, scope->ctx, deadline_ns);
	lock_acquire(&c->lock);
	bool answered = asker->answered;
	if (!answered)
		list_remove(&asker->link);
	lock_release(&c->lock);
	event_done(&asker->event);
	return answered ? 0 : err;
}

enum fetch_error cache_resolve(struct cache *c, const struct scope *scope, struct str name,
			       int64_t timeout_ns, struct dns_answer **ret_answer, char *detail)
{
	struct asker asker = { .lined_up = false };
	struct dns_query *start = NULL;
	if (!look_up(c, name, &asker, &start))
		return FETCH_OUT_OF_MEMORY;
	if (start)
		c->dns->ops->start(c->dns, start);
	int err = asker.lined_up ? await(c, &asker, scope, timeout_ns) : 0;
	if (!err)
		return deliver(asker.answer, ret_answer, detail);
	return fault(detail, scope_error(scope, err, FETCH_DNS_TIMEOUT), "resolving %.*s",
		     STR_ARG(name));
}

void cache_won(struct cache *c, struct str name, const struct sockaddr *addr)
{
	lock_acquire(&c->lock);
	struct entry *e = *find(c, name, hash_of(name));
	if (e && e->answer)
		dns_answer_won(e->answer, addr);
	lock_release(&c->lock);
}

void cache_stats(struct cache *c, struct cache_stats *ret_stats)
{
	lock_acquire(&c->lock);
	*ret_stats = c->stats;
	lock_release(&c->lock);
}

struct cache *cache_new(struct dns *dns)
{
	struct cache *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->dns = dns;
	list_init(&c->recent);
	return c;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	for (struct list *node; (node = list_pop_front(&c->recent));)
		entry_free(CONTAINER_OF(node, struct entry, recent));
	free(c);
}
