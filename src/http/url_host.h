/* SPDX-License-Identifier: MIT
 *
 * url_host: the host parsers that url_parse.c uses (WHATWG URL §3.5). Each appends the serialised
 * host to out. 0, -EINVAL with *ret_reason set to a phrase that lives for ever, or out's error. For
 * src/http alone.
 */
#ifndef HTTP_URL_HOST_H
#define HTTP_URL_HOST_H

#include "src/common/buf.h"
#include "src/http/url.h"

/* What stands between the authority's @ and its port, as it came. */
int url__host(struct str raw, struct buf *out, enum url_host *ret_type,
	      const char **ret_reason) MUST_USE;

/* True when the last label is a number: then the host is an IPv4 address or nothing. */
bool url__ends_in_number(struct str host);
int url__ipv4(struct str host, struct buf *out, const char **ret_reason) MUST_USE;

/* Without the brackets; they are put around the result. */
int url__ipv6(struct str inside, struct buf *out, const char **ret_reason) MUST_USE;

#endif
