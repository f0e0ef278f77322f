/* SPDX-License-Identifier: MIT
 *
 * fault: why a request failed, for people. Each layer of the client gives an enum fetch_error and,
 * into a buffer that its caller hands down, a phrase that names what was touched: "10.0.0.1:
 * private address".
 *
 *	return fault(detail, FETCH_CONNECT_REFUSED, "%s: connection refused", address);
 *
 * The buffer belongs to the fetch's response; nothing is written on success. Cold paths only:
 * printf lives here.
 */
#ifndef CLIENT_FAULT_H
#define CLIENT_FAULT_H

#include <sys/socket.h>

#include "src/http/error.h"

/* Of every detail buffer, NUL included. */
#define FAULT_BYTES 96

/* Writes the phrase, cut to fit, and gives e. */
enum fetch_error fault(char *detail, enum fetch_error e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "192.0.2.1", "[2001:db8::1]"; with ":80" when the sockaddr has a port. */
#define FAULT_ADDR_BYTES 64
const char *fault_addr(const struct sockaddr *addr, char out[FAULT_ADDR_BYTES]);

/* "Connection refused": what the C library calls that negative errno. */
const char *fault_errno(int err);

#endif
