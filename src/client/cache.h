/* SPDX-License-Identifier: MIT
 *
 * cache: the answers of DNS, kept for as long as their TTL says (within bounds), failures a little
 * while; and one flight per name: while a query is under way, everybody else who wants that name
 * waits for its answer.
 *
 *	struct dns_answer *answer;
 *	enum fetch_error e = cache_resolve(cache, &scope, host, 10 * SECOND, &answer, detail);
 *	... answer->addrs[0] ...
 *	dns_answer_unref(answer);
 *
 * A query lives on when those who wait for it go away: its answer serves the next one. Any
 * goroutine.
 */
#ifndef CLIENT_CACHE_H
#define CLIENT_CACHE_H

#include "src/client/dns.h"
#include "src/client/scope.h"

#define CACHE_TTL_MIN	 (5 * SECOND)
#define CACHE_TTL_MAX	 (10 * 60 * SECOND)
#define CACHE_TTL_ABSENT (30 * SECOND) /* the name doesn't exist */
#define CACHE_TTL_FAILURE \
	(1 * SECOND)	      /* no usable answer: keeps a storm of retries from the servers */
#define CACHE_NAMES_MAX 16384 /* then the least recently used goes */

struct cache;

/* Borrows dns for the cache's life. NULL = out of memory. */
struct cache *cache_new(struct dns *dns) MUST_USE;
/* No query is under way any more: dns has ended. */
void cache_free(struct cache *c);

/* Parks. FETCH_OK and *ret_answer with one reference for the caller; or the error and why. */
enum fetch_error cache_resolve(struct cache *c, const struct scope *scope, struct str name,
			       int64_t timeout_ns, struct dns_answer **ret_answer,
			       char *detail) MUST_USE;

/* A connection to that address of name was made: it leads the next time. Any thread. */
void cache_won(struct cache *c, struct str name, const struct sockaddr *addr);

struct cache_stats {
	uint64_t lookups, hits; /* hits: answered at once, from memory */
};
void cache_stats(struct cache *c, struct cache_stats *ret_stats);

#endif
