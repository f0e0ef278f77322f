/* SPDX-License-Identifier: MIT
 *
 * scripted: one goroutine accepts, one serves each connection; all in one errgroup that
 * origin_close waits for.
 *
 * The list of peers is under the lock, so that origin_close can interrupt them. TLS is OpenSSL on
 * the connection's own descriptor: the calls are made where nothing parks, the waits are the
 * runtime's.
 */
#include "tests/client/scripted.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/goroutine.h"
#include "tests/harness.h"

static const char not_found[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

/* --- Bytes --- */

int peer_tls_again(struct peer *p, int r)
{
	int what = SSL_get_error(p->ssl, r);
	ERR_clear_error();
	if (what == SSL_ERROR_WANT_READ)
		return conn_wait_readable(p->conn);
	if (what == SSL_ERROR_WANT_WRITE)
		return conn_wait_writable(p->conn);
	return what == SSL_ERROR_ZERO_RETURN ? -ENODATA : -EPROTO;
}

ssize_t peer_read(struct peer *p, char *buf, size_t size)
{
	if (!p->ssl)
		return conn_read(p->conn, buf, size);
	for (;;) {
		ERR_clear_error();
		int r = SSL_read(p->ssl, buf, (int)size);
		if (r > 0)
			return r;
		int err = peer_tls_again(p, r);
		if (err)
			return err == -ENODATA ? 0 : err;
	}
}

bool peer_write(struct peer *p, const char *text, size_t len)
{
	if (!p->ssl)
		return conn_write(p->conn, text, len) == (ssize_t)len;
	while (len > 0) {
		ERR_clear_error();
		int r = SSL_write(p->ssl, text, (int)len);
		if (r <= 0 && peer_tls_again(p, r))
			return false;
		if (r > 0) {
			text += r;
			len -= (size_t)r;
		}
	}
	return true;
}

bool peer_say(struct peer *p, const char *text)
{
	return peer_write(p, text, strlen(text));
}

void peer_wait_closed(struct peer *p)
{
	char byte;
	while (peer_read(p, &byte, 1) > 0)
		;
}

void peer_reset(struct peer *p)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	CHECK(setsockopt(conn_fd(p->conn), SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
}

bool peer_read_head(struct peer *p)
{
	size_t len = 0;
	for (;;) {
		ssize_t n = peer_read(p, p->request + len, 1);
		if (n <= 0)
			return false;
		len += (size_t)n;
		p->request[len] = '\0';
		if (len >= 4 && memcmp(p->request + len - 4, "\r\n\r\n", 4) == 0)
			break;
		CHECK_LT(len, sizeof(p->request) - 1);
	}
	lock_acquire(&p->origin->lock);
	memcpy(p->origin->last_request, p->request, sizeof(p->request));
	lock_release(&p->origin->lock);
	atomic_fetch_add(&p->origin->requests, 1);
	return true;
}

/* --- Playing a table --- */

static const struct reply *find_reply(struct peer *p)
{
	const char *path = strchr(p->request, ' ');
	size_t len = path ? strcspn(++path, " ") : 0;
	for (const struct reply *r = p->origin->options.replies; r && r->path; r++)
		if (strlen(r->path) == len && memcmp(r->path, path, len) == 0)
			return r;
	return NULL;
}

static bool say_in_pieces(struct peer *p, const struct reply *r)
{
	size_t len = strlen(r->text), piece = r->piece ? r->piece : len;
	for (size_t at = 0; at < len; at += piece) {
		if (!peer_write(p, r->text + at, len - at < piece ? len - at : piece))
			return false;
		if (r->piece)
			goroutine_yield();
	}
	return true;
}

static void play_table(struct peer *p)
{
	while (peer_read_head(p)) {
		const struct reply *r = find_reply(p);
		if (!r) {
			peer_say(p, not_found);
			continue;
		}
		if (!say_in_pieces(p, r))
			return;
		if (r->then == THEN_KEEP)
			continue;
		if (r->then == THEN_STALL)
			peer_wait_closed(p);
		if (r->then == THEN_RESET)
			peer_reset(p);
		if (r->then == THEN_CLOSE && p->ssl)
			(void)SSL_shutdown(p->ssl);
		return;
	}
}

/* --- Connections --- */

bool peer_handshake(struct peer *p)
{
	p->ssl = SSL_new(p->origin->options.tls);
	SSL_set_fd(p->ssl, conn_fd(p->conn));
	for (;;) {
		ERR_clear_error();
		int r = SSL_accept(p->ssl);
		if (r == 1)
			return true;
		if (peer_tls_again(p, r))
			return false;
	}
}

static void enlist(struct peer *p)
{
	lock_acquire(&p->origin->lock);
	p->next = p->origin->peers;
	p->origin->peers = p;
	lock_release(&p->origin->lock);
}

static void delist(struct peer *p)
{
	lock_acquire(&p->origin->lock);
	struct peer **at = &p->origin->peers;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	lock_release(&p->origin->lock);
}

static int serve(void *arg)
{
	struct peer *p = arg;
	struct origin *o = p->origin;
	enlist(p);
	if (context_err(errgroup_context(o->group)))
		conn_interrupt(p->conn, -ECANCELED);
	if (!o->options.tls || o->options.late || peer_handshake(p)) {
		if (o->options.play)
			o->options.play(p);
		else
			play_table(p);
	}
	delist(p);
	SSL_free(p->ssl);
	ERR_clear_error();
	conn_close(p->conn);
	free(p);
	atomic_fetch_sub(&o->open, 1);
	return 0;
}

static int accept_all(void *arg)
{
	struct origin *o = arg;
	struct conn *conn;
	for (;;) {
		CHECK_OK(listener_accept(o->listener, &conn));
		if (context_err(errgroup_context(o->group))) {
			conn_close(conn);
			return 0;
		}
		struct peer *p = calloc(1, sizeof(*p));
		p->origin = o;
		p->conn = conn;
		p->number = atomic_fetch_add(&o->connections, 1) + 1;
		atomic_fetch_add(&o->open, 1);
		errgroup_go(o->group, serve, p);
	}
}

struct origin *origin_open(const struct origin_options *options)
{
	struct origin *o = calloc(1, sizeof(*o));
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len;
	signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write() */
	o->options = *options;
	if (options->ipv6)
		CHECK_OK(listener_open((struct sockaddr *)&in6, sizeof(in6), 1024, &o->listener));
	else
		CHECK_OK(listener_open((struct sockaddr *)&in, sizeof(in), 1024, &o->listener));
	const struct sockaddr *addr = listener_addr(o->listener, &len);
	memcpy(&in, addr, sizeof(in)); /* the port is in the same place in both */
	o->port = ntohs(in.sin_port);
	o->group = errgroup_new(context_background());
	errgroup_go(o->group, accept_all, o);
	return o;
}

/* A last connection of our own wakes the goroutine that accepts. */
static void end_accepting(struct origin *o)
{
	socklen_t len;
	struct conn *conn;
	const struct sockaddr *addr = listener_addr(o->listener, &len);
	context_cancel(errgroup_context(o->group));
	CHECK_OK(conn_dial(addr, len, NEVER, &conn));
	conn_close(conn);
}

void origin_close(struct origin *o)
{
	end_accepting(o);
	lock_acquire(&o->lock);
	for (struct peer *p = o->peers; p; p = p->next)
		conn_interrupt(p->conn, -ECANCELED);
	lock_release(&o->lock);
	CHECK_EQ(errgroup_wait(o->group), 0);
	listener_close(o->listener);
	free(o);
}

const char *origin_url_at(struct origin *o, const char *host, const char *path, char *out,
			  size_t size)
{
	snprintf(out, size, "%s://%s:%u%s", o->options.tls ? "https" : "http", host, o->port, path);
	return out;
}

const char *origin_url(struct origin *o, const char *path)
{
	return origin_url_at(o, o->options.ipv6 ? "[::1]" : "127.0.0.1", path, o->url,
			     sizeof(o->url));
}

void origin_last_request(struct origin *o, char out[4096])
{
	lock_acquire(&o->lock);
	memcpy(out, o->last_request, sizeof(o->last_request));
	lock_release(&o->lock);
}
