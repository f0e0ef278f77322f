/* SPDX-License-Identifier: MIT */
#include "tests/fetchd/farm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness.h"

struct farmhand {
	struct farm *farm;
	struct conn *conn;
	struct farmhand *next;
	int host;
	char head[2048];
	size_t len;
};

/* ---- one connection ---- */

/* False at its end. */
static bool read_head(struct farmhand *h)
{
	h->len = 0;
	for (;;) {
		ssize_t n = conn_read(h->conn, h->head + h->len, sizeof(h->head) - 1 - h->len);
		if (n <= 0)
			return false;
		h->len += (size_t)n;
		h->head[h->len] = '\0';
		if (strstr(h->head, "\r\n\r\n") != NULL)
			return true;
	}
}

static bool answer(struct farmhand *h, int status, size_t bytes, const char *body)
{
	char head[128];
	int len = snprintf(head, sizeof(head), "HTTP/1.1 %d x\r\nContent-Length: %zu\r\n\r\n",
			   status, bytes);
	if (conn_write(h->conn, head, (size_t)len) != len)
		return false;
	if (strncmp(h->head, "HEAD ", 5) == 0)
		return true;
	if (body != NULL)
		return conn_write(h->conn, body, bytes) == (ssize_t)bytes;
	char fill[4096];
	memset(fill, 'x', sizeof(fill));
	for (size_t n; bytes > 0; bytes -= n) {
		n = bytes < sizeof(fill) ? bytes : sizeof(fill);
		if (conn_write(h->conn, fill, n) != (ssize_t)n)
			return false;
	}
	return true;
}

static void raise_most(_Atomic int *most, int now)
{
	int before = atomic_load(most);
	while (before < now && !atomic_compare_exchange_weak(most, &before, now))
		;
}

static void begin(struct farm *f, int host)
{
	raise_most(&f->most[host], atomic_fetch_add(&f->running[host], 1) + 1);
	raise_most(&f->most_all, atomic_fetch_add(&f->running_all, 1) + 1);
}

static void end(struct farm *f, int host)
{
	atomic_fetch_sub(&f->running[host], 1);
	atomic_fetch_sub(&f->running_all, 1);
	atomic_fetch_add(&f->requests, 1);
}

static bool reply(struct farmhand *h)
{
	struct farm *f = h->farm;
	const char *path = strchr(h->head, ' ') + 1;
	begin(f, h->host);
	if (strncmp(path, "/gate", 5) == 0) {
		atomic_fetch_add(&f->at_gate, 1);
		chan_recv(f->gate, NULL);
		atomic_fetch_sub(&f->at_gate, 1);
	}
	end(f, h->host); /* before the answer: the client may begin its next request on it */
	if (strncmp(path, "/n/", 3) == 0)
		return answer(h, 200, strtoul(path + 3, NULL, 10), NULL);
	return answer(h, strncmp(path, "/status/", 8) == 0 ? atoi(path + 8) : 200, 2, "ok");
}

/* Hands stay listed until the farm is gone. */
static int serve(void *hand)
{
	struct farmhand *h = hand;
	while (read_head(h) && reply(h))
		;
	conn_shutdown_write(h->conn);
	return 0;
}

static int local_host(struct conn *c)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	if (getsockname(conn_fd(c), (struct sockaddr *)&addr, &len) != 0)
		return 0;
	return (int)(ntohl(addr.sin_addr.s_addr) % FARM_HOSTS);
}

/* ---- the farm ---- */

static int accept_all(void *farm)
{
	struct farm *f = farm;
	struct conn *c;
	while (listener_accept(f->listener, &c) == 0) {
		struct farmhand *h = calloc(1, sizeof(*h));
		*h = (struct farmhand){ .farm = f, .conn = c, .host = local_host(c) };
		lock_acquire(&f->lock);
		h->next = f->hands;
		f->hands = h;
		lock_release(&f->lock);
		errgroup_go(f->group, serve, h);
	}
	return 0;
}

struct farm *farm_open(void)
{
	struct farm *f = calloc(1, sizeof(*f));
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY) };
	CHECK_OK(listener_open((struct sockaddr *)&addr, sizeof(addr), 1024, &f->listener));
	socklen_t len;
	f->port = ntohs(((const struct sockaddr_in *)(const void *)listener_addr(f->listener, &len))
				->sin_port);
	f->gate = chan_make(done_chan, 0);
	f->group = errgroup_new(NULL);
	errgroup_go(f->group, accept_all, f);
	return f;
}

void farm_open_gate(struct farm *f)
{
	chan_close(f->gate);
}

void farm_close(struct farm *f)
{
	if (!chan_try_recv(f->gate, NULL, NULL))
		farm_open_gate(f);
	listener_interrupt(f->listener, -ECANCELED);
	lock_acquire(&f->lock);
	for (struct farmhand *h = f->hands; h != NULL; h = h->next)
		conn_interrupt(h->conn, -ECANCELED);
	lock_release(&f->lock);
	CHECK_EQ(errgroup_wait(f->group), 0);
	for (struct farmhand *h = f->hands, *next; h != NULL; h = next) {
		next = h->next;
		conn_close(h->conn);
		free(h);
	}
	listener_close(f->listener);
	chan_unref(f->gate);
	free(f);
}
