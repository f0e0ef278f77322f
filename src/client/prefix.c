/* SPDX-License-Identifier: MIT
 *
 * prefix: see prefix.h. Bits behind the prefix's length may be set in its text: they don't count.
 */
#include "src/client/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int prefix_parse(struct str text, struct prefix *ret)
{
	struct str host, len_text;
	bool has_len = str_cut(text, '/', &host, &len_text);
	char name[INET6_ADDRSTRLEN];
	if (host.len == 0 || host.len >= sizeof(name) || memchr(host.data, '\0', host.len))
		return -EINVAL;
	memcpy(name, host.data, host.len);
	name[host.len] = '\0';
	struct prefix p = { .bytes = { [10] = 0xff, [11] = 0xff } };
	unsigned base = 0;
	if (inet_pton(AF_INET, name, p.bytes + 12) == 1)
		base = 96;
	else if (inet_pton(AF_INET6, name, p.bytes) != 1)
		return -EINVAL;
	uint64_t len = 128 - base;
	if (has_len && str_parse_u64(len_text, 128 - base, &len))
		return -EINVAL;
	p.bits = (uint8_t)(base + len);
	*ret = p;
	return 0;
}

bool prefix_contains(const struct prefix *p, const uint8_t addr[16])
{
	size_t whole = p->bits / 8, rest = p->bits % 8;
	if (memcmp(p->bytes, addr, whole) != 0)
		return false;
	return rest == 0 || ((p->bytes[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}
