/* SPDX-License-Identifier: MIT
 *
 * farm: origins and a nameserver in a process of their own, so that all that this one calls and
 * allocates is the client's.
 *
 *	struct farm *farm = farm_open();
 *	... "http://127.0.0.1:%u/ok", farm->plain ...
 *	farm_close(farm);
 *
 * Paths: /ok says "hi"; /gzip /br /zstd say farm_text() in chunks, so coded; /hops leads over a name with
 * an umlaut to /hop and from there to /ok; /echo says the request's body; /stale says "hi" to the
 * first request of a connection, and closes without an answer to any other. Each name under ok.test has the
 * address 127.0.0.1; the proxies (relay.h) lead to this machine, too. Those under race.test have one before it that never answers.
 */
#ifndef TESTS_CLIENT_FAULTS_FARM_H
#define TESTS_CLIENT_FAULTS_FARM_H

#include <stdint.h>
#include <sys/types.h>

#include "src/common/str.h"

struct farm {
	pid_t pid;
	unsigned plain, tls, http_proxy, socks_proxy; /* ports */
	char dns[64];				      /* for client_options.dns_servers */
	char ca_file[256];
};

struct farm *farm_open(void);
void farm_close(struct farm *farm);

#define FARM_TEXT_BYTES 40000
void farm_text(char out[FARM_TEXT_BYTES]);

#endif
