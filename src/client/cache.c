/* SPDX-License-Identifier: MIT
 *
 * cache: a hash table of names; each entry has an answer, or a flight under way (flight.h) and those who
 * wait for it, or both when the old answer has expired.
 *
 * One lock guards everything: a lookup is made per new connection, not per request. It is held
 * while waiters are woken, so that a waiter, whose node lives on its own stack, can't leave before
 * its waker has let go of it. The resolver's lock may be taken under it (withdraw).
 *
 * Entries without a flight are in `recent`, and the last of them goes when there are too many. Those with
 * one can't be dropped; they are bounded by those who wait and by what the resolver has under way, since
 * the last to go away takes its queries along where they haven't begun. The hash has a seed, so
 * that nobody can choose names that collide.
 */
#include "src/client/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/key.h"
#include "runtime/lock.h"
#include "runtime/rand.h"
#include "src/client/flight.h"
#include "src/client/round.h"

const struct cache_limits cache_default_limits = { .names = 16384,
						   .ttl_min_ns = 5 * SECOND,
						   .ttl_max_ns = 10 * 60 * SECOND,
						   .ttl_absent_ns = 5 * 60 * SECOND,
						   .stale_ns = 3600 * SECOND };

struct entry {
	struct entry *next; /* in its bucket */
	struct list recent; /* while no flight is under way */
	uint64_t hash;
	struct cache *cache;
	struct flight flight; /* the queries' name is our key */
	struct list askers;
	struct dns_answer *answer; /* of the last flight; NULL = none, or memory was out */
	int64_t received_ns;	   /* when it came */
	int64_t fresh_ns;	   /* until when its TTL lets it be used */
	int64_t expires_ns;	   /* and when it is asked for again */
	union dns_addr winner;	   /* which wasn't the first in its round; family 0 = none */
	int64_t winner_ns;	   /* when it won */
	size_t name_len;
	char name[];
};

struct asker {
	struct list link; /* in the entry, until answered */
	struct event event;
	bool whole;    /* it wants no half */
	bool lined_up; /* it has to wait; the rest is under the lock then */
	bool answered;
	bool half;
	struct dns_answer *answer; /* NULL = out of memory */
};

struct cache {
	struct dns *dns;
	struct cache_limits limits;
	uint64_t seed;
	struct lock lock;   /* all below */
	struct list recent; /* the most recently used first */
	uint32_t len;
	struct cache_stats stats;
	uint32_t mask; /* the number of buckets, a power of two, less one */
	struct entry *buckets[];
};

/* --- The table --- */

/* A dot at the end says that a name is absolute. All are here. */
static struct str without_dot(struct str name)
{
	if (name.len > 1 && str_ends(name, STR(".")))
		name.len--;
	return name;
}

static uint64_t hash_of(const struct cache *c, struct str name)
{
	return key_hash(key_bytes(name.data, name.len), c->seed);
}

static struct entry **find_hashed(struct cache *c, struct str name, uint64_t hash)
{
	struct entry **at = &c->buckets[hash & c->mask];
	while (*at &&
	       !((*at)->hash == hash && str_eq(str_make((*at)->name, (*at)->name_len), name)))
		at = &(*at)->next;
	return at;
}

static struct entry *find(struct cache *c, struct str name)
{
	name = without_dot(name);
	return *find_hashed(c, name, hash_of(c, name));
}

static void entry_free(struct entry *e)
{
	flight_done(&e->flight);
	dns_answer_unref(e->answer);
	free(e);
}

static void drop(struct cache *c, struct entry *e)
{
	*find_hashed(c, str_make(e->name, e->name_len), e->hash) = e->next;
	if (list_linked(&e->recent))
		list_remove(&e->recent);
	c->len--;
	entry_free(e);
}

/* Makes room by dropping the entry unused for longest. */
static void evict(struct cache *c)
{
	if (c->len > c->limits.names && !list_empty(&c->recent))
		drop(c, CONTAINER_OF(c->recent.prev, struct entry, recent));
}

/* A resolver sees names without a dot at their end. */
static struct entry *entry_new(struct cache *c, struct str name, uint64_t hash)
{
	struct entry *e = calloc(1, sizeof(*e) + name.len + 1);
	if (!e)
		return NULL;
	memcpy(e->name, name.data, name.len);
	e->name_len = name.len;
	e->hash = hash;
	e->cache = c;
	list_init(&e->askers);
	list_init(&e->recent);
	e->next = c->buckets[hash & c->mask];
	c->buckets[hash & c->mask] = e;
	c->len++;
	return e;
}

