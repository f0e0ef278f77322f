/* SPDX-License-Identifier: MIT
 *
 * socks: three questions, each with its reply: which method of authentication, then user and
 * password when the proxy chose that (RFC 1929), then the connection. Both kinds of proxies speak only
 * when spoken to, and so does whoever is behind (HTTP and TLS both begin with the client): a byte more
 * than a reply is a fault, and none is ever taken for the target's.
 *
 * A refusal ends the talk with its first two bytes, for some proxies close right after these. The
 * address in the last reply (where the proxy connects from) is read over, whatever its type.
 */
#include "src/client/socks.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "src/common/cleanup.h"

#define VERSION	     5
#define AUTH_VERSION 1
#define CONNECT	     1
#define WORD_BYTES   255 /* whatever has a byte for its length */

enum method {
	METHOD_NONE = 0,
	METHOD_PASSWORD = 2,
	METHOD_NO_ACCEPTABLE = 0xff
};

enum address_type {
	ADDRESS_IPV4 = 1,
	ADDRESS_NAME = 3,
	ADDRESS_IPV6 = 4
};

/* On the heap: it is large, and the goroutine waits meanwhile. */
struct talk {
	struct conn *conn;
	const struct scope *scope;
	char *detail;
	size_t len;				 /* of what is in bytes */
	unsigned char bytes[3 + 2 * WORD_BYTES]; /* the longest: user and password */
};

/* RFC 1928 §6. Another address of the same target may do where the network was at fault. */
static const struct reply {
	const char *text;
	enum fetch_error error;
} replies[] = {
	[1] = { "general failure", FETCH_PROXY_CONNECT },
	[2] = { "not allowed by the rules", FETCH_PROXY_REFUSED },
	[3] = { "network unreachable", FETCH_PROXY_CONNECT },
	[4] = { "host unreachable", FETCH_PROXY_CONNECT },
	[5] = { "connection refused", FETCH_PROXY_CONNECT },
	[6] = { "TTL expired", FETCH_PROXY_CONNECT },
	[7] = { "command not supported", FETCH_PROXY_REFUSED },
	[8] = { "address type not supported", FETCH_PROXY_CONNECT },
};

/* --- Bytes --- */

static enum fetch_error broken(const struct talk *t, const char *what)
{
	return fault(t->detail, FETCH_PROXY_BAD_ANSWER, "SOCKS5: %s", what);
}

static enum fetch_error io_failed(const struct talk *t, ssize_t n)
{
	if (n == -ETIMEDOUT || n == -ECANCELED)
		return fault(t->detail, scope_error(t->scope, (int)n, FETCH_CONNECT_TIMEOUT),
			     "waiting for the SOCKS5 proxy");
	if (n == -ENOMEM || n == -ENOBUFS)
		return FETCH_OUT_OF_MEMORY;
	return broken(t, n == 0 ? "the proxy closed the connection" : fault_errno((int)n));
}

static void put(struct talk *t, unsigned byte)
{
	t->bytes[t->len++] = (unsigned char)byte;
}

static void put_bytes(struct talk *t, const void *data, size_t len)
{
	if (len > 0)
		memcpy(t->bytes + t->len, data, len);
	t->len += len;
}

/* With its length before it. */
static void put_word(struct talk *t, struct str word)
{
	put(t, (unsigned)word.len);
	put_bytes(t, word.data, word.len);
}

/* Says what is in bytes, which is empty then. */
static enum fetch_error say(struct talk *t)
{
	ssize_t n = conn_write(t->conn, t->bytes, t->len);
	t->len = 0;
	return n < 0 ? io_failed(t, n) : FETCH_OK;
}

/* Reads on until bytes has `want` of them at least. */
static enum fetch_error hear(struct talk *t, size_t want)
{
	while (t->len < want) {
		ssize_t n = conn_read(t->conn, t->bytes + t->len, sizeof(t->bytes) - t->len);
		if (n <= 0)
			return io_failed(t, n);
		t->len += (size_t)n;
	}
	return FETCH_OK;
}

/* The reply ends here. */
static enum fetch_error hear_end(struct talk *t, size_t len)
{
	enum fetch_error e = hear(t, len);
	if (e == FETCH_OK && t->len > len)
		return broken(t, "more bytes than the reply has");
	t->len = 0;
	return e;
}

/* --- The three questions --- */

