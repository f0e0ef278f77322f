/* SPDX-License-Identifier: MIT
 *
 * dns: turns a name into addresses. An interface with one implementation (dns_cares.c); cache.h
 * stands in front of it, so that a resolver sees each name once.
 *
 *	static void got(struct dns_query *q, struct dns_answer *a) { ... dns_answer_unref(a); }
 *	struct dns_query q = { .name = "example.com", .done = got };
 *	dns->ops->start(dns, &q);	// got is called once, whatever happens
 *
 * There is no way to cancel a query: an implementation ends each within a bounded time of its own,
 * and at close. Who asked waits in the cache, and may stop waiting.
 */
#ifndef CLIENT_DNS_H
#define CLIENT_DNS_H

#include <netinet/in.h>
#include <stdatomic.h>

#include "runtime/errgroup.h"
#include "runtime/list.h"
#include "src/client/fault.h"

/* More addresses of one name than this are dropped. */
#define DNS_ADDRS_MAX 16

union dns_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6; /* port 0 in both */
};

/* Immutable once made, but for the winner; counted. */
struct dns_answer {
	_Atomic uint32_t refs;
	_Atomic uint8_t
		winner; /* 1 + the index of the address that was the quickest; 0 = the first */
	enum fetch_error error; /* FETCH_OK, then there is at least one address */
	int64_t ttl_ns;		/* the shortest of all records used; of a failure: 0 */
	uint32_t len;
	char detail[FAULT_BYTES];
	union dns_addr addrs[]; /* in the order in which to try them (RFC 6724) */
};

/* An answer with room for n addresses and one reference; NULL = out of memory. */
struct dns_answer *dns_answer_new(uint32_t n) MUST_USE;
/* A connection to that address was made, which may have a port. */
void dns_answer_won(struct dns_answer *a, const struct sockaddr *addr);
struct dns_answer *dns_answer_ref(struct dns_answer *a);
void dns_answer_unref(struct dns_answer *a); /* NULL is fine */

/* The same address, whatever the ports. */
bool dns_addr_equal(const union dns_addr *a, const union dns_addr *b);

/* What is still to come after an answer that has the addresses of one family alone. */
struct scope;
struct dns_rest {
	/* Parks until the other family's answer is there as well, at most until scope's end. Gives
	 * the whole with one reference; NULL = there is no more. Once. */
	struct dns_answer *(*await)(struct dns_rest *rest, const struct scope *scope);
};

struct dns;

struct dns_query {
	const char *name; /* borrowed until done */
	/* Called once, on a goroutine of the resolver. Must not park. Owns answer; NULL = out of
	 * memory. */
	void (*done)(struct dns_query *q, struct dns_answer *answer);
	struct dns *dns; /* the resolver's own, both */
	struct list link;
};

struct dns_ops {
	/* Begins. Never parks; done may be called before it returns. */
	void (*start)(struct dns *dns, struct dns_query *q);
	/* Frees. The group has ended, and with it all queries. */
	void (*close)(struct dns *dns);
};

struct dns {
	const struct dns_ops *ops;
};

/* c-ares with /etc/hosts and either resolv.conf or servers ("addr[:port],..."; NULL = resolv.conf).
 * Its goroutines run in group and end with the group's context. 0, -ENOMEM, or -EINVAL: servers
 * makes no sense. */
int dns_cares_new(struct errgroup *group, const char *servers, struct dns **ret_dns) MUST_USE;

#endif
