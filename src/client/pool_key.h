/* SPDX-License-Identifier: MIT
 *
 * pool_key: what a connection is to and through: everything that its security hangs on. Two requests
 * may use the same connection only when their keys are equal. It is also all that connect.h needs to
 * know to open one.
 *
 *	struct pool_key key = { .host = url.hostname, .port = url.port_number, .tls = tls };
 *	if (pool_key_equal(&key, &other)) ...
 *
 * A plain request through an HTTP proxy may use any connection to that proxy, whatever its origin: then
 * the key has no host and no port. The proxy stays in it: a connection to the same address that is no
 * connection to a proxy may have passed other checks. Pure: any thread.
 */
#ifndef CLIENT_POOL_KEY_H
#define CLIENT_POOL_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "src/client/proxy.h"

struct tls;

/* All borrowed. */
struct pool_key {
	struct str host; /* as in struct url: an IPv6 address in brackets; empty = any origin */
	uint16_t port;
	struct tls *tls;	   /* settings, our certificate included; NULL = plain */
	const struct proxy *proxy; /* NULL = direct */
};

bool pool_key_equal(const struct pool_key *a, const struct pool_key *b);

/* seed: a number that nobody can guess, so that nobody can choose names that collide. */
uint64_t pool_key_hash(const struct pool_key *key, uint64_t seed);

#endif
