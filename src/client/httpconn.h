/* SPDX-License-Identifier: MIT
 *
 * httpconn: a connection as the pool keeps it and an exchange uses it: the bytes, plain or through
 * TLS. Made empty by the pool; connect.c opens it; exchange.c talks; the pool keeps or
 * closes it.
 *
 *	ssize_t n = httpconn_write(h, head, len, &scope, 30 * SECOND, &wrote);
 *	while ((n = httpconn_read(h, &data)) > 0) ...	// data is valid until the next call
 *	httpconn_read_end(h);
 *
 * One user at a time, who owns it; while it is idle the pool does. The fields marked so are the
 * pool's, under its lock.
 */
#ifndef CLIENT_HTTPCONN_H
#define CLIENT_HTTPCONN_H

#include "runtime/list.h"
#include "runtime/net.h"
#include "src/client/scope.h"
#include "src/client/tls.h"

struct pool_host;

struct httpconn {
	struct conn *conn;	/* NULL until it is open */
	struct tls_stream *tls; /* NULL = plain */
	char *plain;		/* what TLS decrypted: only while there is more to read */
	bool kept;		/* it was the pool's before, and may have gone stale there */
	uint32_t exchanges;	/* that it has carried */

	/* the pool's */
	uint8_t noises;		/* that were no word to us: bounded */
	int64_t ends_ns;	/* its lifetime; NEVER = no limit */
	int64_t until_ns;	/* while it is idle: not to be given out from then on */
	bool idle;		/* it is in the two lists */
	bool spoke;		/* the peer said something or left when it should have kept quiet */
	struct pool_host *host; /* from birth to death */
	struct list place;	/* in the host's idle list, or in the list of those to be closed */
	struct list recent;	/* in the shard's list of all idle ones */
	int64_t idle_since_ns;
};

/* Writes all. Parks while the socket is full, for at most timeout_ns (-ETIMEDOUT). size or -errno.
 * *ret_wrote turns true as soon as a byte may have gone. */
ssize_t httpconn_write(struct httpconn *h, const void *buf, size_t size, const struct scope *scope,
		       int64_t timeout_ns, bool *ret_wrote) MUST_USE;

/* Writes at least a byte, as much as goes without a further wait. > 0 or -errno; then nothing went, and
 * over TLS the same bytes must be written next. */
ssize_t httpconn_write_some(struct httpconn *h, const void *buf, size_t size,
			    const struct scope *scope, int64_t timeout_ns) MUST_USE;

/* The peer has said something, or left, before anybody asked. For a connection that is new; the pool watches the others. Never
 * parks. */
bool httpconn_spoke_first(struct httpconn *h);

/* Parks until bytes come. > 0 and *ret_data, valid until the next park; 0 = end of the stream;
 * -errno, or what tls.h defines. */
ssize_t httpconn_read(struct httpconn *h, const char **ret_data) MUST_USE;

/* No more will be read for now: gives the buffer back. False when bytes that nobody asked for have
 * come already. */
bool httpconn_read_end(struct httpconn *h);

/* Closes what is open; h can be opened again. Never parks. */
void httpconn_close(struct httpconn *h);

#endif
