/* SPDX-License-Identifier: MIT
 *
 * server: an HTTP/1.1 server on the Unix socket: a goroutine accepts, a goroutine each serves a
 * connection (connection.c), all in one errgroup that server_close waits for. What is served is the
 * handler's business.
 *
 *	struct server_options o = { .socket = socket, .handle = api_handle, .user = &api };
 *	struct server *server;
 *	int err = server_open(&o, &server);
 *	...
 *	server_close(server);
 */
#ifndef FETCHD_SERVER_H
#define FETCHD_SERVER_H

#include "src/fetchd/call.h"
#include "src/fetchd/unix_socket.h"

/* Zero = the default that the comment names. */
struct server_options {
	struct unix_socket socket; /* the server closes it */
	uint32_t max_connections;  /* one more is answered 503; 256 */
	int64_t keep_alive_ns;	   /* how long a connection may wait for its next request; 60 s */
	int64_t head_ns;	   /* from a head's first byte to its last; 10 s */
	int64_t progress_ns;	   /* how long a client may neither send nor take a byte; 30 s */
	void (*handle)(void *user, struct call *x);
	void *user;
};

struct server;

/* Serves from now on. 0, -ENOMEM, or why the socket can't be watched; the socket is then the
 * caller's still. */
int server_open(const struct server_options *o, struct server **ret_server) MUST_USE;

/* Stops accepting, interrupts connections that wait for a client, waits until all handlers have
 * returned, removes the socket. Parks. */
void server_close(struct server *s);

/* For metrics. Any thread. */
struct server_stats {
	uint64_t connections; /* now */
	uint64_t connections_total, requests_total, refused_total;
};
void server_stats(const struct server *s, struct server_stats *ret_stats);

#endif
