/* SPDX-License-Identifier: MIT
 *
 * dns: the answers, which the cache and any number of requests share. Any thread.
 */
#include "src/client/dns.h"

#include <stdlib.h>
#include <string.h>

struct dns_answer *dns_answer_new(uint32_t n)
{
	struct dns_answer *a = calloc(1, sizeof(*a) + n * sizeof(a->addrs[0]));
	if (a)
		atomic_init(&a->refs, 1);
	return a;
}

struct dns_answer *dns_answer_ref(struct dns_answer *a)
{
	atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
	return a;
}

void dns_answer_unref(struct dns_answer *a)
{
	if (a && atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1)
		free(a);
}

void dns_answer_won(struct dns_answer *a, const struct sockaddr *addr)
{
	union dns_addr won = { .sa.sa_family = AF_UNSPEC };
	if (addr->sa_family == AF_INET6)
		memcpy(&won.in6, addr, sizeof(won.in6));
	else if (addr->sa_family == AF_INET)
		memcpy(&won.in, addr, sizeof(won.in));
	for (uint32_t i = 0; i < a->len; i++)
		if (dns_addr_equal(&a->addrs[i], &won))
			atomic_store_explicit(&a->winner, (uint8_t)(i + 1), memory_order_relaxed);
}

bool dns_addr_equal(const union dns_addr *a, const union dns_addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET6)
		return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
	return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}