/* --- Answers --- */

static bool has_addresses(const struct dns_answer *a)
{
	return a && a->error == FETCH_OK;
}

static int64_t between(int64_t ns, int64_t least, int64_t most)
{
	return ns < least ? least : ns > most ? most : ns;
}

static int64_t ttl_of(const struct cache *c, const struct dns_answer *a, bool half)
{
	const struct cache_limits *l = &c->limits;
	if (!a)
		return 0;
	if (a->error == FETCH_DNS_NOT_FOUND)
		return between(a->ttl_ns, l->ttl_min_ns, l->ttl_absent_ns);
	if (a->error == FETCH_OUT_OF_MEMORY || a->error == FETCH_OUT_OF_DESCRIPTORS)
		return 0; /* which says nothing of the name */
	if (a->error)
		return CACHE_TTL_FAILURE;
	int64_t most = half && CACHE_TTL_HALF < l->ttl_max_ns ? CACHE_TTL_HALF : l->ttl_max_ns;
	return between(a->ttl_ns, l->ttl_min_ns, most);
}

/* Its own answer has expired, but is better than none. */
static bool is_stale(const struct entry *e, int64_t now)
{
	return has_addresses(e->answer) &&
	       now - e->fresh_ns < e->cache->limits.stale_ns; /* fresh_ns isn't NEVER */
}

/* Takes the flight's answer; gives the one that it replaces, with its reference. */
static struct dns_answer *land(struct cache *c, struct entry *e, int64_t now)
{
	bool half;
	struct dns_answer *answer = flight_land(&e->flight, &half), *old = e->answer;
	flight_done(&e->flight);
	e->received_ns = now;
	if (!has_addresses(answer) && !(answer && answer->error == FETCH_DNS_NOT_FOUND) &&
	    is_stale(e, now)) {
		e->expires_ns = now + CACHE_TTL_STALE;
		c->stats.stale++;
		return answer;
	}
	e->answer = answer;
	e->fresh_ns = e->expires_ns = now + ttl_of(c, answer, half);
	if (answer && now - e->winner_ns < CACHE_WINNER_FOR)
		dns_answer_won(answer, &e->winner);
	return old;
}

static void give(struct asker *asker, struct dns_answer *answer, bool half)
{
	asker->answer = dns_answer_ref(answer);
	asker->answered = true;
	asker->half = half;
}

/* The resolver's answer, on the resolver's goroutine. */
static void receive(struct dns_query *q, struct dns_answer *answer)
{
	struct flight *f = CONTAINER_OF(q - (q->family == AF_INET), struct flight, queries);
	struct entry *e = CONTAINER_OF(f, struct entry, flight);
	struct cache *c = e->cache;
	struct dns_answer *old = NULL;
	int64_t now = clock_now();
	lock_acquire(&c->lock);
	flight_receive(f, q, answer, now);
	bool landed = !flight_is_under_way(f);
	if (landed)
		old = land(c, e, now);
	list_for_each (node, &e->askers)
		event_set(&CONTAINER_OF(node, struct asker, link)->event);
	while (landed && !list_empty(&e->askers))
		give(CONTAINER_OF(list_pop_front(&e->askers), struct asker, link), e->answer,
		     false);
	if (landed) {
		list_push_front(&c->recent, &e->recent);
		evict(c);
	}
	lock_release(&c->lock);
	dns_answer_unref(old);
}

/* --- Asking --- */

static void prepare(struct entry *e, int64_t now)
{
	static const int families[] = { [FLIGHT_V6] = AF_INET6, [FLIGHT_V4] = AF_INET };
	if (list_linked(&e->recent))
		list_remove(&e->recent);
	e->flight.began_ns = now;
	for (int i = 0; i < FLIGHT_FAMILIES; i++) {
		e->flight.queries[i] = (struct dns_query){ .name = e->name,
							   .family = families[i],
							   .done = receive };
		e->flight.under_way[i] = true;
	}
}

