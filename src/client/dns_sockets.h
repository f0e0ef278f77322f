/* SPDX-License-Identifier: MIT
 *
 * dns_sockets: waits for the sockets that c-ares has open. For dns_cares.c alone.
 *
 *	ares_init_options(... .sock_state_cb = dns_sockets_state, .sock_state_cb_data = &sockets ...);
 *	ares_set_socket_callback(channel, dns_sockets_opened, &sockets);
 *	for (;;) {
 *		dns_sockets_watch(&sockets);		// what waits agrees with what the library wants
 *		... wait for *sockets.wake ...
 *		dns_sockets_process(&sockets, channel);	// the library hears of those that are ready
 *	}
 */
#ifndef CLIENT_DNS_SOCKETS_H
#define CLIENT_DNS_SOCKETS_H

#include <ares.h>

#include "runtime/errgroup.h"
#include "runtime/list.h"
#include "src/client/scope.h"
#include "src/http/error.h"

struct dns_sockets {
	struct errgroup *group; /* borrowed */
	struct event *wake;	/* borrowed: set when one is ready */
	struct list watches;
	enum fetch_error
		shortage; /* why the library was refused the last socket; FETCH_OK: it wasn't */
};

void dns_sockets_init(struct dns_sockets *s, struct errgroup *group, struct event *wake);

/* For the library: it opened a socket. It is refused one that nobody can wait for, or the query would end
 * by its time limit alone. */
int dns_sockets_opened(ares_socket_t fd, int type, void *sockets);

/* For the library: it has opened a socket, wants something else from it, or is about to close it. */
void dns_sockets_state(void *sockets, ares_socket_t fd, int readable, int writable);

/* Parks. After ares_destroy: frees them all. */
void dns_sockets_watch(struct dns_sockets *s);

void dns_sockets_process(struct dns_sockets *s, ares_channel channel);

#endif
