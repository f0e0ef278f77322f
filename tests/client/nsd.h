/* SPDX-License-Identifier: MIT
 *
 * nsd: a real name server, Debian's nsd, on UDP and TCP of a loopback port, with one zone. It knows about
 * other names that they are none of its business.
 *
 *	struct nsd *nsd = nsd_open("real.test", "@ SOA ns root 1 3600 600 86400 30\n...");
 *	... (struct dns_cares_options){ .servers = nsd->address } ...
 *	nsd_close(nsd);
 */
#ifndef TESTS_CLIENT_NSD_H
#define TESTS_CLIENT_NSD_H

#include <stdint.h>
#include <sys/types.h>

struct nsd {
	char address[64];
	char folder[64];
	uint16_t port;
	pid_t pid;    /* of a shell, which ends nsd when */
	int lifeline; /* this is closed: also when the test crashes */
};

/* Parks until it answers. */
struct nsd *nsd_open(const char *zone, const char *records);
void nsd_close(struct nsd *nsd);

#endif
