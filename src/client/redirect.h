/* SPDX-License-Identifier: MIT
 *
 * redirect: follows redirects from hop to hop until an answer that is none.
 *
 * Where to, and whether at all, is redirect_next.h's. As soon as the origin changes, the fields that were
 * meant for the first one stay behind, for good. The answer's hops tell the way; url_effective is where it
 * ended, also on failure. A 417 to a request that expected a 100 has it repeated without.
 */
#ifndef CLIENT_REDIRECT_H
#define CLIENT_REDIRECT_H

#include "src/client/transport.h"

/* Parks. x is set up for the first hop, but for url: that is resp->url_effective. */
enum fetch_error redirect_run(struct transport *t, struct exchange *x) MUST_USE;

#endif
