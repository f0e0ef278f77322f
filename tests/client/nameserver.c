/* SPDX-License-Identifier: MIT
 *
 * nameserver: answers are built from the question as it came (RFC 1035 §4), names compressed to
 * pointers where they repeat.
 */
#include "tests/client/nameserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/errgroup.h"
#include "runtime/goroutine.h"
#include "runtime/net.h"
#include "tests/harness.h"

enum {
	TYPE_A = 1,
	TYPE_CNAME = 5,
	TYPE_AAAA = 28
};

struct nameserver_inside {
	struct nameserver *ns;
	const struct record *records;
	int fd;
	struct listener *listener;
	struct errgroup *group;
	_Atomic bool closing;
};

struct packet {
	uint8_t bytes[1024];
	size_t len;
};

static void put16(struct packet *p, unsigned v)
{
	p->bytes[p->len++] = (uint8_t)(v >> 8);
	p->bytes[p->len++] = (uint8_t)v;
}

static void put_name(struct packet *p, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");
		p->bytes[p->len++] = (uint8_t)n;
		memcpy(p->bytes + p->len, name, n);
		p->len += n;
		name += n + (name[n] == '.');
	}
	p->bytes[p->len++] = 0;
}

static void put_record(struct packet *p, const char *name, int type, uint32_t ttl, const void *data,
		       size_t len)
{
	put_name(p, name);
	put16(p, (unsigned)type);
	put16(p, 1);
	put16(p, ttl >> 16);
	put16(p, ttl & 0xffff);
	put16(p, (unsigned)len);
	memcpy(p->bytes + p->len, data, len);
	p->len += len;
	p->bytes[7]++;
}

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
	uint8_t addr[16];
	for (const struct record *r = records; r->name; r++) {
		if (!matches(r, name))
			continue;
		if (r->cname) {
			struct packet target = { .len = 0 };
			put_name(&target, r->cname);
			put_record(p, name, TYPE_CNAME, r->ttl, target.bytes, target.len);
			put_answers(p, records, r->cname, type);
		}
		if (type == TYPE_A && r->v4 && inet_pton(AF_INET, r->v4, addr) == 1)
			put_record(p, name, type, r->ttl, addr, 4);
		if (type == TYPE_AAAA && r->v6 && inet_pton(AF_INET6, r->v6, addr) == 1)
			put_record(p, name, type, r->ttl, addr, 16);
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

/* False: no answer. */
static bool answer(struct nameserver_inside *in, const uint8_t *query, bool tcp, struct packet *p)
{
	char name[256];
	size_t end = read_question(query, name);
	const struct record *r = in->records;
	while (r->name && !matches(r, name))
		r++;
	if (r->name && r->silent)
		return false;
	memcpy(p->bytes, query, end);
	p->len = end;
	bool truncated = r->name && r->truncated && !tcp;
	p->bytes[2] = (uint8_t)(0x84 | (truncated ? 2 : 0));
	p->bytes[3] = (uint8_t)(0x80 | (r->name ? r->rcode : 3));
	p->bytes[4] = 0, p->bytes[5] = 1;
	memset(p->bytes + 6, 0, 6);
	if (!truncated && r->name && !r->rcode)
		put_answers(p, in->records, name, query[end - 3]);
	return true;
}

/* Answers what has come. */
static void drain_udp(struct nameserver_inside *in)
{
	uint8_t query[1024];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct packet p;
	while (recvfrom(in->fd, query, sizeof(query), MSG_DONTWAIT, (struct sockaddr *)&from,
			&len) >= 12) {
		atomic_fetch_add(&in->ns->queries, 1);
		if (answer(in, query, false, &p))
			(void)!sendto(in->fd, p.bytes, p.len, 0, (struct sockaddr *)&from, len);
		len = sizeof(from);
	}
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
	struct packet p;
	atomic_fetch_add(&in->ns->tcp_queries, 1);
	if (!answer(in, query + 2, true, &p))
		return;
	uint8_t size[2] = { (uint8_t)(p.len >> 8), (uint8_t)p.len };
	if (conn_write(conn, size, 2) == 2 && conn_write(conn, p.bytes, p.len) > 0)
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

struct nameserver *nameserver_open(const struct record *records)
{
	struct nameserver *ns = calloc(1, sizeof(*ns));
	struct nameserver_inside *in = ns->inside = calloc(1, sizeof(*in));
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	in->ns = ns;
	in->records = records;
	CHECK_OK(listener_open((struct sockaddr *)&addr, sizeof(addr), 16, &in->listener));
	memcpy(&addr, listener_addr(in->listener, &len), sizeof(addr));
	in->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(bind(in->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	snprintf(ns->address, sizeof(ns->address), "127.0.0.1:%u", ntohs(addr.sin_port));
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
	free(in);
	free(ns);
}
