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

#include "tests/client/packet.h"

/* What a name server doesn't do that is one. A forged answer says FORGED_V4 or FORGED_V6; the right one
 * follows. */
enum trick {
	TRICK_NONE,
	TRICK_WRONG_ID,
	TRICK_WRONG_QUESTION,
	TRICK_WRONG_SOURCE, /* another port */
	TRICK_DUPLICATED,   /* three times the right one */
	TRICK_TINY,	    /* datagrams of 0 to 11 bytes, then the right one */
	TRICK_CUT,	    /* half of the answer, and no more; by TCP the connection ends there */
	TRICK_LAME,	    /* it knows another server that would know */
};
#define FORGED_V4 "192.0.2.66"
#define FORGED_V6 "2001:db8::66"

struct record {
	const char *name;
	const char *v4, *v6; /* NULL = none of that type */
	const char *cname;   /* then the answer is that name's as well */
	uint32_t ttl;
	int rcode;	/* 2 = SERVFAIL */
	int rcode_for;	/* TYPE_A or TYPE_AAAA: that alone; 0 = all */
	bool silent;	/* no answer at all */
	int silent_for; /* TYPE_A or TYPE_AAAA: no answer to that */
	int held_for;	/* an answer to that when the test says so */
	bool truncated; /* by UDP: come again by TCP */
	enum trick trick;
};

struct nameserver {
	char address[64]; /* "127.0.0.1:PORT" */
	uint16_t port;
	_Atomic int queries, tcp_queries, held;
	struct nameserver_inside *inside;
};

struct nameserver *nameserver_open(const struct record *records);
/* At an address and a port of the test's choice; 0 = any. */
struct nameserver *nameserver_open_at(const struct record *records, const char *addr,
				      uint16_t port);
void nameserver_close(struct nameserver *ns);
/* Sends the answers that are held, and holds none from now on. */
void nameserver_release(struct nameserver *ns);

#endif
