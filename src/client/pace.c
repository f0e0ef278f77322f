/* SPDX-License-Identifier: MIT
 *
 * pace: see pace.h.
 */
#include "src/client/pace.h"

#include "runtime/clock.h"

int64_t pace_until(const struct pace *p, const struct fetch_limits *l)
{
	return l->min_speed > 0 && p->since_ns > 0 ? clock_after(p->since_ns, l->pace_ns) : NEVER;
}

static bool is_fast_enough(uint64_t bytes, int64_t ns, uint64_t min_speed)
{
	return (double)bytes * (double)SECOND >= (double)min_speed * (double)ns;
}

bool pace_keeps(struct pace *p, const struct fetch_limits *l, int64_t now_ns, uint64_t bytes)
{
	bool first = p->since_ns == 0;
	if (l->min_speed == 0 || (!first && now_ns < pace_until(p, l)))
		return true;
	bool keeps = first || is_fast_enough(bytes - p->bytes, now_ns - p->since_ns, l->min_speed);
	*p = (struct pace){ .since_ns = now_ns, .bytes = bytes };
	return keeps;
}

void pace_excuse(struct pace *p, int64_t ns)
{
	if (p->since_ns > 0)
		p->since_ns += ns;
}
