/* SPDX-License-Identifier: MIT
 *
 * prefix: a network of addresses, "10.0.0.0/8" or "2001:db8::/32", as lists of [policy] and [proxy]
 * hold them. All addresses are compared as 16 bytes; IPv4 is put into its mapped form,
 * ::ffff:0:0/96, so one list serves both families.
 *
 *	struct prefix net;
 *	if (prefix_parse(STR("10.0.0.0/8"), &net) == 0 && prefix_contains(&net, addr)) ...
 *
 * Any thread.
 */
#ifndef CLIENT_PREFIX_H
#define CLIENT_PREFIX_H

#include <stdint.h>

#include "src/common/str.h"

struct prefix {
	uint8_t bytes[16];
	uint8_t bits; /* of the 128 */
};

/* An address, IPv6 without brackets, and /LENGTH unless it is that one address. 0 or -EINVAL. */
int prefix_parse(struct str text, struct prefix *ret) MUST_USE;

bool prefix_contains(const struct prefix *p, const uint8_t addr[16]);

#endif
