/* SPDX-License-Identifier: MIT
 *
 * nsd: see nsd.h. nsd can't choose a port by itself and tell: so one that is free is looked for, outside of
 * the range from which the kernel gives others theirs; and when somebody was quicker, another.
 */
#include "tests/client/nsd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/net.h"
#include "runtime/rand.h"
#include "tests/client/packet.h"
#include "tests/harness.h"

static const char script[] = "PATH=$PATH:/usr/sbin\n"
			     "nsd -d -c nsd.conf >out 2>&1 &\n"
			     "read nothing\n"
			     "kill $! 2>out; wait\n"
			     "rm -rf \"$PWD\"\n";

static const char settings[] = "server:\n"
			       "\tip-address: 127.0.0.1@%u\n"
			       "\tusername: \"\"\n"
			       "\tchroot: \"\"\n"
			       "\tpidfile: \"\"\n"
			       "\tdatabase: \"\"\n"
			       "\tzonesdir: \"%s\"\n"
			       "\tzonelistfile: \"%s/list\"\n"
			       "\txfrdfile: \"%s/xfrd\"\n"
			       "\txfrdir: \"%s\"\n"
			       "\tserver-count: 1\n"
			       "\tdo-ip6: no\n"
			       "\trrl-ratelimit: 0\n"
			       "remote-control:\n"
			       "\tcontrol-enable: no\n"
			       "zone:\n"
			       "\tname: %s\n"
			       "\tzonefile: zone\n";

static void write_text(const struct nsd *nsd, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", nsd->folder, name);
	FILE *f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void write_files(const struct nsd *nsd, const char *zone, const char *records)
{
	char text[1024], *zone_text;
	const char *d = nsd->folder;
	snprintf(text, sizeof(text), settings, nsd->port, d, d, d, d, zone);
	write_text(nsd, "nsd.conf", text);
	CHECK(asprintf(&zone_text, "$ORIGIN %s.\n$TTL 60\n%s", zone, records) > 0);
	write_text(nsd, "zone", zone_text);
	free(zone_text);
}

static bool can_bind(int type, uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	bool bound = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
	close(fd);
	return bound;
}

static uint16_t free_port(void)
{
	uint16_t port;
	do
		port = (uint16_t)(10000 + rand_below(22000));
	while (!can_bind(SOCK_STREAM, port) || !can_bind(SOCK_DGRAM, port));
	return port;
}

static void start(struct nsd *nsd)
{
	int ends[2];
	char *argv[] = { "sh", "-c", (char *)(uintptr_t)script, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none; /* threads of goroutines block nearly all signals */
	sigemptyset(&none);
	CHECK(posix_spawnattr_init(&attr) == 0);
	CHECK(posix_spawnattr_setsigmask(&attr, &none) == 0);
	CHECK(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK) == 0);
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	CHECK(posix_spawn_file_actions_init(&actions) == 0);
	CHECK(posix_spawn_file_actions_adddup2(&actions, ends[0], 0) == 0);
	CHECK(posix_spawn_file_actions_addchdir_np(&actions, nsd->folder) == 0);
	CHECK_EQ(posix_spawn(&nsd->pid, "/bin/sh", &actions, &attr, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	close(ends[0]);
	nsd->lifeline = ends[1];
}

/* It has answered for its zone: an authoritative answer without error. */
static bool has_answered(int fd)
{
	uint8_t answer[512];
	int ready = fd_wait(fd, FD_READ, clock_now() + 20 * MILLISECOND);
	return ready > 0 && recv(fd, answer, sizeof(answer), MSG_DONTWAIT) >= 12 &&
	       answer[2] & 0x04 && (answer[3] & 0x0f) == 0;
}

/* False: somebody else has the port, or nsd doesn't come up. */
static bool answers(const struct nsd *nsd, const char *zone)
{
	static struct packet query;
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(nsd->port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int64_t give_up = clock_now() + 8 * SECOND;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool answered = false;
	packet_begin(&query, zone, TYPE_SOA);
	query.bytes[2] = query.bytes[3] = 0;
	CHECK(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	while (!answered && clock_now() < give_up) {
		if (send(fd, query.bytes, query.len, 0) < 0)
			goroutine_sleep(5 * MILLISECOND); /* nobody is there yet */
		else
			answered = has_answered(fd);
	}
	fd_wait_end(fd);
	close(fd);
	return answered;
}

static void stop(struct nsd *nsd)
{
	close(nsd->lifeline);
	while (waitpid(nsd->pid, NULL, WNOHANG) == 0)
		goroutine_sleep(MILLISECOND);
}

struct nsd *nsd_open(const char *zone, const char *records)
{
	struct nsd *nsd = calloc(1, sizeof(*nsd));
	for (int i = 0; i < 3; i++) {
		snprintf(nsd->folder, sizeof(nsd->folder), "/tmp/fetchd-nsd-XXXXXX");
		CHECK(mkdtemp(nsd->folder) != NULL);
		nsd->port = free_port();
		snprintf(nsd->address, sizeof(nsd->address), "127.0.0.1:%u", nsd->port);
		write_files(nsd, zone, records);
		start(nsd);
		if (answers(nsd, zone))
			return nsd;
		stop(nsd);
	}
	test_fail("nsd doesn't come up: is it installed (make deps-test)?");
}

void nsd_close(struct nsd *nsd)
{
	stop(nsd);
	free(nsd);
}