/* What may be used before the flight has landed, borrowed; NULL = wait. *ret_until as flight_usable's. */
static struct dns_answer *usable(struct entry *e, int64_t now, int64_t *ret_until)
{
	struct dns_answer *a = flight_usable(&e->flight, now, ret_until);
	if (a || !is_stale(e, now))
		return a;
	int64_t at = e->flight.began_ns + CACHE_STALE_AFTER;
	if (now >= at) {
		e->cache->stats.stale++;
		return e->answer;
	}
	if (at < *ret_until)
		*ret_until = at;
	return NULL;
}

static void line_up(struct entry *e, struct asker *asker)
{
	event_init(&asker->event);
	asker->lined_up = true;
	list_push_back(&e->askers, &asker->link);
}

/* Takes the answer that is there, or lines up for the one to come; *ret_start is then the entry whose
 * queries the caller is to start, if they aren't under way. NULL when memory is out. */
static struct entry *look_up(struct cache *c, struct str name, struct asker *asker, bool *ret_start)
{
	uint64_t hash = hash_of(c, name);
	int64_t now = clock_now(), until = NEVER;
	lock_acquire(&c->lock);
	c->stats.lookups++;
	struct entry *e = *find_hashed(c, name, hash);
	if (!e)
		e = entry_new(c, name, hash);
	if (e && !flight_is_under_way(&e->flight) && e->answer && now < e->expires_ns) {
		c->stats.hits++;
		list_remove(&e->recent);
		list_push_front(&c->recent, &e->recent);
		give(asker, e->answer, false);
	} else if (e) {
		*ret_start = !flight_is_under_way(&e->flight);
		if (*ret_start)
			prepare(e, now);
		struct dns_answer *half = usable(e, now, &until);
		if (half)
			give(asker, half, true);
		else
			line_up(e, asker);
	}
	lock_release(&c->lock);
	return e;
}

/* The last who waited goes away: so do queries that haven't begun, both or none. True: IPv4's must be
 * started anew. */
static bool give_up(struct cache *c, struct entry *e)
{
	struct flight *f = &e->flight;
	if (!list_empty(&e->askers) || !f->under_way[FLIGHT_V4] ||
	    !c->dns->ops->withdraw(c->dns, &f->queries[FLIGHT_V4]))
		return false;
	if (!f->under_way[FLIGHT_V6] || !c->dns->ops->withdraw(c->dns, &f->queries[FLIGHT_V6]))
		return true;
	f->under_way[FLIGHT_V4] = f->under_way[FLIGHT_V6] = false;
	if (e->answer)
		list_push_front(&c->recent, &e->recent);
	else
		drop(c, e);
	return false;
}

/* Whether there is something for the asker, who then isn't lined up any more. With the lock held. */
static bool try_take(struct entry *e, struct asker *asker, int64_t *ret_until)
{
	if (asker->answered)
		return true;
	struct dns_answer *half = asker->whole ? NULL : usable(e, clock_now(), ret_until);
	if (!half)
		return false;
	list_remove(&asker->link);
	give(asker, half, true);
	return true;
}

/* Parks until there is something; 0 or what ended the wait. e may be gone once there is. */
static int await(struct cache *c, struct entry *e, struct asker *asker, const struct scope *scope,
		 int64_t deadline_ns)
{
	int err = 0;
	bool taken, again = false;
	struct dns_query *v4 = &e->flight.queries[FLIGHT_V4];
	for (;;) {
		int64_t until = deadline_ns;
		lock_acquire(&c->lock);
		taken = try_take(e, asker, &until);
		if (!taken && err && (err != -ETIMEDOUT || clock_now() >= deadline_ns)) {
			list_remove(&asker->link);
			again = give_up(c, e);
			break;
		}
		if (taken)
			break;
		lock_release(&c->lock);
		err = event_wait(&asker->event, scope->ctx, until);
	}
	lock_release(&c->lock);
	if (again)
		c->dns->ops->start(c->dns, v4);
	event_done(&asker->event);
	return taken ? 0 : err;
}

