/* SPDX-License-Identifier: MIT
 *
 * fetchbench: what its two halves share: the options (fetchbench.c), and the run with its counts
 * (fetchbench_load.c).
 */
#ifndef BENCH_FETCHBENCH_H
#define BENCH_FETCHBENCH_H

#include <stdatomic.h>

#include "src/client/client.h"

#define STATUS_MAX 1000

struct load_options {
	const char *url;
	uint64_t n;	    /* requests in all */
	uint32_t in_flight; /* at most so many at once */
	uint32_t hosts;	    /* 127.0.0.1 stands for 127.0.0.1 to 127.0.0.<hosts>, in turn */
	int64_t timeout_ns; /* of one request */
	bool no_keepalive, no_resume, insecure;
	const char *ca_file;
	const char *proxy; /* NULL = none */
};

/* Counts are of whole runs; every request ends in exactly one of ok, errors[] and statuses[]. */
struct load_result {
	_Atomic uint64_t ok; /* whole answers with a status below 400 */
	_Atomic uint64_t bytes;
	_Atomic uint64_t errors[FETCH_ERRORS_LEN];
	_Atomic uint64_t statuses[STATUS_MAX]; /* whole answers with a status of 400 and more */
	int64_t wall_ns;
	struct client_stats client;
};

/* Runs it all; parks. 0, or -errno after a message on stderr. Goroutine only. */
int load_run(const struct load_options *o, struct load_result *ret) MUST_USE;

#endif
