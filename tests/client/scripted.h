/* SPDX-License-Identifier: MIT
 *
 * scripted: an origin that plays what a test gives it, on the runtime, on a loopback port of its
 * own; with TLS when it is given a context.
 *
 *	static const struct reply replies[] = {
 *		REPLY("/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
 *		REPLY("/cut", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", .then = THEN_CLOSE),
 *		NO_MORE_REPLIES,
 *	};
 *	struct origin *o = origin_open(&(struct origin_options){ .replies = replies });
 *	... origin_url(o, "/ok") ...
 *	origin_close(o);	// ends its connections, waits for its goroutines
 *
 * For what a table can't say there is `play`: it has a whole connection to itself.
 */
#ifndef TESTS_CLIENT_SCRIPTED_H
#define TESTS_CLIENT_SCRIPTED_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/chan.h"
#include "runtime/errgroup.h"
#include "runtime/lock.h"
#include "runtime/net.h"

struct reply {
	const char *path; /* as asked for, query included */
	const char *text;
	enum then {
		THEN_KEEP,  /* wait for the next request */
		THEN_CLOSE, /* orderly: with close_notify over TLS */
		THEN_CUT,   /* TLS: close without close_notify */
		THEN_RESET, /* RST */
		THEN_STALL, /* say no more until the client leaves */
	} then;
	size_t piece; /* bytes a write, others get to run between; 0 = all at once */
};

#define REPLY(path_, text_, ...)                              \
	{                                                     \
		.path = (path_), .text = (text_), __VA_ARGS__ \
	}
#define NO_MORE_REPLIES      \
	{                    \
		.path = NULL \
	}

struct origin;

/* One connection, as the origin sees it. */
struct peer {
	struct origin *origin;
	struct conn *conn;
	SSL *ssl;	    /* NULL = plain */
	int number;	    /* the how manieth connection, from 1 */
	char request[4096]; /* the last head read */
	struct peer *next;
};

struct origin_options {
	const struct reply *replies; /* up to one without path; others get a 404 */
	void (*play)(struct peer *p);
	void *user;   /* for play */
	SSL_CTX *tls; /* borrowed */
	bool late;    /* play makes the handshake itself, by peer_handshake */
	bool ipv6;
};

struct origin {
	struct origin_options options;
	struct listener *listener;
	struct errgroup *group;
	struct lock lock;
	struct peer *peers;
	uint16_t port;
	_Atomic int connections, requests, open;
	char last_request[4096]; /* under the lock: origin_last_request */
	char url[512];
};

struct origin *origin_open(const struct origin_options *options);
void origin_close(struct origin *o);

/* "http://127.0.0.1:PORT/path", in a buffer that the next call overwrites. */
const char *origin_url(struct origin *o, const char *path);
/* The same with another host: "http://HOST:PORT/path", written to out. */
const char *origin_url_at(struct origin *o, const char *host, const char *path, char *out,
			  size_t size);
/* A copy of the last request's head. */
void origin_last_request(struct origin *o, char out[4096]);

/* For play where `late` says so. False when it fails. */
bool peer_handshake(struct peer *p);
/* What a TLS call that gave r <= 0 waits for; parks. 0: it is to be made again. */
int peer_tls_again(struct peer *p, int r);
/* For play. Reads one head into p->request; false at the end of the connection. */
bool peer_read_head(struct peer *p);
/* Parks. > 0 bytes; 0 or less at the end. */
ssize_t peer_read(struct peer *p, char *buf, size_t size);
bool peer_write(struct peer *p, const char *text, size_t len);
bool peer_say(struct peer *p, const char *text);
/* Parks until the client has closed. */
void peer_wait_closed(struct peer *p);
/* Makes the close an RST. */
void peer_reset(struct peer *p);

#endif
