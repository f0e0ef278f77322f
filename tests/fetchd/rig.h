/* SPDX-License-Identifier: MIT
 *
 * rig: an engine with a real store in test_dir() and a real client that may go to loopback; the
 * store can be made to fail.
 *
 *	struct rig *r = rig_open(&(struct engine_options){ .max_in_flight = 8 });
 *	uint64_t id = rig_submit(r, "http://127.0.0.1:8080/ok\n");
 *	rig_wait_done(r, id);
 *	struct outcomes o = rig_outcomes(r, id); // each job has exactly one record
 *	rig_close(r, 0);
 */
#ifndef TESTS_FETCHD_RIG_H
#define TESTS_FETCHD_RIG_H

#include <stdatomic.h>

#include "src/fetchd/engine.h"
#include "tests/harness.h"

struct rig {
	struct store store; /* what the engine sees */
	struct store *real;
	struct policy *policy;
	struct client *client;
	struct engine *engine;
	_Atomic int fail_results, fail_reads; /* an errno to fail with; 0 = don't */
	_Atomic int failures;
};

struct rig *rig_open(const struct engine_options *o);
void rig_close(struct rig *r, int64_t grace_ns);

uint64_t rig_submit(struct rig *r, const char *text);
uint64_t rig_submit_with(struct rig *r, const char *text, const char *options);
/* n URLs with printf's format of one %d each, appended. */
void rig_urls(struct buf *b, uint32_t n, const char *format, int port);

void rig_wait_done(struct rig *r, uint64_t id);
void rig_wait_results(struct rig *r, uint64_t id, uint64_t more_than);
struct batch_status rig_status(struct rig *r, uint64_t id); /* without options */

struct outcomes {
	uint64_t jobs, fetched, failed, cancelled;
};
/* Reads all results of a finished batch; fails unless each index stands there once and the counts
 * agree. */
struct outcomes rig_outcomes(struct rig *r, uint64_t id);
/* All result lines. */
struct buf rig_results(struct rig *r, uint64_t id);

#define WAIT_FOR(cond)                                \
	do {                                          \
		while (!(cond))                       \
			goroutine_sleep(MILLISECOND); \
	} while (0)

#endif
