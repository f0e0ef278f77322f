/* SPDX-License-Identifier: MIT
 *
 * flight: the two queries for one name, A and AAAA, and what can be made of their answers. Data and
 * rules alone: cache.c has the lock, those who wait, and the clock.
 */
#ifndef CLIENT_FLIGHT_H
#define CLIENT_FLIGHT_H

#include "src/client/dns.h"

enum {
	FLIGHT_V6,
	FLIGHT_V4,
	FLIGHT_FAMILIES
};

struct flight {
	struct dns_query queries[FLIGHT_FAMILIES];
	bool under_way[FLIGHT_FAMILIES];
	struct dns_answer *got[FLIGHT_FAMILIES]; /* NULL also when memory was out */
	int64_t got_ns[FLIGHT_FAMILIES];
	int64_t began_ns;
};

static inline bool flight_is_under_way(const struct flight *f)
{
	return f->under_way[FLIGHT_V6] || f->under_way[FLIGHT_V4];
}

/* One has come. Owns answer. */
void flight_receive(struct flight *f, struct dns_query *q, struct dns_answer *answer, int64_t now);

/* While under way: the addresses that may be used at `now`, borrowed; NULL = wait, and ask again at
 * *ret_until, which is then lowered where that is known. */
struct dns_answer *flight_usable(const struct flight *f, int64_t now, int64_t *ret_until);

/* What both have come to, with one reference; NULL = out of memory. *ret_half: one family failed, and
 * may have addresses all the same. */
struct dns_answer *flight_land(struct flight *f, bool *ret_half) MUST_USE;

/* Lets go of what has come. */
void flight_done(struct flight *f);

#endif
