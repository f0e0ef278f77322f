/* SPDX-License-Identifier: MIT
 *
 * round: see round.h. One goroutine at a time has it.
 */
#include "src/client/round.h"

#include <stdlib.h>
#include <string.h>

/* --- Order --- */

static sa_family_t family_of(const struct dns_answer *answer, uint32_t i)
{
	return answer->addrs[i].sa.sa_family;
}

/* The one that won before, or the first. */
static uint32_t index_of_first(const struct dns_answer *answer)
{
	uint8_t winner = atomic_load_explicit(&answer->winner, memory_order_relaxed);
	return winner > 0 && winner <= answer->len ? winner - 1u : 0;
}

/* The first that isn't used, of that family where there is one. answer->len = all are used. */
static uint32_t pick(const struct dns_answer *answer, uint32_t used, sa_family_t family)
{
	uint32_t other = answer->len;
	for (uint32_t i = 0; i < answer->len; i++) {
		if (used & 1u << i)
			continue;
		if (family_of(answer, i) == family)
			return i;
		if (other == answer->len)
			other = i;
	}
	return other;
}

/* Indices of those that aren't used, alternating, beginning with family. Gives how many. */
static uint32_t alternate(const struct dns_answer *answer, uint32_t used, sa_family_t family,
			  uint8_t *order)
{
	uint32_t n = 0;
	for (uint32_t i; (i = pick(answer, used, family)) < answer->len; n++) {
		used |= 1u << i;
		order[n] = (uint8_t)i;
		family = family_of(answer, i) == AF_INET6 ? AF_INET : AF_INET6;
	}
	return n;
}

/* The winner leads whatever its family, unless it is used. */
static uint32_t order_rest(const struct dns_answer *answer, uint32_t used, sa_family_t family,
			   uint8_t *order)
{
	uint32_t first = index_of_first(answer);
	if (family)
		return alternate(answer, used, family, order);
	if (answer->len == 0)
		return 0;
	order[0] = (uint8_t)first;
	family = family_of(answer, first) == AF_INET6 ? AF_INET : AF_INET6;
	return 1 + alternate(answer, used | 1u << first, family, order + 1);
}

void round_order(const struct dns_answer *answer, uint8_t order[DNS_ADDRS_MAX])
{
	(void)order_rest(answer, 0, 0, order);
}

/* --- The round --- */

static socklen_t with_port(const union dns_addr *from, uint16_t port, union dns_addr *ret)
{
	*ret = *from;
	if (from->sa.sa_family == AF_INET6) {
		ret->in6.sin6_port = htons(port);
		return sizeof(ret->in6);
	}
	ret->in.sin_port = htons(port);
	return sizeof(ret->in);
}

/* Whether policy lets it through; if not, the first time, notes why. */
static bool is_allowed(struct round *r, const struct sockaddr *addr)
{
	char text[FAULT_ADDR_BYTES];
	const char *refused = policy_check(r->policy, addr);
	if (refused && r->refused == FETCH_OK)
		r->refused = fault(r->why, FETCH_POLICY_DENIED, "%s: %s%s", fault_addr(addr, text),
				   refused, refused[0] == '[' ? "" : " (see [policy] allow)");
	return !refused;
}

/* Those of the answer that have begun: a bit for each. */
static uint32_t begun_of(const struct round *r, const struct dns_answer *answer)
{
	uint32_t used = 0;
	for (uint32_t i = 0; i < answer->len; i++)
		for (uint32_t k = 0; k < r->begun; k++)
			if (dns_addr_equal(&answer->addrs[i], &r->list[k].addr))
				used |= 1u << i;
	return used;
}

void round_add(struct round *r, const struct dns_answer *answer)
{
	uint8_t order[DNS_ADDRS_MAX];
	sa_family_t family = 0;
	if (r->begun > 0)
		family = r->list[r->begun - 1].addr.sa.sa_family == AF_INET6 ? AF_INET : AF_INET6;
	uint32_t n = order_rest(answer, begun_of(r, answer), family, order);
	r->len = r->begun;
	for (uint32_t i = 0; i < n && r->len < DNS_ADDRS_MAX; i++) {
		struct dial *d = &r->list[r->len];
		*d = (struct dial){ .conn = NULL };
		d->addr_len = with_port(&answer->addrs[order[i]], r->port, &d->addr);
		if (is_allowed(r, &d->addr.sa))
			r->len++;
	}
}

struct dial *round_next(struct round *r)
{
	return r->begun < r->len ? &r->list[r->begun++] : NULL;
}

struct round *round_new(const struct policy *policy, uint16_t port)
{
	struct round *r = malloc(sizeof(*r));
	if (!r)
		return NULL;
	r->policy = policy;
	r->port = port;
	r->len = 0;
	r->begun = 0;
	r->refused = FETCH_OK;
	return r;
}

void round_free(struct round *r)
{
	free(r);
}
