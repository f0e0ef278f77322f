/* SPDX-License-Identifier: MIT
 *
 * policy: which addresses may be connected to. Asked with the very sockaddr that is given to
 * connect, on each hop, retry and DNS answer.
 *
 * Default: loopback, private, CGNAT, link-local (metadata), multicast, reserved, unspecified are
 * refused, after undoing IPv4-mapped, -compatible, NAT64, 6to4 and Teredo forms. [policy] allow
 * lists prefixes that are let through all the same, deny more that are not; deny wins over allow.
 * [policy] ports lists the ports that may be connected to; without it all of them.
 * (IANA special-purpose address registries, RFC 6890.)
 */
#ifndef CLIENT_POLICY_H
#define CLIENT_POLICY_H

#include <sys/socket.h>

#include "runtime/base.h"
#include "src/common/str.h"

struct policy;

struct policy *policy_new(void) MUST_USE; /* the default policy; NULL = out of memory */
void policy_free(struct policy *p);

/* Adds a comma- or space-separated list of prefixes: "127.0.0.0/8, ::1, 10.1.2.3". 0, -ENOMEM, or
 * -EINVAL with *ret_bad = the offending part (a slice of list). */
int policy_allow(struct policy *p, struct str list, struct str *ret_bad) MUST_USE;
int policy_deny(struct policy *p, struct str list, struct str *ret_bad) MUST_USE;

/* Adds to the ports that may be connected to: "80, 443, 8000-8999". Until the first call that is every
 * port. Errors as above; a list without a port is one, too: it would refuse everything. */
int policy_ports(struct policy *p, struct str list, struct str *ret_bad) MUST_USE;

/* The part of policy_check that needs no address. */
const char *policy_check_port(const struct policy *p, uint16_t port);

/* NULL = may be connected to; else the rule that refuses, for people: "loopback address", "private
 * address", "[policy] deny", "[policy] ports". p may be NULL: the default policy. Any thread. */
const char *policy_check(const struct policy *p, const struct sockaddr *addr);

#endif
