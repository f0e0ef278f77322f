/* SPDX-License-Identifier: MIT
 *
 * nameserver: answers are built from the question as it came (RFC 1035 §4). Who builds
 * answers or sends by UDP has the lock: the goroutines that serve, or the test that releases what was held.
 */
#include "tests/client/nameserver.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/errgroup.h"
#include "runtime/goroutine.h"
#include "runtime/mutex.h"
#include "runtime/net.h"
#include "tests/harness.h"

/* A query whose answer is held. */
struct held {
	struct held *next;
	struct sockaddr_in from;
	size_t len;
	uint8_t query[512];
};

struct nameserver_inside {
	struct nameserver *ns;
	const struct record *records;
	int fd;
	struct listener *listener;
	struct errgroup *group;
	_Atomic bool closing;
	struct mutex lock; /* from here on */
	bool released;
	struct held *held;
	struct packet udp, forged;
};

static bool matches(const struct record *r, const char *name)
{
	if (r->name[0] == '*') {
		size_t suffix = strlen(r->name) - 1, len = strlen(name);
		return len > suffix && strcasecmp(r->name + 1, name + len - suffix) == 0;
	}
	return strcasecmp(r->name, name) == 0;
}

static void put_answers(struct packet *p, const struct record *records, const char *name, int type)
{
	for (const struct record *r = records; r->name; r++) {
		if (!matches(r, name))
			continue;
		if (r->cname) {
			packet_alias(p, name, r->ttl, r->cname);
			put_answers(p, records, r->cname, type);
		}
		if (type == TYPE_A && r->v4)
			packet_address(p, name, r->ttl, r->v4);
		if (type == TYPE_AAAA && r->v6)
			packet_address(p, name, r->ttl, r->v6);
	}
}

/* The length of the question section; the name in dots. */
static size_t read_question(const uint8_t *query, char name[256])
{
	size_t at = 12, n = 0;
	while (query[at]) {
		memcpy(name + n, query + at + 1, query[at]);
		n += query[at];
		name[n++] = '.';
		at += query[at] + 1u;
	}
	name[n ? n - 1 : 0] = '\0';
	return at + 5;
}

static const struct record *find(const struct record *records, const char *name)
{
	static const struct record none = { .rcode = 3 };
	const struct record *r = records;
	while (r->name && !matches(r, name))
		r++;
	return r->name ? r : &none;
}

static void begin(struct packet *p, const uint8_t *query, size_t end)
{
	memcpy(p->bytes, query, end);
	p->len = end;
	p->bytes[2] = 0x84;
	p->bytes[3] = 0x80;
	p->bytes[4] = 0, p->bytes[5] = 1;
	memset(p->bytes + 6, 0, 6);
}

static void build(struct nameserver_inside *in, const struct record *r, const uint8_t *query,
		  bool tcp, struct packet *p)
{
	char name[256];
	size_t end = read_question(query, name);
	bool truncated = r->truncated && !tcp;
	begin(p, query, end);
	p->bytes[2] |= truncated ? 2 : 0;
	int rcode = !r->rcode_for || r->rcode_for == query[end - 3] ? r->rcode : 0;
	p->bytes[3] |= (uint8_t)rcode;
	if (r->trick == TRICK_LAME) {
		p->bytes[2] &= (uint8_t)~4;
		packet_ns(p, "test");
	} else if (!truncated && !rcode) {
		put_answers(p, in->records, name, query[end - 3]);
	}
	if (r->trick == TRICK_CUT && p->bytes[7] > 0)
		p->len -= 5;
}

/* --- UDP --- */

static void send_packet(int fd, const struct packet *p, const struct sockaddr_in *to)
{
	(void)!sendto(fd, p->bytes, p->len, 0, (const struct sockaddr *)to, sizeof(*to));
}

static void send_from_elsewhere(const struct packet *p, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	send_packet(fd, p, to);
	close(fd);
}

static void forge(struct nameserver_inside *in, const uint8_t *query, const struct sockaddr_in *to,
		  enum trick trick)
{
	char name[256];
	struct packet *p = &in->forged;
	size_t end = read_question(query, name);
	begin(p, query, end);
	packet_address(p, name, 60, query[end - 3] == TYPE_A ? FORGED_V4 : FORGED_V6);
	if (trick == TRICK_WRONG_ID)
		p->bytes[0] ^= 0x55;
	if (trick == TRICK_WRONG_QUESTION)
		p->bytes[13] ^= 1;
	if (trick == TRICK_WRONG_SOURCE)
		send_from_elsewhere(p, to);
	else
		send_packet(in->fd, p, to);
}

static void play(struct nameserver_inside *in, const uint8_t *query, const struct sockaddr_in *to,
		 enum trick trick)
{
	if (trick == TRICK_WRONG_ID || trick == TRICK_WRONG_QUESTION || trick == TRICK_WRONG_SOURCE)
		forge(in, query, to, trick);
	for (in->forged.len = 0; trick == TRICK_TINY && in->forged.len < 12; in->forged.len++)
		send_packet(in->fd, &in->forged, to);
	if (trick == TRICK_DUPLICATED) {
		send_packet(in->fd, &in->udp, to);
		send_packet(in->fd, &in->udp, to);
	}
}

static void hold(struct nameserver_inside *in, const uint8_t *query, size_t len,
		 const struct sockaddr_in *from)
{
	struct held *h = calloc(1, sizeof(*h));
	CHECK(len <= sizeof(h->query));
	h->from = *from;
	h->len = len;
	memcpy(h->query, query, len);
	h->next = in->held;
	in->held = h;
	atomic_fetch_add(&in->ns->held, 1);
}

