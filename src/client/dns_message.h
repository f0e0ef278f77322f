/* SPDX-License-Identifier: MIT
 *
 * dns_message: what a name server's answer says about a name, read from its bytes (RFC 1035 §4.1).
 *
 *	struct dns_answer *a = dns_message_read(bytes, len, "example.com", AF_INET6);
 *
 * Addresses count only when they belong to the name that was asked for or to the end of its chain of
 * aliases: what else a server puts into its answer is not believed. Names are absolute: no search list is
 * applied to them, since a URL means the same everywhere, and a page on the Internet that links to
 * http://intranet/ must not reach intranet.company.example from inside the company. Pure: any thread.
 */
#ifndef CLIENT_DNS_MESSAGE_H
#define CLIENT_DNS_MESSAGE_H

#include "src/client/dns.h"

/* Aliases (CNAME) in a chain, and records of an answer that are looked at. */
#define DNS_ALIASES_MAX 16
#define DNS_RECORDS_MAX 512

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_AAAA = 28
};
enum dns_class {
	DNS_IN = 1
};
enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_NXDOMAIN = 3
};

/* Addresses, or a failure and why; NULL = out of memory. family: AF_INET or AF_INET6. */
struct dns_answer *dns_message_read(const uint8_t *bytes, size_t len, const char *name,
				    int family) MUST_USE;

/* Whether DNS can have such a name: labels of 1 to 63 bytes, 255 in all. */
bool dns_message_can_ask(const char *name);

#endif
