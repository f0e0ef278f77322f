/* SPDX-License-Identifier: MIT
 *
 * flight: see flight.h. That one family's "no such name" doesn't count when the other has addresses is
 * for servers that say so of IPv6 by mistake (RFC 4074 §4.2).
 */
#include "src/client/flight.h"

#include "src/client/cache.h"

static bool has_addresses(const struct dns_answer *a)
{
	return a && a->error == FETCH_OK;
}

static bool is_absent(const struct dns_answer *a)
{
	return a && a->error == FETCH_DNS_NOT_FOUND;
}

void flight_receive(struct flight *f, struct dns_query *q, struct dns_answer *answer, int64_t now)
{
	int family = q == &f->queries[FLIGHT_V6] ? FLIGHT_V6 : FLIGHT_V4;
	f->under_way[family] = false;
	f->got[family] = answer;
	f->got_ns[family] = now;
}

struct dns_answer *flight_usable(const struct flight *f, int64_t now, int64_t *ret_until)
{
	if (has_addresses(f->got[FLIGHT_V6]))
		return f->got[FLIGHT_V6];
	if (!has_addresses(f->got[FLIGHT_V4]))
		return NULL;
	int64_t at = f->got_ns[FLIGHT_V4] + CACHE_RESOLUTION_DELAY;
	if (now >= at)
		return f->got[FLIGHT_V4];
	if (at < *ret_until)
		*ret_until = at;
	return NULL;
}

/* The less a failure says for good, the more it counts. */
static int weight(const struct dns_answer *a)
{
	if (!a)
		return 4;
	switch (a->error) {
	case FETCH_DNS_NOT_FOUND:
		return 0;
	case FETCH_DNS_FAILED:
		return 1;
	case FETCH_DNS_TIMEOUT:
		return 2;
	default:
		return 3;
	}
}

/* That the name is absent holds for as long as it does for both families. */
static struct dns_answer *worse(struct dns_answer *v6, struct dns_answer *v4)
{
	if (is_absent(v6) && is_absent(v4) && v6->ttl_ns < v4->ttl_ns)
		v4->ttl_ns = v6->ttl_ns;
	return dns_answer_ref(weight(v6) > weight(v4) ? v6 : v4);
}

struct dns_answer *flight_land(struct flight *f, bool *ret_half)
{
	struct dns_answer *v6 = f->got[FLIGHT_V6], *v4 = f->got[FLIGHT_V4], *both;
	bool six = has_addresses(v6), four = has_addresses(v4);
	*ret_half = six != four && !is_absent(six ? v4 : v6);
	if (!six && !four)
		return worse(v6, v4);
	if (!six || !four)
		return dns_answer_ref(six ? v6 : v4);
	both = dns_answer_join(v6, v4);
	return both ? both : dns_answer_ref(v6);
}

void flight_done(struct flight *f)
{
	for (int i = 0; i < FLIGHT_FAMILIES; i++) {
		dns_answer_unref(f->got[i]);
		f->got[i] = NULL;
	}
}
