/* SPDX-License-Identifier: MIT
 *
 * send: the request's half of an exchange: its head, and its body if it has one.
 */
#ifndef CLIENT_SEND_H
#define CLIENT_SEND_H

#include "src/client/exchange.h"

/* Writes the head, with a body that fits into the same write if there is one: then *ret_body is false.
 * True: send_body is to follow, after a 100 (Continue) if x->expects. A peer that takes no more cuts it
 * short, as below. Parks. */
enum fetch_error send_head(struct exchange *x, struct httpconn *h, bool *ret_body) MUST_USE;

/* Writes the body. Ends early, with FETCH_OK and x->cut_short, when the peer answers before it has all:
 * what it says counts (RFC 9110 §10.1.1, RFC 9112 §9.5). Parks. */
enum fetch_error send_body(struct exchange *x, struct httpconn *h) MUST_USE;

/* The body, if there is one, can be sent from its beginning: nothing was read of it, or it was rewound. */
bool send_rewind(struct exchange *x) MUST_USE;

#endif
