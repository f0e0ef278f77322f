/* SPDX-License-Identifier: MIT
 *
 * relay: each connection has two goroutines, one a direction; what one of them ends, it ends for both.
 */
#include "tests/client/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/buf.h"
#include "src/common/cleanup.h"
#include "src/http/authorization.h"
#include "tests/harness.h"

/* --- Bytes to and fro --- */

struct pump {
	struct conn *from, *to;
	done_chan done;
};

static void pump(struct conn *from, struct conn *to)
{
	char bytes[1024]; /* small, so that records come in pieces */
	ssize_t n;
	while ((n = conn_read(from, bytes, sizeof(bytes))) > 0)
		if (conn_write(to, bytes, (size_t)n) < 0)
			break;
	(void)conn_shutdown_write(to);
}

static int pump_back(void *arg)
{
	struct pump *p = arg;
	pump(p->from, p->to);
	chan_close(p->done);
	return 0;
}

static struct conn *dial(unsigned port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons((uint16_t)port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct conn *conn = NULL;
	return conn_dial((const void *)&to, sizeof(to), NEVER, &conn) ? NULL : conn;
}

static void relay(struct peer *p, struct conn *up)
{
	struct pump back = { .from = up, .to = p->conn, .done = chan_make(done_chan, 0) };
	errgroup_go(p->origin->group, pump_back, &back);
	pump(p->conn, up);
	conn_interrupt(up, -ECANCELED);
	(void)chan_recv(back.done, NULL);
	chan_unref(back.done);
	conn_close(up);
}

static void note(struct relay *r, const char *host, unsigned port)
{
	lock_acquire(&r->lock);
	size_t len = strlen(r->asked);
	snprintf(r->asked + len, sizeof(r->asked) - len, "%s:%u;", host, port);
	lock_release(&r->lock);
}

/* --- HTTP --- */

static bool may_pass(const struct relay *r, const char *head)
{
	cleanup(buf_done) struct buf want = { 0 };
	if (!r->options.user)
		return true;
	buf_append_str(&want, STR("\r\nProxy-Authorization: "));
	CHECK_OK(authorization_basic(&want, str_of(r->options.user), str_of(r->options.password)));
	buf_append_str(&want, STR("\r\n"));
	return strstr(head, buf_cstr(&want)) != NULL;
}

static void serve_connect(struct relay *r, struct peer *p)
{
	char host[300];
	unsigned port;
	if (!peer_read_head(p))
		return;
	if (!may_pass(r, p->request)) {
		peer_say(p, "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
			    "Content-Length: 0\r\n\r\n");
		return;
	}
	if (sscanf(p->request, "CONNECT %299[^ :]:%u HTTP/1.1\r\n", host, &port) != 2)
		test_fail("no CONNECT: %s", p->request);
	note(r, host, port);
	struct conn *up = dial(port);
	if (!up) {
		peer_say(p, "HTTP/1.1 502 No\r\n\r\n");
		return;
	}
	if (peer_say(p, "HTTP/1.1 200 Connection established\r\n\r\n"))
		relay(p, up);
	else
		conn_close(up);
}

/* --- SOCKS5 --- */

static bool hear(struct peer *p, unsigned char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = peer_read(p, (char *)bytes + at, len - at);
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

/* A length and so many bytes, as a C string. */
static bool hear_word(struct peer *p, char word[256])
{
	unsigned char len;
	if (!hear(p, &len, 1) || !hear(p, (unsigned char *)word, len))
		return false;
	word[len] = '\0';
	return true;
}

static bool log_in(struct relay *r, struct peer *p)
{
	unsigned char version;
	char methods[256], user[256], password[256];
	if (!hear_word(p, methods))
		return false;
	if (!r->options.user)
		return peer_write(p, "\5\0", 2);
	if (!strchr(methods + 1, 2)) {
		peer_write(p, "\5\xff", 2);
		return false;
	}
	if (!peer_write(p, "\5\2", 2) || !hear(p, &version, 1) || !hear_word(p, user) ||
	    !hear_word(p, password))
		return false;
	bool right =
		strcmp(user, r->options.user) == 0 && strcmp(password, r->options.password) == 0;
	return peer_write(p, right ? "\1\0" : "\1\1", 2) && right;
}

static bool hear_target(struct peer *p, char host[256], unsigned *ret_port)
{
	unsigned char head[4], addr[16], port[2];
	if (!hear(p, head, 4))
		return false;
	int family = head[3] == 4 ? AF_INET6 : AF_INET;
	if (head[3] == 3 ? !hear_word(p, host) : !hear(p, addr, head[3] == 4 ? 16 : 4))
		return false;
	if (head[3] != 3)
		CHECK(inet_ntop(family, addr, host, 256) != NULL);
	if (!hear(p, port, 2))
		return false;
	*ret_port = (unsigned)port[0] << 8 | port[1];
	return true;
}

static void serve_socks(struct relay *r, struct peer *p)
{
	char host[256];
	unsigned port;
	if (!log_in(r, p) || !hear_target(p, host, &port))
		return;
	note(r, host, port);
	bool refuse = atomic_fetch_add(&r->refused, 1) < r->options.refuse;
	struct conn *up = refuse ? NULL : dial(port);
	if (!up) {
		peer_write(p, refuse ? "\5\4" : "\5\5", 2);
		return;
	}
	if (peer_write(p, "\5\0\0\1\0\0\0\0\0\0", 10))
		relay(p, up);
	else
		conn_close(up);
}

/* --- Both --- */

static void play(struct peer *p)
{
	struct relay *r = p->origin->options.user;
	unsigned char version;
	if (!r->options.socks)
		serve_connect(r, p);
	else if (hear(p, &version, 1))
		serve_socks(r, p);
}

struct relay *relay_open(const struct relay_options *options)
{
	struct relay *r = calloc(1, sizeof(*r));
	r->options = *options;
	r->front = origin_open(&(struct origin_options){ .play = play, .user = r });
	return r;
}

void relay_close(struct relay *r)
{
	origin_close(r->front);
	free(r);
}

void relay_asked(struct relay *r, char out[2048])
{
	lock_acquire(&r->lock);
	memcpy(out, r->asked, sizeof(r->asked));
	lock_release(&r->lock);
}

static const struct proxy *make(const char *url, bool trusted)
{
	const struct proxy *p;
	char reason[FAULT_BYTES] = "";
	if (proxy_new(str_of(url), trusted, &p, reason))
		test_fail("%s: %s", url, reason);
	return p;
}

const struct proxy *relay_proxy(struct relay *r, const char *scheme, bool trusted)
{
	char url[600];
	const struct relay_options *o = &r->options;
	if (!o->user)
		return relay_proxy_at(r->front->port, scheme, trusted);
	snprintf(url, sizeof(url), "%s://%s:%s@127.0.0.1:%u", scheme, o->user, o->password,
		 r->front->port);
	return make(url, trusted);
}

const struct proxy *relay_proxy_at(uint16_t port, const char *scheme, bool trusted)
{
	char url[64];
	snprintf(url, sizeof(url), "%s://127.0.0.1:%u", scheme, port);
	return make(url, trusted);
}
