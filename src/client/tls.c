/* SPDX-License-Identifier: MIT
 *
 * tls: the loops that park, the same for every implementation.
 */
#include "src/client/tls.h"

int tls_wait(struct tls_stream *s, ssize_t wants)
{
	return wants == TLS_WANTS_WRITE ? conn_wait_writable(s->conn) : conn_wait_readable(s->conn);
}

static bool wants(ssize_t n)
{
	return n == TLS_WANTS_READ || n == TLS_WANTS_WRITE;
}

enum fetch_error tls_handshake(struct tls_stream *s, const struct scope *scope, char *detail)
{
	int err;
	while (wants(err = s->ops->try_handshake(s)))
		if ((err = tls_wait(s, err)))
			break;
	if (!err)
		return FETCH_OK;
	if (err == -ETIMEDOUT || err == -ECANCELED)
		return fault(detail, scope_error(scope, err, FETCH_TLS_TIMEOUT),
			     "in the TLS handshake");
	return s->ops->error(s, err, detail);
}

ssize_t tls_write(struct tls_stream *s, const void *buf, size_t size)
{
	const char *at = buf;
	for (size_t left = size; left > 0;) {
		ssize_t n = s->ops->try_write(s, at, left);
		if (n > 0) {
			at += n;
			left -= (size_t)n;
			continue;
		}
		int err = wants(n) ? tls_wait(s, n) : (int)n;
		if (err)
			return err;
	}
	return (ssize_t)size;
}
