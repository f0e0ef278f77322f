/* SPDX-License-Identifier: MIT
 *
 * literal: see literal.h. url_parse has made every address normal and every name lower-case.
 */
#include "src/client/literal.h"

#include <arpa/inet.h>
#include <string.h>

struct str literal_bare_host(struct str host)
{
	if (host.len > 2 && host.data[0] == '[')
		return str_make(host.data + 1, host.len - 2);
	return host;
}

/* Digits and dots alone: url_parse lets no name end in a number. */
static bool is_ipv4(struct str host)
{
	for (size_t i = 0; i < host.len; i++)
		if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9'))
			return false;
	return host.len > 0;
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

enum fetch_error literal_answer(struct str host, struct dns_answer **ret_answer)
{
	if (host.len > 0 && host.data[0] == '[')
		return address(literal_bare_host(host), AF_INET6, ret_answer);
	if (is_ipv4(host))
		return address(host, AF_INET, ret_answer);
	if (is_localhost(host))
		return loopback(ret_answer);
	*ret_answer = NULL;
	return FETCH_OK;
}
