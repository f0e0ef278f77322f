/* SPDX-License-Identifier: MIT
 *
 * httpconn: reading and writing, plain and TLS alike.
 *
 * A waiting request owns no buffer. Plain bytes are read into the OS thread's buffer; decrypted
 * ones into a block that exists only from a read that gave bytes until the next wait. Without that
 * block a read waits first: just after a request was written, a try would find nothing.
 */
#include "src/client/httpconn.h"

#include <stdlib.h>

#include "runtime/clock.h"

/* The largest TLS record's content. */
#define PLAIN_BYTES 16384

static ssize_t try_write(struct httpconn *h, const void *buf, size_t size)
{
	if (h->tls)
		return h->tls->ops->try_write(h->tls, buf, size);
	return conn_try_write(h->conn, buf, size);
}

static bool wants_wait(ssize_t n)
{
	return n == TLS_WANTS_READ ||
	       n == TLS_WANTS_WRITE; /* the first is also a full socket's word */
}

static int wait_to_write(struct httpconn *h, ssize_t wants, const struct scope *scope,
			 int64_t timeout_ns)
{
	conn_set_write_deadline(h->conn, scope_until(scope, clock_now(), timeout_ns));
	int err = h->tls ? tls_wait(h->tls, wants) : conn_wait_writable(h->conn);
	conn_set_write_deadline(h->conn, NEVER);
	return err;
}

ssize_t httpconn_write(struct httpconn *h, const void *buf, size_t size, const struct scope *scope,
		       int64_t timeout_ns, bool *ret_wrote)
{
	const char *at = buf;
	for (size_t left = size; left > 0;) {
		ssize_t n = try_write(h, at, left);
		if (n < 0 && !wants_wait(n))
			return n;
		*ret_wrote = true;
		if (n < 0 && (n = wait_to_write(h, n, scope, timeout_ns)))
			return n;
		at += n;
		left -= (size_t)n;
	}
	return (ssize_t)size;
}

ssize_t httpconn_write_some(struct httpconn *h, const void *buf, size_t size,
			    const struct scope *scope, int64_t timeout_ns)
{
	for (;;) {
		ssize_t n = try_write(h, buf, size);
		if (n >= 0 || !wants_wait(n))
			return n;
		int err = wait_to_write(h, n, scope, timeout_ns);
		if (err)
			return err;
	}
}

static void nothing(struct conn *conn, void *arg)
{
	(void)conn, (void)arg;
}

bool httpconn_spoke_first(struct httpconn *h)
{
	if (h->tls)
		return h->tls->ops->try_peek(h->tls) != TLS_WANTS_READ;
	return !conn_watch_idle(h->conn, nothing, NULL) || !conn_watch_idle(h->conn, NULL, NULL);
}

/* On a new connection the handshake may have left something in the library's buffers: a try comes
 * first there. To wait for the socket and then not read from it would lose its readiness, and with
 * it the pool's watch for unasked bytes. */
static ssize_t read_tls(struct httpconn *h, const char **ret_data)
{
	ssize_t n = TLS_WANTS_READ;
	for (bool try = h->plain || h->exchanges == 0;; try = true) {
		if (try && !h->plain)
			h->plain = malloc(PLAIN_BYTES);
		if (try && !h->plain)
			return -ENOMEM;
		if (try)
			n = h->tls->ops->try_read(h->tls, h->plain, PLAIN_BYTES);
		if (n != TLS_WANTS_READ && n != TLS_WANTS_WRITE)
			break;
		free(h->plain);
		h->plain = NULL;
		int err = tls_wait(h->tls, n);
		if (err)
			return err;
	}
	*ret_data = h->plain;
	return n;
}

ssize_t httpconn_read(struct httpconn *h, const char **ret_data)
{
	return h->tls ? read_tls(h, ret_data) : conn_read_view(h->conn, ret_data);
}

bool httpconn_read_end(struct httpconn *h)
{
	free(h->plain);
	h->plain = NULL;
	return !h->tls || h->tls->ops->quiet(h->tls);
}

void httpconn_close(struct httpconn *h)
{
	free(h->plain);
	if (h->tls)
		h->tls->ops->close(h->tls);
	conn_close(h->conn);
	h->plain = NULL;
	h->tls = NULL;
	h->conn = NULL;
}
