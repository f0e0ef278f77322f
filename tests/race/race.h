/* SPDX-License-Identifier: MIT
 *
 * race: tests of the race detector's build (MODE=race): a race that must be reported, or a correct program that must not.
 *
 *	RACE(name, first, second) { ... }	must be reported, with the functions first and second in the two stacks: `second`
 *						made the later access
 *	TEST_GO(name) { ... }			must run in silence (TSan ends the program at its first report)
 *
 * Nothing is left to luck: accesses come one after the other in time, by step(), which orders nothing: its atomics are relaxed, and
 * yielding promises nothing. So an edge that the runtime draws by mistake, or forgets, shows each time.
 */
#ifndef TESTS_RACE_RACE_H
#define TESTS_RACE_RACE_H

#include <stdatomic.h>

#include "runtime/goroutine.h"
#include "tests/harness.h"

#define RACE(name, first, second)                                           \
	TEST_GO_DIES(name, "WARNING: ThreadSanitizer: data race\n " #second \
			   " \nPrevious \n " #first " ")

/* What the races are about. */
extern int shared;

extern atomic_int race__steps;

/* Waits until n steps have been done. */
static inline void await(int n)
{
	while (atomic_load_explicit(&race__steps, memory_order_relaxed) < n)
		goroutine_yield();
}

/* Does one step; in a straight row of one goroutine, or of those that await each other's. */
static inline void step(void)
{
	atomic_fetch_add_explicit(&race__steps, 1, memory_order_relaxed);
}

/* Accesses with names of their own: functions that reports can be searched for. */
#define WRITES(name)                                     \
	static __attribute__((noinline)) void name(void) \
	{                                                \
		shared++;                                \
		__asm__ volatile("");                    \
	}

#endif
