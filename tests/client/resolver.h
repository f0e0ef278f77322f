/* SPDX-License-Identifier: MIT
 *
 * resolver: c-ares and the cache in front of it, without a client, and what is asked of them.
 *
 *	struct resolver *r = resolver_open(records);	// with a name server of its own
 *	check_resolves(r, "a.test", "192.0.2.1", 1);
 *	check_detail(r, "b.test", FETCH_DNS_NOT_FOUND, "b.test: no such name");
 *	resolver_close(r);
 */
#ifndef TESTS_CLIENT_RESOLVER_H
#define TESTS_CLIENT_RESOLVER_H

#include "src/client/cache.h"
#include "tests/client/nameserver.h"

struct resolver {
	struct nameserver *ns; /* NULL = not its own */
	struct errgroup *group;
	struct dns *dns;
	struct cache *cache;
};

struct resolver *resolver_open(const struct record *records);
/* limits NULL = the default ones. */
struct resolver *resolver_with(const struct dns_cares_options *options,
			       const struct cache_limits *limits);
void resolver_close(struct resolver *r);

/* One reference for the caller; half an answer when it comes in halves. */
enum fetch_error resolver_ask(struct resolver *r, const char *name, int64_t timeout_ns,
			      struct cache_lookup *ret, char detail[FAULT_BYTES]);

/* len addresses, the first of them being that (NULL = whichever). */
void check_resolves(struct resolver *r, const char *name, const char *first, uint32_t len);
/* The detail has the name in it. */
void check_fails(struct resolver *r, const char *name, int64_t timeout_ns, enum fetch_error want);
void check_detail(struct resolver *r, const char *name, enum fetch_error want,
		  const char *want_detail);

#endif
