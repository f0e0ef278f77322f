/* SPDX-License-Identifier: MIT
 *
 * dial: a TCP connection to the first of a host's addresses that takes one. Families alternate,
 * beginning with the first address's (RFC 8305 §4). The address policy is asked about the very
 * sockaddr that goes to connect.
 *
 *	struct dial_options how = { .policy = policy, .connect_timeout_ns = 10 * SECOND };
 *	enum fetch_error e = dial_connect(&how, &scope, answer, 443, &conn, detail);
 */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include "runtime/net.h"
#include "src/client/dns.h"
#include "src/client/policy.h"
#include "src/client/scope.h"

struct dial_options {
	const struct policy *policy; /* borrowed; NULL = the default one */
	int64_t connect_timeout_ns;  /* for each address */
};

/* Parks. FETCH_OK and *ret_conn, which is the caller's; else what became of the last address that
 * policy let through, or FETCH_POLICY_DENIED when it let none through. */
enum fetch_error dial_connect(const struct dial_options *how, const struct scope *scope,
			      const struct dns_answer *answer, uint16_t port,
			      struct conn **ret_conn, char *detail) MUST_USE;

/* The order in which to try an answer's addresses: indices into it. */
void dial_order(const struct dns_answer *answer, uint8_t order[DNS_ADDRS_MAX]);

#endif
