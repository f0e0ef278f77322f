/* SPDX-License-Identifier: MIT
 *
 * literal: see literal.h. url_parse has made every address normal and every name lower-case.
 */
#include "src/client/literal.h"

#include <arpa/inet.h>
#include <string.h>

struct str literal_bare_host(const struct url *url)
{
	if (url->host_type == URL_IPV6)
		return str_make(url->hostname.data + 1, url->hostname.len - 2);
	return url->hostname;
}

static enum fetch_error address(struct str host, int family, struct dns_answer **ret_answer)
{
	char text[INET6_ADDRSTRLEN];
	if (host.len >= sizeof(text))
		return FETCH_BAD_URL;
	memcpy(text, host.data, host.len);
	text[host.len] = '\0';
	struct dns_answer *a = dns_answer_new(1);
	if (!a)
		return FETCH_OUT_OF_MEMORY;
	a->len = 1;
	a->addrs[0].sa.sa_family = (sa_family_t)family;
	void *to = family == AF_INET6 ? (void *)&a->addrs[0].in6.sin6_addr
				      : (void *)&a->addrs[0].in.sin_addr;
	if (inet_pton(family, text, to) != 1) {
		dns_answer_unref(a);
		return FETCH_BAD_URL;
	}
	*ret_answer = a;
	return FETCH_OK;
}

static bool is_localhost(struct str name)
{
	if (str_ends(name, STR(".")))
		name.len--;
	return str_eq(name, STR("localhost")) || str_ends(name, STR(".localhost"));
}

static enum fetch_error loopback(struct dns_answer **ret_answer)
{
	struct dns_answer *a = dns_answer_new(2);
	if (!a)
		return FETCH_OUT_OF_MEMORY;
	a->len = 2;
	a->addrs[0].in = (struct sockaddr_in){ .sin_family = AF_INET,
					       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	a->addrs[1].in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
						 .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	*ret_answer = a;
	return FETCH_OK;
}

enum fetch_error literal_answer(const struct url *url, struct dns_answer **ret_answer)
{
	switch (url->host_type) {
	case URL_IPV4:
		return address(url->hostname, AF_INET, ret_answer);
	case URL_IPV6:
		return address(literal_bare_host(url), AF_INET6, ret_answer);
	case URL_NAME:
		break;
	}
	if (is_localhost(url->hostname))
		return loopback(ret_answer);
	*ret_answer = NULL;
	return FETCH_OK;
}
