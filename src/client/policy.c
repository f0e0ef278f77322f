/* SPDX-License-Identifier: MIT
 *
 * policy: judges an address by prefix lists: first [policy] deny, then [policy] allow, then the
 * table of what is no public unicast address (IANA's special-purpose registries, RFC 6890, and
 * multicast).
 *
 * An IPv6 address that carries an IPv4 one inside (compatible, NAT64, 6to4, Teredo) leads wherever
 * that one leads: it is judged as itself and then as what it carries, and each judgement may refuse.
 * Only an allow rule for the outer form settles it at once.
 *
 * The port is judged first, whatever the address.
 *
 * Written while being set up, then only read: any number of threads may check.
 */
#include "src/client/policy.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "src/client/prefix.h"

struct prefixes {
	struct prefix *list;
	size_t len;
};

#define PORTS 65536

struct policy {
	struct prefixes allow, deny;
	bool *ports; /* PORTS of them; NULL = all may be used */
};

#define V4(a, b, c, d, len)                                                          \
	{                                                                            \
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d }, 96 + (len) \
	}
#define V6(len, ...)                 \
	{                            \
		{ __VA_ARGS__ }, len \
	}

/* In order: the first that matches names the reason. */
static const struct rule {
	struct prefix prefix;
	const char *name;
} rules[] = {
	{ V4(0, 0, 0, 0, 32), "unspecified address" },
	{ V4(0, 0, 0, 0, 8), "reserved address" },
	{ V4(10, 0, 0, 0, 8), "private address" },
	{ V4(100, 64, 0, 0, 10), "carrier-grade NAT address" },
	{ V4(127, 0, 0, 0, 8), "loopback address" },
	{ V4(168, 63, 129, 16, 32), "cloud metadata address" },
	{ V4(169, 254, 169, 254, 32), "cloud metadata address" },
	{ V4(169, 254, 0, 0, 16), "link-local address" },
	{ V4(172, 16, 0, 0, 12), "private address" },
	{ V4(192, 0, 0, 0, 24), "reserved address" },
	{ V4(192, 0, 2, 0, 24), "documentation address" },
	{ V4(192, 88, 99, 0, 24), "reserved address" },
	{ V4(192, 168, 0, 0, 16), "private address" },
	{ V4(198, 18, 0, 0, 15), "benchmarking address" },
	{ V4(198, 51, 100, 0, 24), "documentation address" },
	{ V4(203, 0, 113, 0, 24), "documentation address" },
	{ V4(224, 0, 0, 0, 4), "multicast address" },
	{ V4(255, 255, 255, 255, 32), "broadcast address" },
	{ V4(240, 0, 0, 0, 4), "reserved address" },
	{ V6(128, 0), "unspecified address" },
	{ V6(128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), "loopback address" },
	{ V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), "reserved address" },
	{ V6(64, 1, 0), "reserved address" },
	{ V6(48, 0x20, 0x01, 0, 0x02, 0, 0), "benchmarking address" },
	{ V6(28, 0x20, 0x01, 0, 0x10), "reserved address" },
	{ V6(32, 0x20, 0x01, 0x0d, 0xb8), "documentation address" },
	{ V6(20, 0x3f, 0xff), "documentation address" },
	{ V6(128, 0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54),
	  "cloud metadata address" },
	{ V6(7, 0xfc), "private address" },
	{ V6(10, 0xfe, 0x80), "link-local address" },
	{ V6(10, 0xfe, 0xc0), "private address" },
	{ V6(8, 0xff), "multicast address" },
};

/* What carries an IPv4 address, and where; these are no rules of their own. */
static const struct carrier {
	struct prefix prefix;
	uint8_t offset, flip; /* the first of the four bytes; each is to be XORed with flip */
} carriers[] = {
	{ V6(96, 0), 12, 0 },			/* IPv4-compatible, RFC 4291 §2.5.5.1 */
	{ V6(96, 0, 0x64, 0xff, 0x9b), 12, 0 }, /* NAT64, RFC 6052 */
	{ V6(16, 0x20, 0x02), 2, 0 },		/* 6to4, RFC 3056 */
	{ V6(32, 0x20, 0x01), 4, 0 },		/* Teredo's server, RFC 4380 */
	{ V6(32, 0x20, 0x01), 12, 0xff },	/* Teredo's client */
};

static const struct prefix mapped = V4(0, 0, 0, 0, 0);
/* The only IPv6 space that is given out, RFC 4291 §2.4; the rest is reserved. */
static const struct prefix global = V6(3, 0x20);

