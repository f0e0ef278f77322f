/* SPDX-License-Identifier: MIT
 *
 * round: the addresses of one host that are to be tried, in their order, and how far that has come.
 * Families alternate, beginning with that of the address that won before, or of the first (RFC 8305
 * §4). Addresses that come later take their places among those that haven't begun. The address policy
 * is asked here, about the very sockaddr that goes to connect.
 *
 *	struct round *r = round_new(policy, 443);	// policy borrowed; NULL = the default one
 *	round_add(r, answer);
 *	for (struct dial *d; (d = round_next(r));) ...
 *	round_free(r);
 *
 * It lies on the heap: a request that waits for a connection has only a pointer on its stack.
 */
#ifndef CLIENT_ROUND_H
#define CLIENT_ROUND_H

#include "runtime/net.h"
#include "src/client/dns.h"
#include "src/client/policy.h"

/* An address that policy has let through. */
struct dial {
	union dns_addr addr; /* with its port */
	socklen_t addr_len;
	struct conn *conn; /* while connecting, and when it has won */
};

struct round {
	const struct policy *policy;
	uint16_t port;
	uint32_t len, begun;
	enum fetch_error refused; /* FETCH_OK, or what policy said of the first that it refused */
	char why[FAULT_BYTES];
	struct dial list[DNS_ADDRS_MAX];
};

/* NULL = out of memory. */
struct round *round_new(const struct policy *policy, uint16_t port) MUST_USE;
void round_free(struct round *r); /* none has a conn any more */

/* answer is whole, and replaces what hasn't begun: it holds that as well. */
void round_add(struct round *r, const struct dns_answer *answer);

/* Begins the next; NULL = all have begun. */
struct dial *round_next(struct round *r);
static inline bool round_is_over(const struct round *r)
{
	return r->begun == r->len;
}

/* The order in which to try an answer's addresses: indices into it. */
void round_order(const struct dns_answer *answer, uint8_t order[DNS_ADDRS_MAX]);

#endif
