/* SPDX-License-Identifier: MIT
 *
 * fault: formats the phrases that explain an error. Any thread; never parks.
 */
#define _GNU_SOURCE
#include "src/client/fault.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum fetch_error fault(char *detail, enum fetch_error e, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(detail, FAULT_BYTES, fmt, args);
	va_end(args);
	return e;
}

static void append_port(char out[FAULT_ADDR_BYTES], in_port_t port)
{
	size_t len = strlen(out);
	if (port)
		snprintf(out + len, FAULT_ADDR_BYTES - len, ":%u", ntohs(port));
}

const char *fault_addr(const struct sockaddr *addr, char out[FAULT_ADDR_BYTES])
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	char text[INET6_ADDRSTRLEN] = "?";
	switch (addr->sa_family) {
	case AF_INET:
		memcpy(&in, addr, sizeof(in));
		inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
		snprintf(out, FAULT_ADDR_BYTES, "%s", text);
		append_port(out, in.sin_port);
		return out;
	case AF_INET6:
		memcpy(&in6, addr, sizeof(in6));
		inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text));
		snprintf(out, FAULT_ADDR_BYTES, "[%s]", text);
		append_port(out, in6.sin6_port);
		return out;
	default:
		snprintf(out, FAULT_ADDR_BYTES, "address family %d", addr->sa_family);
		return out;
	}
}

const char *fault_errno(int err)
{
	const char *text = strerrordesc_np(-err);
	return text ? text : "unknown error";
}