static enum fetch_error log_in(struct talk *t, const struct proxy *proxy)
{
	put(t, AUTH_VERSION);
	put_word(t, proxy->username);
	put_word(t, proxy->password);
	enum fetch_error e = say(t);
	if (e == FETCH_OK)
		e = hear(t, 2);
	if (e)
		return e;
	if (t->bytes[0] != AUTH_VERSION)
		return broken(t, "a reply to the password of another version");
	if (t->bytes[1] != 0)
		return fault(t->detail, FETCH_PROXY_AUTH, "SOCKS5: user name or password is wrong");
	return hear_end(t, 2);
}

static enum fetch_error choose_method(struct talk *t, const struct proxy *proxy)
{
	bool has_password = proxy->username.len > 0;
	put(t, VERSION);
	put(t, has_password ? 2 : 1);
	put(t, METHOD_NONE);
	if (has_password)
		put(t, METHOD_PASSWORD);
	enum fetch_error e = say(t);
	if (e == FETCH_OK)
		e = hear(t, 2);
	if (e)
		return e;
	unsigned version = t->bytes[0], method = t->bytes[1];
	if (version != VERSION)
		return broken(t, "the proxy speaks another protocol");
	if (method == METHOD_NO_ACCEPTABLE)
		return fault(t->detail, FETCH_PROXY_AUTH, "SOCKS5: the proxy wants %s",
			     has_password ? "neither a password nor none" : "a password");
	e = hear_end(t, 2);
	if (e || method == METHOD_NONE)
		return e;
	if (method == METHOD_PASSWORD && has_password)
		return log_in(t, proxy);
	return broken(t, "the proxy chose what was not on offer");
}

static void put_target(struct talk *t, const struct socks_target *target)
{
	const struct sockaddr_in *in = (const void *)target->addr;
	const struct sockaddr_in6 *in6 = (const void *)target->addr;
	if (!target->addr) {
		put(t, ADDRESS_NAME);
		put_word(t, target->host);
	} else if (target->addr->sa_family == AF_INET6) {
		put(t, ADDRESS_IPV6);
		put_bytes(t, &in6->sin6_addr, sizeof(in6->sin6_addr));
	} else {
		put(t, ADDRESS_IPV4);
		put_bytes(t, &in->sin_addr, sizeof(in->sin_addr));
	}
	put(t, target->port >> 8);
	put(t, target->port & 0xff);
}

static enum fetch_error refused(const struct talk *t, unsigned code)
{
	if (code >= ARRAY_LEN(replies))
		return fault(t->detail, FETCH_PROXY_REFUSED, "SOCKS5: unknown reply %u", code);
	return fault(t->detail, replies[code].error, "SOCKS5: %s", replies[code].text);
}

/* Version, reply, a zero, type, address, port: 5 bytes tell how many there are. */
static enum fetch_error hear_reply(struct talk *t)
{
	enum fetch_error e = hear(t, 2);
	if (e)
		return e;
	if (t->bytes[0] != VERSION)
		return broken(t, "a reply of another version");
	if (t->bytes[1] != 0)
		return refused(t, t->bytes[1]);
	e = hear(t, 5);
	if (e)
		return e;
	switch (t->bytes[3]) {
	case ADDRESS_IPV4:
		return hear_end(t, 4 + 4 + 2);
	case ADDRESS_IPV6:
		return hear_end(t, 4 + 16 + 2);
	case ADDRESS_NAME:
		return hear_end(t, 4 + 1 + (size_t)t->bytes[4] + 2);
	default:
		return broken(t, "an address of unknown type in the reply");
	}
}

static enum fetch_error ask_for(struct talk *t, const struct socks_target *target)
{
	put(t, VERSION);
	put(t, CONNECT);
	put(t, 0);
	put_target(t, target);
	enum fetch_error e = say(t);
	return e ? e : hear_reply(t);
}

enum fetch_error socks_connect(struct conn *conn, const struct proxy *proxy,
			       const struct socks_target *target, const struct scope *scope,
			       char *detail)
{
	if (!target->addr && target->host.len > WORD_BYTES)
		return fault(detail, FETCH_BAD_URL, "SOCKS5: the host's name is too long");
	cleanup(cleanup_free) struct talk *t = calloc(1, sizeof(*t));
	if (!t)
		return FETCH_OUT_OF_MEMORY;
	t->conn = conn;
	t->scope = scope;
	t->detail = detail;
	enum fetch_error e = choose_method(t, proxy);
	return e ? e : ask_for(t, target);
}
