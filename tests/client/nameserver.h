/* SPDX-License-Identifier: MIT
 *
 * nameserver: a DNS server of the tests' own, on UDP and TCP of one loopback port.
 *
 *	static const struct record records[] = { { "a.test", .v4 = "127.0.0.1" }, { 0 } };
 *	struct nameserver *ns = nameserver_open(records);
 *	... (struct client_options){ .dns_servers = ns->address } ...
 *	CHECK_EQ(ns->queries, 2);	// A and AAAA
 *	nameserver_close(ns);
 *
 * A name that isn't in the table doesn't exist. Records of one name may follow each other.
 * "*.x.test" stands for all below x.test.
 */
#ifndef TESTS_CLIENT_NAMESERVER_H
#define TESTS_CLIENT_NAMESERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct record {
	const char *name;
	const char *v4, *v6; /* NULL = none of that type */
	const char *cname;   /* then the answer is that name's as well */
	uint32_t ttl;
	int rcode;	/* 2 = SERVFAIL */
	bool silent;	/* no answer at all */
	bool truncated; /* by UDP: come again by TCP */
};

struct nameserver {
	char address[64]; /* "127.0.0.1:PORT" */
	_Atomic int queries, tcp_queries;
	struct nameserver_inside *inside;
};

struct nameserver *nameserver_open(const struct record *records);
void nameserver_close(struct nameserver *ns);

#endif
