/* SPDX-License-Identifier: MIT
 *
 * pool_key: TLS settings are compared as pointers (a client has one set for its life), proxies by
 * their values (proxy.h). The hash is FNV-1a.
 */
#include "src/client/pool_key.h"

bool pool_key_equal(const struct pool_key *a, const struct pool_key *b)
{
	return a->port == b->port && a->tls == b->tls && str_eq(a->host, b->host) &&
	       proxy_equal(a->proxy, b->proxy);
}

uint64_t pool_key_hash(const struct pool_key *key, uint64_t seed)
{
	uint64_t h =
		seed ^ key->port ^ (uint64_t)(uintptr_t)key->tls << 16 ^ proxy_hash(key->proxy);
	for (size_t i = 0; i < key->host.len; i++)
		h = (h ^ (unsigned char)key->host.data[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}
