/* SPDX-License-Identifier: MIT
 *
 * rate: how many a second, over the last seconds: a count for each of the last 8 seconds. The
 * caller locks and gives the time.
 */
#ifndef FETCHD_RATE_H
#define FETCHD_RATE_H

#include "runtime/base.h"

#define RATE_SLOTS   8
#define RATE_SECONDS 5 /* whole ones that are looked at */

struct rate {
	struct {
		int64_t second;
		uint64_t count;
	} slots[RATE_SLOTS];
};

static inline void rate_add(struct rate *r, int64_t now_ns, uint64_t n)
{
	int64_t second = now_ns / SECOND;
	size_t at = (size_t)(second % RATE_SLOTS);
	if (r->slots[at].second != second) {
		r->slots[at].second = second;
		r->slots[at].count = 0;
	}
	r->slots[at].count += n;
}

/* The second that still runs is left out, unless it is all there is. */
static inline double rate_get(const struct rate *r, int64_t now_ns)
{
	int64_t second = now_ns / SECOND, first = second;
	uint64_t sum = 0, current = 0;
	for (size_t i = 0; i < RATE_SLOTS; i++) {
		int64_t at = r->slots[i].second;
		if (r->slots[i].count == 0 || at < second - RATE_SECONDS || at > second)
			continue;
		if (at == second)
			current = r->slots[i].count;
		else
			sum += r->slots[i].count;
		first = at < first ? at : first;
	}
	return first == second ? (double)current : (double)sum / (double)(second - first);
}

#endif
