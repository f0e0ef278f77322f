/* SPDX-License-Identifier: MIT
 *
 * relay: a proxy on the runtime, for CONNECT or SOCKS5, that connects to this machine
 * whatever host it is asked for: so names need no DNS, and what the client asks can be looked at.
 *
 *	struct relay *r = relay_open(&(struct relay_options){ .socks = true });
 *	const struct proxy *p = relay_proxy(r, "socks5h", true);	// with its password
 *	relay_asked(r, asked);
 *	relay_close(r);
 */
#ifndef TESTS_CLIENT_RELAY_H
#define TESTS_CLIENT_RELAY_H

#include "src/client/proxy.h"
#include "tests/client/scripted.h"

struct relay_options {
	bool socks;		     /* SOCKS5 it is, else CONNECT */
	const char *user, *password; /* NULL = anybody may */
	int refuse;		     /* so many of the first SOCKS requests fail with reply 4 */
};

struct relay {
	struct relay_options options;
	struct origin *front;
	struct lock lock;
	char asked[2048]; /* "host:port" of each request, in order, each with a ; behind */
	_Atomic int refused;
};

struct relay *relay_open(const struct relay_options *options);
void relay_close(struct relay *r);

/* The relay, or any proxy at that loopback port. */
const struct proxy *relay_proxy(struct relay *r, const char *scheme, bool trusted);
const struct proxy *relay_proxy_at(uint16_t port, const char *scheme, bool trusted);
/* What was asked for so far. */
void relay_asked(struct relay *r, char out[2048]);

#endif
