/* SPDX-License-Identifier: MIT
 *
 * cache: the answers of DNS, kept for as long as their TTLs say (within bounds), and one flight per
 * name and family: while a query is under way, everybody else who wants that name waits for its answer.
 *
 *	struct cache_lookup found;
 *	enum fetch_error e = cache_resolve(cache, &scope, host, 10 * SECOND, &found, detail);
 *	... found.answer->addrs[0] ... cache_rest(&found) ...
 *	dns_answer_unref(found.answer);
 *
 * The two families are used as they come (RFC 8305 §3): IPv6 addresses at once; IPv4 addresses when the
 * others haven't come 50 ms later. What is then still under way is the lookup's rest. One family that
 * has addresses is a success, whatever became of the other. Of two failures the one counts that says
 * least for good: a timeout before a server's failure before "no such name".
 *
 * A query lives on when those who wait for it go away: its answer serves the next one. One that hasn't
 * begun doesn't. Any goroutine.
 */
#ifndef CLIENT_CACHE_H
#define CLIENT_CACHE_H

#include "src/client/dns.h"
#include "src/client/scope.h"
#include "src/common/str.h"

/* How long IPv4 addresses wait for IPv6 ones. */
#define CACHE_RESOLUTION_DELAY (50 * MILLISECOND)
/* No usable answer: RFC 9520's least, which keeps a storm of retries from the servers. */
#define CACHE_TTL_FAILURE (1 * SECOND)
/* One family failed: it is asked for again when the other's addresses are as old as this. */
#define CACHE_TTL_HALF (30 * SECOND)
/* Expired addresses are used when a new query has taken this long or has failed, and again for so long
 * before the servers are asked once more (RFC 8767). */
#define CACHE_STALE_AFTER (1800 * MILLISECOND)
#define CACHE_TTL_STALE	  (30 * SECOND)

/* An address that won although it wasn't the first leads the answers that come later, too, so long. */
#define CACHE_WINNER_FOR (10 * 60 * SECOND)

struct cache_limits {
	uint32_t names;	    /* then the least recently used goes */
	int64_t ttl_min_ns; /* also between two queries for a name whose addresses don't connect */
	int64_t ttl_max_ns;
	int64_t ttl_absent_ns; /* at most so long a name doesn't exist (RFC 2308) */
	int64_t stale_ns;      /* so long expired addresses are better than none; 0 = never */
};
extern const struct cache_limits cache_default_limits;

struct cache;

/* Borrows dns for the cache's life. NULL = out of memory. */
struct cache *cache_new(struct dns *dns, const struct cache_limits *limits) MUST_USE;
/* No query is under way any more: dns has ended. */
void cache_free(struct cache *c);

/* What was found, and the way to the rest. */
struct cache_lookup {
	struct dns_answer *answer;
	bool half; /* the other family is still awaited */
	struct dns_rest rest;
	struct cache *cache;
	struct str name; /* borrowed */
	int64_t until_ns;
};

/* Parks. FETCH_OK and ret->answer with one reference for the caller; or the error and why. */
enum fetch_error cache_resolve(struct cache *c, const struct scope *scope, struct str name,
			       int64_t timeout_ns, struct cache_lookup *ret, char *detail) MUST_USE;

/* NULL = the answer is whole. Valid as long as the lookup and the name. */
static inline struct dns_rest *cache_rest(struct cache_lookup *found)
{
	return found->half ? &found->rest : NULL;
}

/* A connection to that address of name was made: it is tried first the next time. Any thread. */
void cache_won(struct cache *c, struct str name, const struct sockaddr *addr);
/* None of the addresses could be connected to: they are asked for again soon, whatever their TTL. */
void cache_lost(struct cache *c, struct str name);

struct cache_stats {
	uint64_t lookups, hits; /* hits: answered at once, from memory */
	uint64_t stale;		/* expired addresses were used because servers failed */
	uint64_t names;
};
void cache_stats(struct cache *c, struct cache_stats *ret_stats);

#endif
