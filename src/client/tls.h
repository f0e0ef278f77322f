/* SPDX-License-Identifier: MIT
 *
 * tls: TLS over a connection. An interface with one implementation (tls_openssl.c). struct tls
 * holds the settings of a client: trust store, versions, verification; it is part of a pooled
 * connection's key. struct tls_stream is one connection's state.
 *
 *	struct tls_stream *stream;
 *	int err = tls->ops->open(tls, conn, STR("example.com"), 443, &stream);
 *	enum fetch_error e = tls_handshake(stream, &scope, detail);
 *	for (;;) {				// any wish to read or write looks like this:
 *		n = stream->ops->try_read(stream, buf, size);
 *		if (n != TLS_WANTS_READ && n != TLS_WANTS_WRITE) break;
 *		err = tls_wait(stream, n);	// parks
 *	}
 *
 * The try functions never park and keep nothing of the thread's; only tls_wait and tls_handshake
 * park. So the library's per-thread error queue is filled and read within one call.
 */
#ifndef CLIENT_TLS_H
#define CLIENT_TLS_H

#include <errno.h>

#include "runtime/net.h"
#include "src/client/fault.h"
#include "src/client/scope.h"

/* Borrowed by tls_openssl_new. NULL = not set. */
struct tls_options {
	const char *ca_file;	 /* PEM; without it and ca_path the system's bundle */
	const char *ca_path;	 /* a folder of authorities, as c_rehash makes it */
	const char *cert_file;	 /* our own certificate with its chain, PEM */
	const char *key_file;	 /* its key; NULL = in cert_file. Not for everybody to read */
	const char *pins;	 /* "HOST=sha256//BASE64, ...": keys that these hosts must show */
	const char *keylog_file; /* secrets of connections are appended, for debugging */
	uint32_t max_sessions;	 /* kept to be resumed; 0 = 4096 */
	bool no_sessions;
	bool only_tls13; /* else 1.2 will do */
	bool insecure;	 /* verify nothing */
};

struct tls;
struct tls_stream;

/* What the try functions give beside a count: */
#define TLS_WANTS_READ	(-EAGAIN)
#define TLS_WANTS_WRITE (-EINPROGRESS)
#define TLS_CUT_OFF	(-ECONNABORTED) /* the stream ended without close_notify */
#define TLS_BROKEN	(-EPROTO)	/* a record that can't be; fatal alert */

struct tls_ops {
	/* Parks while another goroutine sets the library up. A stream over conn (borrowed for the
	 * stream's life), as a client of host: a name, or an IP address without brackets. port tells
	 * sessions apart. */
	int (*open)(struct tls *t, struct conn *conn, struct str host, uint16_t port,
		    struct tls_stream **ret_stream);
	/* Goes on with the handshake: 0 done, TLS_WANTS_READ or TLS_WANTS_WRITE, or it failed: see
	 * error. */
	int (*try_handshake)(struct tls_stream *s);
	/* The handshake, which is done, resumed a session. */
	bool (*resumed)(struct tls_stream *s);
	/* Why the handshake failed. */
	enum fetch_error (*error)(struct tls_stream *s, int err, char *detail);
	/* > 0 bytes; 0 the peer said close_notify; or one of the above, or the socket's -errno. */
	ssize_t (*try_read)(struct tls_stream *s, void *buf, size_t size);
	ssize_t (*try_write)(struct tls_stream *s, const void *buf, size_t size);
	/* 1 when a byte of data waits to be read; else as try_read. */
	ssize_t (*try_peek)(struct tls_stream *s);
	/* Nothing received waits to be read. */
	bool (*quiet)(struct tls_stream *s);
	/* Says close_notify if that goes without waiting, and frees. conn stays open. */
	void (*close)(struct tls_stream *s);
	void (*free)(struct tls *t);
};

struct tls {
	const struct tls_ops *ops;
};

struct tls_stream {
	const struct tls_ops *ops;
	struct conn *conn;
};

/* Parks until the handshake is done. conn's deadline and interruption end it: timeouts are for the
 * caller to name. */
enum fetch_error tls_handshake(struct tls_stream *s, const struct scope *scope,
			       char *detail) MUST_USE;

/* Parks until a try that gave TLS_WANTS_READ or TLS_WANTS_WRITE may go on. 0 or -errno. */
int tls_wait(struct tls_stream *s, ssize_t wants) MUST_USE;

/* 0; -ENOMEM; or -EINVAL: a setting can't be used; *ret_reason (the caller frees) says which and why. */
int tls_openssl_new(const struct tls_options *options, struct tls **ret_tls,
		    char **ret_reason) MUST_USE;

#endif
