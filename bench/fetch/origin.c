/* SPDX-License-Identifier: MIT
 *
 * origin: an HTTP/1.1 server for benchmarks and scenarios, on the runtime: holds 10,000
 * connections, delays answers when asked.
 *
 *	origin --port P [--addrs K] [--procs N]
 *	port 41234	(on stdout once it listens: P, or what it picked for --port 0)
 *
 * Listens on 127.0.0.1 to 127.0.0.K and nowhere else. One process is bounded by its descriptors;
 * --procs N starts N that share the sockets. Ends on SIGTERM and SIGINT, its processes with it.
 * origin_answer.c has the routes.
 */
#include "bench/fetch/origin.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/goroutine.h"
#include "runtime/signal.h"
#include "src/common/exit.h"

#define MAX_ADDRS 254
#define MAX_PROCS 64

static const char usage_text[] = "usage: origin --port P [--addrs K] [--procs N]\n";

struct settings {
	uint16_t port;
	bool port_given;
	uint32_t addrs, procs;
};

/* Written before the runtime starts, then only read. */
static int fds[MAX_ADDRS];
static uint32_t fds_len;

static uint64_t number(const char *text, uint64_t min, uint64_t max)
{
	uint64_t v;
	if (str_parse_u64(str_of(text), max, &v) == 0 && v >= min)
		return v;
	fprintf(stderr, "origin: %s: want a number from %llu to %llu\n", text,
		(unsigned long long)min, (unsigned long long)max);
	exit(EXIT_USAGE);
}

static struct settings parse_settings(int argc, char **argv)
{
	static const struct option table[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "addrs", required_argument, NULL, 'a' },
		{ "procs", required_argument, NULL, 'n' },
		{ 0 },
	};
	struct settings s = { .addrs = 1, .procs = 1 };
	int id;
	while ((id = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (id == 'p') {
			s.port = (uint16_t)number(optarg, 0, 65535);
			s.port_given = true;
		} else if (id == 'a') {
			s.addrs = (uint32_t)number(optarg, 1, MAX_ADDRS);
		} else if (id == 'n') {
			s.procs = (uint32_t)number(optarg, 1, MAX_PROCS);
		} else {
			break;
		}
	}
	if (id != -1 || optind != argc || !s.port_given) {
		fputs(usage_text, stderr);
		exit(EXIT_USAGE);
	}
	return s;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Serves until a signal says stop. Connections end with the process. */
static int start(int argc, char **argv)
{
	(void)argc, (void)argv;
	signal_chan stop = chan_make(signal_chan, 1);
	signal_notify(stop, SIGTERM, SIGINT, 0);
	for (uint32_t i = 0; i < fds_len; i++)
		go_with(serve, (struct serve_args){ .fd = fds[i] });
	chan_recv(stop, NULL);
	chan_unref(stop);
	return 0;
}

/* Further processes; true in the first one. They end when it does. */
static bool fork_others(uint32_t procs, pid_t *pids)
{
	for (uint32_t i = 1; i < procs; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
			return false;
		}
		if (pids[i] < 0)
			perror("origin: fork");
	}
	return true;
}

int main(int argc, char **argv)
{
	struct settings s = parse_settings(argc, argv);
	pid_t pids[MAX_PROCS] = { 0 };
	raise_descriptor_limit();
	answer_init();
	if (!listen_on(s.addrs, &s.port, fds))
		return EXIT_SYSTEM;
	fds_len = s.addrs;
	bool first = fork_others(s.procs, pids);
	if (first) {
		printf("port %u\n", s.port);
		fflush(stdout);
	}
	int result = runtime_main(start, argc, argv);
	for (uint32_t i = 1; first && i < s.procs; i++) {
		if (pids[i] > 0 && kill(pids[i], SIGTERM) == 0)
			(void)waitpid(pids[i], NULL, 0);
	}
	_exit(result); /* connections were open: what they hold is no leak to report */
}
