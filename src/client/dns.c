/* SPDX-License-Identifier: MIT
 *
 * dns: the answers, which the cache and any number of requests share. Any thread.
 */
#include "src/client/dns.h"

#include <stdlib.h>

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
