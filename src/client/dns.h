/* SPDX-License-Identifier: MIT
 *
 * dns: turns a name into addresses, a query for each family. An interface with one implementation
 * (dns_cares.c); cache.h stands in front of it, so that a resolver sees each name once.
 *
 *	static void got(struct dns_query *q, struct dns_answer *a) { ... dns_answer_unref(a); }
 *	struct dns_query q = { .name = "example.com", .family = AF_INET6, .done = got };
 *	dns->ops->start(dns, &q);	// got is called once, whatever happens
 *
 * An implementation ends each query within a bounded time of its own, and at close. One that hasn't
 * begun can be withdrawn. Who asked waits in the cache, and may stop waiting.
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

/* The same address, whatever the ports. */
bool dns_addr_equal(const union dns_addr *a, const union dns_addr *b);

/* Immutable once made, but for the winner; counted. */
struct dns_answer {
	_Atomic uint32_t refs;
	_Atomic uint8_t
		winner; /* 1 + the index of the address that was the quickest; 0 = the first */
	enum fetch_error error; /* FETCH_OK, then there is at least one address */
	int64_t ttl_ns; /* the shortest of all records used; of FETCH_DNS_NOT_FOUND, as long as the
			   zone says that this holds; of other failures 0 */
	uint32_t len;
	char detail[FAULT_BYTES];
	union dns_addr addrs[]; /* no address twice */
};

/* An answer with room for n addresses and one reference; NULL = out of memory. */
struct dns_answer *dns_answer_new(uint32_t n) MUST_USE;
/* One that nobody else has a reference to, in no more memory than it needs. */
struct dns_answer *dns_answer_fit(struct dns_answer *a) MUST_USE;
/* A failure and why, as fault(); NULL = out of memory. */
struct dns_answer *dns_answer_failure(enum fetch_error e, const char *fmt, ...) MUST_USE
	PRINTF_LIKE(2, 3);
/* The addresses of both, those of a first; where they are too many, fair shares. NULL = out of memory. */
struct dns_answer *dns_answer_join(const struct dns_answer *a, const struct dns_answer *b) MUST_USE;
/* From now on that address leads, if it is among them. */
void dns_answer_won(struct dns_answer *a, const union dns_addr *addr);
struct dns_answer *dns_answer_ref(struct dns_answer *a); /* NULL is fine, as for unref and fit */
void dns_answer_unref(struct dns_answer *a);

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
	int family;	  /* AF_INET or AF_INET6 */
	/* Called once, on any goroutine. Must not park. Owns answer; NULL = out of memory. */
	void (*done)(struct dns_query *q, struct dns_answer *answer);
	struct dns *dns; /* the resolver's own, from here on */
	struct list link;
	bool waits;
};

struct dns_ops {
	/* Begins. Never parks; done may be called before it returns. */
	void (*start)(struct dns *dns, struct dns_query *q);
	/* True: it hadn't begun, and done will not be called. Never parks. Only before done was. */
	bool (*withdraw)(struct dns *dns, struct dns_query *q);
	/* Frees. The group has ended, and with it all queries. */
	void (*close)(struct dns *dns);
};

struct dns {
	const struct dns_ops *ops;
};

struct dns_cares_options {
	const char *servers;	 /* "addr[:port],..."; NULL = those of resolv_conf */
	const char *hosts_file;	 /* NULL = /etc/hosts */
	const char *resolv_conf; /* NULL = /etc/resolv.conf */
	uint16_t port;		 /* of servers without one; 0 = 53 */
};

/* c-ares. options are copied. Its goroutines run in group and end with the group's context. 0, -ENOMEM, or
 * -EINVAL: servers makes no sense. */
int dns_cares_new(struct errgroup *group, const struct dns_cares_options *options,
		  struct dns **ret_dns) MUST_USE;

#endif