/* The whole answer, once both families are there. */
static struct dns_answer *await_rest(struct dns_rest *rest, const struct scope *scope)
{
	struct cache_lookup *l = CONTAINER_OF(rest, struct cache_lookup, rest);
	struct cache *c = l->cache;
	struct asker asker = { .whole = true };
	lock_acquire(&c->lock);
	struct entry *e = find(c, l->name);
	if (e && flight_is_under_way(&e->flight))
		line_up(e, &asker);
	else if (e)
		give(&asker, e->answer, false);
	lock_release(&c->lock);
	if (asker.lined_up) {
		int64_t until = l->until_ns < scope->deadline_ns ? l->until_ns : scope->deadline_ns;
		(void)!await(c, e, &asker, scope, until);
	}
	if (has_addresses(asker.answer))
		return asker.answer;
	dns_answer_unref(asker.answer);
	return NULL;
}

/* Gives the asker's answer to the caller, who owns it. */
static enum fetch_error deliver(struct asker *asker, struct cache_lookup *ret, char *detail)
{
	struct dns_answer *answer = asker->answer;
	enum fetch_error e = answer ? answer->error : FETCH_OUT_OF_MEMORY;
	if (e == FETCH_OK) {
		ret->answer = answer;
		ret->half = asker->half;
		return e;
	}
	if (answer)
		fault(detail, e, "%s", answer->detail);
	dns_answer_unref(answer);
	return e;
}

enum fetch_error cache_resolve(struct cache *c, const struct scope *scope, struct str name,
			       int64_t timeout_ns, struct cache_lookup *ret, char *detail)
{
	struct asker asker = { .lined_up = false };
	bool start = false;
	int64_t until_ns = scope_until(scope, clock_now(), timeout_ns);
	struct entry *e = look_up(c, without_dot(name), &asker, &start);
	if (!e)
		return FETCH_OUT_OF_MEMORY;
	for (int i = 0; start && i < FLIGHT_FAMILIES; i++)
		c->dns->ops->start(c->dns, &e->flight.queries[i]);
	int err = asker.lined_up ? await(c, e, &asker, scope, until_ns) : 0;
	if (err)
		return fault(detail, scope_error(scope, err, FETCH_DNS_TIMEOUT), "resolving %.*s",
			     STR_ARG(name));
	*ret = (struct cache_lookup){
		.rest.await = await_rest, .cache = c, .name = name, .until_ns = until_ns
	};
	return deliver(&asker, ret, detail);
}

/* --- What became of it --- */

/* What leads anyway needs no note: a name server that changes the order of its answers is heard. */
static void note_winner(struct entry *e, const union dns_addr *won)
{
	uint8_t order[DNS_ADDRS_MAX];
	struct dns_answer *a = has_addresses(e->answer) ? e->answer : NULL;
	if (a)
		round_order(a, order);
	if (a && !flight_is_under_way(&e->flight) && dns_addr_equal(&a->addrs[order[0]], won))
		return;
	e->winner = *won;
	e->winner_ns = clock_now();
	if (a)
		dns_answer_won(a, won);
}

void cache_won(struct cache *c, struct str name, const struct sockaddr *addr)
{
	union dns_addr won = { .sa.sa_family = AF_UNSPEC };
	if (addr->sa_family == AF_INET6)
		memcpy(&won.in6, addr, sizeof(won.in6));
	else if (addr->sa_family == AF_INET)
		memcpy(&won.in, addr, sizeof(won.in));
	lock_acquire(&c->lock);
	struct entry *e = find(c, name);
	if (e)
		note_winner(e, &won);
	lock_release(&c->lock);
}

void cache_lost(struct cache *c, struct str name)
{
	lock_acquire(&c->lock);
	struct entry *e = find(c, name);
	if (e && e->received_ns + c->limits.ttl_min_ns < e->expires_ns)
		e->expires_ns = e->received_ns + c->limits.ttl_min_ns;
	lock_release(&c->lock);
}

void cache_stats(struct cache *c, struct cache_stats *ret_stats)
{
	lock_acquire(&c->lock);
	*ret_stats = c->stats;
	ret_stats->names = c->len;
	lock_release(&c->lock);
}

/* --- Making and freeing --- */

struct cache *cache_new(struct dns *dns, const struct cache_limits *limits)
{
	uint32_t buckets = 64;
	while (buckets < limits->names)
		buckets *= 2;
	struct cache *c = calloc(1, sizeof(*c) + buckets * sizeof(struct entry *));
	if (!c)
		return NULL;
	c->dns = dns;
	c->limits = *limits;
	c->mask = buckets - 1;
	c->seed = rand_u64();
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
