/* SPDX-License-Identifier: MIT
 *
 * origin: what the parts of the test server share: listening sockets (origin_listen.c),
 * connections (origin_serve.c), and what a path is answered with (origin_answer.c). origin.c has
 * main.
 */
#ifndef BENCH_ORIGIN_H
#define BENCH_ORIGIN_H

#include "runtime/net.h"
#include "src/common/buf.h"
#include "src/http/message.h"

/* What one request is answered with. */
struct answer {
	int status;
	int64_t delay_ns;
	uint64_t bytes;	    /* of the body */
	uint64_t redirects; /* status 302: how many are left after this one */
	bool head_only;	    /* the request was HEAD */
	bool close;	    /* and the connection ends */
};

/* Reads the route from a request's target; what isn't one gives 404. Never parks. */
void answer_for(const struct message_head *head, struct answer *ret);

/* Waits the delay, then sends head and body. Parks. scratch lives between answers. 0 or -errno. */
int answer_send(const struct answer *a, struct conn *c, struct buf *scratch) MUST_USE;

/* Fills the body's pattern: once, before all else. */
void answer_init(void);

/* Accepts and serves connections of a listening socket, a goroutine each, for ever. A goroutine. */
struct serve_args {
	int fd;
};
void serve(const struct serve_args *args);

/* Listening sockets on 127.0.0.1 to 127.0.0.<addrs>, all on one port (*port 0: one that is free on
 * all; set then). False after a message on stderr. Plain thread. */
bool listen_on(uint32_t addrs, uint16_t *port, int *ret_fds) MUST_USE;

#endif
