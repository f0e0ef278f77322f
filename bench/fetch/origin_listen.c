/* SPDX-License-Identifier: MIT
 *
 * origin, the listening sockets. They are made before the runtime starts, on a plain thread, so
 * that several processes can share them (fork with a runtime's threads would not do).
 */
#include "bench/fetch/origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

/* net.core.somaxconn of Linux: a burst of 10,000 dials finds room on 16 addresses. */
#define BACKLOG 4096
/* At a port that is free on all addresses. */
#define ATTEMPTS 32

/* A listening socket on 127.0.0.<host>, or -1. */
static int listen_one(uint32_t host, uint16_t port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl((127u << 24) + host),
	};
	int one = 1; /* what is accepted inherits TCP_NODELAY */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in addr = { 0 };
	socklen_t len = sizeof(addr);
	(void)getsockname(fd, (struct sockaddr *)&addr, &len);
	return ntohs(addr.sin_port);
}

/* All addresses on one port; *port as in listen_on. */
static bool listen_all(uint32_t addrs, uint16_t *port, int *ret_fds)
{
	uint16_t p = *port;
	for (uint32_t i = 0; i < addrs; i++) {
		ret_fds[i] = listen_one(i + 1, p);
		if (ret_fds[i] < 0) {
			while (i > 0)
				close(ret_fds[--i]);
			return false;
		}
		p = port_of(ret_fds[i]);
	}
	*port = p;
	return true;
}

bool listen_on(uint32_t addrs, uint16_t *port, int *ret_fds)
{
	for (int attempt = 0; attempt < (*port ? 1 : ATTEMPTS); attempt++)
		if (listen_all(addrs, port, ret_fds))
			return true;
	perror("origin: listen");
	return false;
}
