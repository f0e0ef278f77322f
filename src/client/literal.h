/* SPDX-License-Identifier: MIT
 *
 * literal: hosts that answer themselves, so that nobody is asked: address literals, and localhost
 * with all names below it, which are loopback whatever a hosts file or a name server says (RFC 6761
 * §6.3). Whether loopback may be connected to is the policy's business, as ever.
 */
#ifndef CLIENT_LITERAL_H
#define CLIENT_LITERAL_H

#include "src/client/dns.h"
#include "src/common/str.h"

/* host, here and below, is struct url's hostname: lower-case, each address in its one normal spelling.
 * Without the brackets of an IPv6 address: what a certificate names. A slice of host. */
struct str literal_bare_host(struct str host);

/* FETCH_OK and the host's addresses with one reference, or *ret_answer NULL: it is a name to be
 * resolved. FETCH_OUT_OF_MEMORY, FETCH_BAD_URL. */
enum fetch_error literal_answer(struct str host, struct dns_answer **ret_answer) MUST_USE;

#endif
