/* SPDX-License-Identifier: MIT
 *
 * connect: from a URL to a connection that is ready for a request: resolve, dial, TLS. The one
 * place where a request that finds no idle connection spends its time, and the one through which
 * every address passes the policy.
 */
#ifndef CLIENT_CONNECT_H
#define CLIENT_CONNECT_H

#include "src/client/cache.h"
#include "src/client/client.h"
#include "src/client/dial.h"
#include "src/client/httpconn.h"

struct connector {
	struct cache *cache;	     /* borrowed */
	struct tls *tls;	     /* borrowed */
	const struct policy *policy; /* borrowed; NULL = the default one */
	_Atomic uint64_t dials, tls_handshakes, tls_resumed;
};

/* Opens h, which is empty. Parks. Notes the time at which each phase was done. On failure h is
 * empty still. */
enum fetch_error connect_open(struct connector *c, const struct scope *scope,
			      const struct fetch_limits *limits, const struct url *url,
			      struct httpconn *h, struct fetch_timings *t, char *detail) MUST_USE;

#endif
