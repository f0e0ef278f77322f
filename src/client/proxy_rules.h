/* SPDX-License-Identifier: MIT
 *
 * proxy_rules: which proxy a URL is fetched through, if any: as the environment variables
 * http_proxy, https_proxy, all_proxy and no_proxy say it for curl and Go.
 *
 *	struct proxy_rules rules = { .all = proxy };
 *	err = proxy_rules_except(&rules, STR("example.com, 10.0.0.0/8"), &bad);
 *	const struct proxy *by = proxy_rules_choose(&rules, &url);
 *	proxy_rules_done(&rules);
 *
 * Exceptions, separated by commas and white space:
 *	example.com, .example.com, *.example.com	the name and all below it
 *	192.0.2.1, 2001:db8::1, [2001:db8::1]		a URL with that address for a host
 *	192.0.2.0/24, 2001:db8::/32			or with one of that network
 *	example.com:8080, [2001:db8::1]:8080		and with that port alone
 *	*						all
 * (CURLOPT_NOPROXY of libcurl; ports as in golang.org/x/net/http/httpproxy.) A leading dot makes no
 * difference, as in curl; in Go it leaves the name itself out. Nothing is resolved for this: a name
 * isn't excepted by its address. Other than in Go, localhost has no place of its own.
 */
#ifndef CLIENT_PROXY_RULES_H
#define CLIENT_PROXY_RULES_H

#include "src/client/proxy.h"

/* The zero value is direct for all. Set up once, then read by any thread. */
struct proxy_rules {
	const struct proxy *http, *https; /* for URLs of that scheme; NULL = as all. Owned */
	const struct proxy *all;	  /* NULL = direct. Owned */
	struct proxy_exception *except;
	size_t except_len;
};

/* Adds exceptions. 0, -ENOMEM, or -EINVAL with *ret_bad the offending part (a slice of list). */
int proxy_rules_except(struct proxy_rules *r, struct str list, struct str *ret_bad) MUST_USE;

/* NULL = direct. Lives as long as r. */
const struct proxy *proxy_rules_choose(const struct proxy_rules *r, const struct url *url);

/* The zero value again. */
void proxy_rules_done(struct proxy_rules *r);

#endif
