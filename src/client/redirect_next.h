/* SPDX-License-Identifier: MIT
 *
 * redirect_next: what request a redirect asks for (RFC 9110 §15.4, §10.2.2), and whether it may be made.
 * The part of following redirects that is thought alone: no connection, no clock, nothing remembered.
 *
 * 303 makes every method but HEAD a GET, 301 and 302 a POST; 307 and 308 change nothing. From https to
 * http is refused unless it is allowed. A loop is a URL that was asked for before with the same method
 * (fragments don't count). A change of method begins a new stretch: 303 back to the same URL is how a form
 * answers.
 */
#ifndef CLIENT_REDIRECT_NEXT_H
#define CLIENT_REDIRECT_NEXT_H

#include "src/client/client.h"

/* The chain so far; all borrowed. */
struct redirect_from {
	const struct url *url; /* that was asked for and answered with the redirect */
	struct str method;
	uint16_t status;
	struct str location;	      /* as it came */
	const struct fetch_hop *hops; /* before this one */
	uint32_t hops_len;
	uint32_t stretch; /* the first of them with the present method */
	uint32_t max_redirects;
	bool https_to_http; /* is allowed */
};

struct redirect_to {
	struct url url;	     /* the caller's: url_done */
	struct str method;   /* from's, or static */
	bool method_changed; /* then the body stays behind, and what is said of it */
	bool leaves;	     /* it is another origin */
};

/* FETCH_OK and *ret; or why the chain ends here, with detail: FETCH_REDIRECT_BAD, _REFUSED, _LOOP,
 * FETCH_TOO_MANY_REDIRECTS, FETCH_OUT_OF_MEMORY. Any thread. */
enum fetch_error redirect_next(const struct redirect_from *from, struct redirect_to *ret,
			       char *detail) MUST_USE;

#endif
