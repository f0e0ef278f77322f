/* SPDX-License-Identifier: MIT
 *
 * transport: one hop: gets a connection, exchanges request and answer on it, gives it back. And
 * tries once more when a kept connection turned out to have gone stale.
 */
#ifndef CLIENT_TRANSPORT_H
#define CLIENT_TRANSPORT_H

#include "src/client/connect.h"
#include "src/client/exchange.h"
#include "src/client/pool.h"

struct transport {
	struct connector connector;
	struct pool *pool; /* borrowed */
	struct tls *tls;   /* for https; borrowed */
	_Atomic uint64_t stale_retries;
};

/* Parks. x says what is asked; its response gets everything that belongs to this hop. */
enum fetch_error transport_round_trip(struct transport *t, struct exchange *x) MUST_USE;

#endif
