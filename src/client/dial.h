/* SPDX-License-Identifier: MIT
 *
 * dial: a TCP connection to the first of a host's addresses that takes one (their order, and policy:
 * round.h). An address that hasn't answered after 250 ms is raced by the next (RFC 8305 §5). When one
 * family's addresses are there before the other's, it begins with them and the others join.
 *
 *	struct dial_options how = { .policy = policy, .connect_timeout_ns = 10 * SECOND };
 *	enum fetch_error e = dial_connect(&how, &scope, answer, 443, &conn, detail);
 */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include "src/client/round.h"
#include "src/client/scope.h"

struct dial_options {
	const struct policy *policy; /* borrowed; NULL = the default one */
	int64_t connect_timeout_ns;  /* for each address */
	struct dns_rest *rest;	     /* borrowed; NULL = the answer is whole */
};

/* Parks. FETCH_OK and *ret_conn, which is the caller's; else what became of the address that was tried
 * last, or FETCH_POLICY_DENIED when policy let none through. */
enum fetch_error dial_connect(const struct dial_options *how, const struct scope *scope,
			      const struct dns_answer *answer, uint16_t port,
			      struct conn **ret_conn, char *detail) MUST_USE;

/* --- For race.c: one address --- */

/* Never parks. *ret_until: when its own time is up. */
enum fetch_error dial_start(const struct dial_options *how, struct dial *d, int64_t *ret_until,
			    char *detail) MUST_USE;
/* Parks until it is connected, has failed, or `until`: FETCH_CONNECT_TIMEOUT, and it may be waited for
 * again. */
enum fetch_error dial_wait(const struct scope *scope, struct dial *d, int64_t until,
			   char *detail) MUST_USE;
void dial_abandon(struct dial *d);
/* No other address would fare better. */
bool dial_is_final(enum fetch_error e);

#endif
