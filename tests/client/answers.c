/* SPDX-License-Identifier: MIT
 *
 * answers: see answers.h.
 */
#include "tests/client/answers.h"

#include <arpa/inet.h>

#include "tests/harness.h"

struct dns_answer *answer_of(const char *const *texts)
{
	struct dns_answer *a = dns_answer_new(DNS_ADDRS_MAX);
	for (; *texts; texts++) {
		union dns_addr *to = &a->addrs[a->len++];
		if (inet_pton(AF_INET, *texts, &to->in.sin_addr) == 1)
			to->sa.sa_family = AF_INET;
		else if (inet_pton(AF_INET6, *texts, &to->in6.sin6_addr) == 1)
			to->sa.sa_family = AF_INET6;
		else
			test_fail("%s", *texts);
	}
	return a;
}
