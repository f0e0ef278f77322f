/* SPDX-License-Identifier: MIT
 *
 * test_flight: what may be used before both families have come, and what they come to.
 */
#include "src/client/flight.h"

#include "src/client/cache.h"
#include "tests/client/answers.h"
#include "tests/harness.h"

#define NOW (100 * SECOND)

static void receive(struct flight *f, int family, struct dns_answer *a)
{
	f->under_way[!family] = true;
	flight_receive(f, &f->queries[family], a, NOW);
}

TEST(flight_ipv6_may_be_used_at_once)
{
	struct flight f = { .began_ns = NOW };
	int64_t until = NEVER;
	receive(&f, FLIGHT_V6, ANSWER("2001:db8::1"));
	CHECK(flight_is_under_way(&f));
	CHECK(flight_usable(&f, NOW, &until) == f.got[FLIGHT_V6]);
	flight_done(&f);
}

TEST(flight_ipv4_may_be_used_when_ipv6_has_had_its_time)
{
	struct flight f = { .began_ns = NOW - SECOND };
	int64_t until = NEVER;
	receive(&f, FLIGHT_V4, ANSWER("192.0.2.1"));
	CHECK(!flight_usable(&f, NOW + CACHE_RESOLUTION_DELAY - 1, &until));
	CHECK_EQ(until, NOW + CACHE_RESOLUTION_DELAY);
	CHECK(flight_usable(&f, until, &until) == f.got[FLIGHT_V4]);
	flight_done(&f);
}

TEST(flight_a_failure_may_not_be_used_before_the_other_family_has_come)
{
	struct flight f = { .began_ns = NOW };
	int64_t until = NEVER;
	receive(&f, FLIGHT_V4, dns_answer_failure(FETCH_DNS_NOT_FOUND, "none"));
	CHECK(!flight_usable(&f, NOW + 3600 * SECOND, &until));
	CHECK_EQ(until, NEVER);
	flight_done(&f);
}

/* Addresses 1 to n of a family. */
static struct dns_answer *many(int family, uint32_t n, int64_t ttl_ns)
{
	struct dns_answer *a = dns_answer_new(n);
	for (a->len = 0; a->len < n; a->len++) {
		a->addrs[a->len].sa.sa_family = (sa_family_t)family;
		if (family == AF_INET6)
			a->addrs[a->len].in6.sin6_addr.s6_addr[15] = (uint8_t)a->len;
		else
			a->addrs[a->len].in.sin_addr.s_addr = htonl(a->len);
	}
	a->ttl_ns = ttl_ns;
	return a;
}

static void check_shares(uint32_t six, uint32_t four, uint32_t want_six, uint32_t want_four)
{
	struct flight f = { .began_ns = NOW };
	bool half;
	receive(&f, FLIGHT_V6, many(AF_INET6, six, 60 * SECOND));
	f.got[FLIGHT_V4] = many(AF_INET, four, 30 * SECOND);
	struct dns_answer *a = flight_land(&f, &half);
	CHECK(!half);
	CHECK_EQ(a->len, want_six + want_four);
	CHECK_EQ(a->ttl_ns, 30 * SECOND);
	for (uint32_t i = 0; i < a->len; i++)
		CHECK_EQ(a->addrs[i].sa.sa_family, i < want_six ? AF_INET6 : AF_INET);
	dns_answer_unref(a);
	flight_done(&f);
}

TEST(flight_families_share_the_room_for_addresses)
{
	check_shares(1, 1, 1, 1);
	check_shares(16, 16, 8, 8);
	check_shares(16, 2, 14, 2);
	check_shares(3, 16, 3, 13);
}

TEST(flight_that_lost_a_family_by_a_failure_is_half)
{
	struct flight f = { .began_ns = NOW };
	bool half;
	f.got[FLIGHT_V4] = ANSWER("192.0.2.1");
	f.got[FLIGHT_V6] = dns_answer_failure(FETCH_DNS_FAILED, "SERVFAIL");
	dns_answer_unref(flight_land(&f, &half));
	CHECK(half);
	flight_done(&f);
	f.got[FLIGHT_V4] = ANSWER("192.0.2.1");
	f.got[FLIGHT_V6] = dns_answer_failure(FETCH_DNS_NOT_FOUND, "none");
	dns_answer_unref(flight_land(&f, &half));
	CHECK(!half);
	flight_done(&f);
}
