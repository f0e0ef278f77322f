/* SPDX-License-Identifier: MIT
 *
 * redirect: follows redirects from hop to hop until an answer that is none (RFC 9110 §15.4,
 * §10.2.2).
 *
 * 303 makes every method but HEAD a GET, 301 and 302 a POST; 307 and 308 change nothing. From https
 * to http is refused. As soon as the origin changes, the fields that were meant for the first one
 * stay behind, for good. The answer's hops tell the way; url_effective is where it ended, also on
 * failure. A 417 to a request that expected a 100 has it repeated without.
 */
#ifndef CLIENT_REDIRECT_H
#define CLIENT_REDIRECT_H

#include "src/client/transport.h"

/* Parks. x is set up for the first hop, but for url: that is resp->url_effective. */
enum fetch_error redirect_run(struct transport *t, struct exchange *x) MUST_USE;

#endif
