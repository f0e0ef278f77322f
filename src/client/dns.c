/* SPDX-License-Identifier: MIT
 *
 * dns: the answers, which the cache and any number of requests share. Any thread.
 */
#include "src/client/dns.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool dns_addr_equal(const union dns_addr *a, const union dns_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET6)
		return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
	return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

struct dns_answer *dns_answer_new(uint32_t n)
{
	struct dns_answer *a = calloc(1, sizeof(*a) + n * sizeof(a->addrs[0]));
	if (a)
		atomic_init(&a->refs, 1);
	return a;
}

struct dns_answer *dns_answer_fit(struct dns_answer *a)
{
	if (!a)
		return NULL;
	struct dns_answer *fit = realloc(a, sizeof(*a) + a->len * sizeof(a->addrs[0]));
	return fit ? fit : a;
}

struct dns_answer *dns_answer_failure(enum fetch_error e, const char *fmt, ...)
{
	struct dns_answer *a = dns_answer_new(0);
	if (!a)
		return NULL;
	va_list args;
	va_start(args, fmt);
	vsnprintf(a->detail, sizeof(a->detail), fmt, args);
	va_end(args);
	a->error = e;
	return a;
}

/* How many of a's addresses have room beside b's. */
static uint32_t share(const struct dns_answer *a, const struct dns_answer *b)
{
	uint32_t half = DNS_ADDRS_MAX / 2, room = b->len < half ? DNS_ADDRS_MAX - b->len : half;
	return a->len < room ? a->len : room;
}

struct dns_answer *dns_answer_join(const struct dns_answer *a, const struct dns_answer *b)
{
	uint32_t from_a = share(a, b), from_b = share(b, a);
	struct dns_answer *both = dns_answer_new(from_a + from_b);
	if (!both)
		return NULL;
	both->len = from_a + from_b;
	both->ttl_ns = a->ttl_ns < b->ttl_ns ? a->ttl_ns : b->ttl_ns;
	memcpy(both->addrs, a->addrs, from_a * sizeof(a->addrs[0]));
	memcpy(both->addrs + from_a, b->addrs, from_b * sizeof(b->addrs[0]));
	return both;
}

void dns_answer_won(struct dns_answer *a, const union dns_addr *addr)
{
	for (uint32_t i = 0; i < a->len; i++)
		if (dns_addr_equal(&a->addrs[i], addr))
			atomic_store_explicit(&a->winner, (uint8_t)(i + 1), memory_order_relaxed);
}

struct dns_answer *dns_answer_ref(struct dns_answer *a)
{
	if (a)
		atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
	return a;
}

void dns_answer_unref(struct dns_answer *a)
{
	if (a && atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1)
		free(a);
}
