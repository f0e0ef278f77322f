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