static bool listed(const struct prefixes *list, const uint8_t addr[16])
{
	for (size_t i = 0; i < list->len; i++)
		if (prefix_contains(&list->list[i], addr))
			return true;
	return false;
}

static const char *check_carried(const struct policy *p, const uint8_t addr[16]);

static const char *check(const struct policy *p, const uint8_t addr[16])
{
	if (p && listed(&p->deny, addr))
		return "[policy] deny";
	if (p && listed(&p->allow, addr))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (prefix_contains(&rules[i].prefix, addr))
			return rules[i].name;
	return prefix_contains(&mapped, addr) ? NULL : check_carried(p, addr);
}

static const char *check_carried(const struct policy *p, const uint8_t addr[16])
{
	bool carries = false;
	for (size_t i = 0; i < ARRAY_LEN(carriers); i++) {
		const struct carrier *c = &carriers[i];
		if (!prefix_contains(&c->prefix, addr))
			continue;
		uint8_t inner[16] = { [10] = 0xff, [11] = 0xff };
		for (int k = 0; k < 4; k++)
			inner[12 + k] = addr[c->offset + k] ^ c->flip;
		const char *refused = check(p, inner);
		if (refused)
			return refused;
		carries = true;
	}
	return carries || prefix_contains(&global, addr) ? NULL : "reserved address";
}

const char *policy_check_port(const struct policy *p, uint16_t port)
{
	return p && p->ports && !p->ports[port] ? "[policy] ports" : NULL;
}

const char *policy_check(const struct policy *p, const struct sockaddr *addr)
{
	const struct sockaddr_in *in = (const void *)addr;
	const struct sockaddr_in6 *in6 = (const void *)addr;
	uint8_t bytes[16] = { [10] = 0xff, [11] = 0xff };
	if (addr->sa_family == AF_INET)
		memcpy(bytes + 12, &in->sin_addr, 4);
	else if (addr->sa_family == AF_INET6)
		memcpy(bytes, &in6->sin6_addr, 16);
	else
		return "neither IPv4 nor IPv6";
	in_port_t port = addr->sa_family == AF_INET ? in->sin_port : in6->sin6_port;
	const char *refused = policy_check_port(p, ntohs(port));
	return refused ? refused : check(p, bytes);
}

/* --- Setting up --- */

static int add(struct prefixes *to, struct prefix p)
{
	struct prefix *list = reallocarray(to->list, to->len + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	to->list = list;
	to->list[to->len++] = p;
	return 0;
}

static int add_prefix(void *to, struct str item)
{
	struct prefix p;
	int err = prefix_parse(item, &p);
	return err ? err : add(to, p);
}

static int add_ports(void *to, struct str item)
{
	struct str first_text, last_text;
	uint64_t first, last;
	bool *ports = to;
	if (!str_cut(item, '-', &first_text, &last_text))
		last_text = first_text = item;
	if (str_parse_u64(first_text, PORTS - 1, &first) ||
	    str_parse_u64(last_text, PORTS - 1, &last) || first == 0 || first > last)
		return -EINVAL;
	for (uint64_t port = first; port <= last; port++)
		ports[port] = true;
	return 0;
}

/* Each item of list goes to add_item. */
static int add_list(int (*add_item)(void *to, struct str item), void *to, struct str list,
		    struct str *ret_bad)
{
	struct str item;
	while (str_next_word(&list, &item)) {
		int err = add_item(to, item);
		if (err == -EINVAL)
			*ret_bad = item;
		if (err)
			return err;
	}
	return 0;
}

int policy_allow(struct policy *p, struct str list, struct str *ret_bad)
{
	return add_list(add_prefix, &p->allow, list, ret_bad);
}

int policy_deny(struct policy *p, struct str list, struct str *ret_bad)
{
	return add_list(add_prefix, &p->deny, list, ret_bad);
}

int policy_ports(struct policy *p, struct str list, struct str *ret_bad)
{
	if (!p->ports)
		p->ports = calloc(PORTS, sizeof(*p->ports));
	if (!p->ports)
		return -ENOMEM;
	int err = add_list(add_ports, p->ports, list, ret_bad);
	if (err || memchr(p->ports, true, PORTS))
		return err;
	*ret_bad = list;
	return -EINVAL;
}

struct policy *policy_new(void)
{
	return calloc(1, sizeof(struct policy));
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	free(p->allow.list);
	free(p->deny.list);
	free(p->ports);
	free(p);
}
