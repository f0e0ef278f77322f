/* SPDX-License-Identifier: MIT
 *
 * metrics: what the scheduler does, in numbers. Counted always (counter.h says at what cost), read whenever somebody asks.
 *
 *	struct runtime_metrics m;
 *	runtime_metrics_read(&m);
 *	printf("%jd goroutines wait\n", (intmax_t)m.waiting);
 *
 * The numbers are read one after the other while all goes on: sums of them may be off by what happened meanwhile.
 */
#ifndef RUNTIME_METRICS_H
#define RUNTIME_METRICS_H

#include "runtime/base.h"
#include "runtime/counter.h"

struct runtime_metrics {
	int64_t goroutines;		    /* alive */
	int64_t running, runnable, waiting; /* of those */
	int64_t created;		    /* ever */
	int64_t processors;		    /* GOMAXPROCS */
	int64_t threads, threads_running;   /* that run goroutines: made, and not asleep now */

	/* Since the start. Fields parks, steals, wakeups, handoffs, polls, poll_waits, poll_events, timers_fired. */
#define X(name, help) uint64_t name;
	COUNTERS(X)
#undef X

	/* How long goroutines that were measured waited to run: latency[i] of them for less than latency_bound_ns(i), and not less
	 * than the bound before; the last for longer. */
	uint64_t latency[LATENCY_BUCKETS];
	uint64_t latency_sum_ns;

	/* Memory of goroutines' stacks: of those alive, and of free ones kept for the next. */
	int64_t stack_bytes_in_use, stack_bytes_free;
};

/* Any thread. The stacks cost a system call for each that was ever needed at once: a few milliseconds a thousand. */
void runtime_metrics_read(struct runtime_metrics *ret_metrics);

#endif
