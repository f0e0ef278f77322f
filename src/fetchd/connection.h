/* SPDX-License-Identifier: MIT
 *
 * connection: one client of the API: reads request after request from its connection and has each
 * one handled. Internal to server.c, connection.c and call.c; handlers see call.h alone.
 *
 * One goroutine owns a struct call for as long as its connection lives. Two things reach in from
 * elsewhere, and neither parks: the end of the server's context interrupts the connection (while
 * the guard is on) or hurries its write, and the netpoller's watch cancels ctx when the client goes.
 */
#ifndef FETCHD_CONNECTION_H
#define FETCHD_CONNECTION_H

#include "runtime/net.h"
#include "src/fetchd/call.h"
#include "src/fetchd/server.h"
#include "src/http/message.h"

#define CONNECTION_READ_BYTES 16384

struct server {
	struct server_options options; /* defaults filled in */
	struct listener *listener;
	struct context *ctx; /* ends when the server stops */
	struct errgroup *acceptor, *connections;
	_Atomic uint64_t open, accepted, requests, refused;
};

enum answer {
	ANSWER_NONE,
	ANSWER_STREAM, /* begun, not ended */
	ANSWER_WHOLE,
};

struct call {
	struct server *server; /* borrowed */
	struct conn *conn;     /* owned */
	struct context_after guard;
	bool guarded;
	struct context_after last; /* while a write is under way */

	/* the request */
	struct message_parser parser;
	struct message_head head;   /* as on_head gave it; its slices are not used but for method */
	enum fetch_error malformed; /* why the parser stopped */
	struct buf target;	    /* a copy: the fields' block may move */
	struct str path, query;	    /* slices of target */
	struct buf body;	    /* bytes of the body that are parsed and not yet given out */
	bool body_given;	    /* ... or given out by the last call_read */
	bool continued;		    /* "100 Continue" was sent, or is not needed any more */
	struct context *ctx;	    /* NULL until call_context; then the watch is on */

	/* the answer */
	enum answer answer;
	int status;
	bool bodiless; /* HEAD */
	bool chunked;
	bool close; /* after this answer */
	struct buf out;

	/* bytes read from the connection and not yet parsed */
	size_t in_pos, in_len;
	char in[CONNECTION_READ_BYTES];
};

/* Takes conn. NULL when memory is out; conn is then the caller's. */
struct call *connection_new(struct server *s, struct conn *conn) MUST_USE;

/* Serves until the client or the server has had enough; frees. The goroutine of a connection. */
int connection_run(void *call);

/* While on, the server's end makes this connection's reads and writes fail with -ECANCELED. */
void connection__guard(struct call *x, bool on);

/* Reads more if need be, and parses it. 0; -ECONNRESET the end came; -EBADMSG and x->malformed; or
 * the connection's error. */
int connection__fill(struct call *x, int64_t deadline_ns) MUST_USE;

/* The watch and the context that call_context made, if it did. */
void connection__unwatch(struct call *x);

#endif
