/* SPDX-License-Identifier: MIT
 *
 * counter: what the scheduler counts, always. One table: the enum here, the fields of metrics.h and the names that a program exports come
 * from it. Any floor.
 *
 * Each processor has a set of its own, written by its owner alone with plain stores; threads without a processor share one that is
 * counted in atomically. Only the sum has a meaning. Counting so costs a load and a store of a line that the owner has anyway.
 *
 * The histogram is of the time from runnable to running, as Go's /sched/latencies. One goroutine in some 500 dispatches is timed: two
 * looks at the clock for that many switches. Its buckets are powers of two: bucket i holds what is below latency_bound_ns(i), the last all else.
 */
#ifndef RUNTIME_COUNTER_H
#define RUNTIME_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* X(name, help) */
#define COUNTERS(X)                                                           \
	X(parks, "Times a goroutine parked.")                                 \
	X(steals, "Times a processor took goroutines from another's queue.")  \
	X(wakeups, "Sleeping threads woken to run goroutines.")               \
	X(handoffs, "Processors taken from a thread that was kept too long.") \
	X(polls, "Looks at the netpoller without waiting.")                   \
	X(poll_waits, "Times a thread slept in the netpoller.")               \
	X(poll_events, "Reports of readiness that the netpoller brought.")    \
	X(timers_fired, "Timers that fired.")

#define X(name, help) COUNT_##name,
enum counter {
	COUNTERS(X) COUNTER_COUNT
};
#undef X

#define LATENCY_FIRST_BIT 8 /* 256 ns */
#define LATENCY_BUCKETS	  28

struct counters {
	_Atomic uint64_t count[COUNTER_COUNT];
	_Atomic uint64_t latency[LATENCY_BUCKETS];
	_Atomic uint64_t latency_sum_ns;
};

/* By the one writer. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline int64_t latency_bound_ns(int bucket)
{
	return INT64_C(1) << (LATENCY_FIRST_BIT + bucket);
}

static inline int latency_bucket(int64_t ns)
{
	int bit = ns <= 0 ? 0 : 64 - __builtin_clzll((uint64_t)ns);
	int bucket = bit - LATENCY_FIRST_BIT;
	return bucket < 0 ? 0 : bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

static inline void latency_add(struct counters *c, int64_t ns)
{
	counter_add(&c->latency[latency_bucket(ns)], 1);
	counter_add(&c->latency_sum_ns, ns > 0 ? (uint64_t)ns : 0);
}

#endif