static void serve_query(struct nameserver_inside *in, const uint8_t *query, size_t len,
			const struct sockaddr_in *from)
{
	char name[256];
	int type = query[read_question(query, name) - 3];
	const struct record *r = find(in->records, name);
	if (r->silent || r->silent_for == type)
		return;
	if (r->held_for == type && !in->released) {
		hold(in, query, len, from);
		return;
	}
	build(in, r, query, false, &in->udp);
	play(in, query, from, r->trick);
	send_packet(in->fd, &in->udp, from);
}

void nameserver_release(struct nameserver *ns)
{
	struct nameserver_inside *in = ns->inside;
	mutex_lock(&in->lock);
	in->released = true;
	for (struct held *h; (h = in->held);) {
		in->held = h->next;
		serve_query(in, h->query, h->len, &h->from);
		free(h);
	}
	mutex_unlock(&in->lock);
}

/* Answers what has come. */
static void drain_udp(struct nameserver_inside *in)
{
	uint8_t query[512];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n;
	mutex_lock(&in->lock);
	while ((n = recvfrom(in->fd, query, sizeof(query), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &len)) >= 12) {
		atomic_fetch_add(&in->ns->queries, 1);
		serve_query(in, query, (size_t)n, &from);
		len = sizeof(from);
	}
	mutex_unlock(&in->lock);
}

static int serve_udp(void *arg)
{
	struct nameserver_inside *in = arg;
	for (;;) {
		CHECK_LE(0, fd_wait(in->fd, FD_READ, NEVER));
		drain_udp(in);
		if (atomic_load(&in->closing))
			return 0;
	}
}

/* --- TCP --- */

static void serve_conn(struct nameserver_inside *in, struct conn *conn)
{
	uint8_t query[1024];
	size_t len = 0;
	while (len < 2 || len < 2u + (query[0] << 8 | query[1])) {
		ssize_t n = conn_read(conn, query + len, 1);
		if (n <= 0)
			return;
		len += (size_t)n;
	}
	static struct packet p; /* one connection at a time */
	char name[256];
	atomic_fetch_add(&in->ns->tcp_queries, 1);
	read_question(query + 2, name);
	const struct record *r = find(in->records, name);
	if (r->silent)
		return;
	mutex_lock(&in->lock);
	build(in, r, query + 2, true, &p);
	mutex_unlock(&in->lock);
	size_t said = r->trick == TRICK_CUT && p.bytes[7] > 0 ? p.len + 5 : p.len;
	uint8_t size[2] = { (uint8_t)(said >> 8), (uint8_t)said };
	if (conn_write(conn, size, 2) == 2 && conn_write(conn, p.bytes, p.len) > 0 &&
	    r->trick != TRICK_CUT)
		(void)!conn_read(conn, query, 1); /* until the client closes */
}

static int serve_tcp(void *arg)
{
	struct nameserver_inside *in = arg;
	for (;;) {
		struct conn *conn;
		CHECK_OK(listener_accept(in->listener, &conn));
		if (!atomic_load(&in->closing))
			serve_conn(in, conn);
		conn_close(conn);
		if (atomic_load(&in->closing))
			return 0;
	}
}

/* Both on one port. With port 0 the kernel chooses one for the listener, which may be taken for datagrams. */
static void listen_on(struct nameserver_inside *in, struct sockaddr_in *addr)
{
	in->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int tries = 0; tries < 100; tries++) {
		struct sockaddr_in at = *addr;
		socklen_t len = sizeof(at);
		CHECK_OK(listener_open((struct sockaddr *)&at, sizeof(at), 16, &in->listener));
		memcpy(&at, listener_addr(in->listener, &len), sizeof(at));
		if (bind(in->fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
			*addr = at;
			return;
		}
		listener_close(in->listener);
	}
	test_fail("no port is free for both");
}

struct nameserver *nameserver_open(const struct record *records)
{
	return nameserver_open_at(records, "127.0.0.1", 0);
}

struct nameserver *nameserver_open_at(const struct record *records, const char *address,
				      uint16_t port)
{
	struct nameserver *ns = calloc(1, sizeof(*ns));
	struct nameserver_inside *in = ns->inside = calloc(1, sizeof(*in));
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	CHECK_EQ(inet_pton(AF_INET, address, &addr.sin_addr), 1);
	in->ns = ns;
	in->records = records;
	listen_on(in, &addr);
	ns->port = ntohs(addr.sin_port);
	snprintf(ns->address, sizeof(ns->address), "%s:%u", address, ns->port);
	in->group = errgroup_new(context_background());
	errgroup_go(in->group, serve_udp, in);
	errgroup_go(in->group, serve_tcp, in);
	return ns;
}

/* A datagram and a connection of our own wake the two. */
void nameserver_close(struct nameserver *ns)
{
	struct nameserver_inside *in = ns->inside;
	socklen_t len;
	struct conn *conn;
	const struct sockaddr *addr = listener_addr(in->listener, &len);
	atomic_store(&in->closing, true);
	CHECK(sendto(in->fd, "", 0, 0, addr, len) == 0);
	CHECK_OK(conn_dial(addr, len, NEVER, &conn));
	conn_close(conn);
	CHECK_EQ(errgroup_wait(in->group), 0);
	fd_wait_end(in->fd);
	close(in->fd);
	listener_close(in->listener);
	for (struct held *h; (h = in->held); free(h))
		in->held = h->next;
	free(in);
	free(ns);
}
