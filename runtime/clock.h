/* SPDX-License-Identifier: MIT
 *
 * clock: the only file that reads the time. Any thread.
 */
#ifndef RUNTIME_CLOCK_H
#define RUNTIME_CLOCK_H

#include "runtime/base.h"

/* Nanoseconds of the monotonic clock. */
int64_t clock_now(void);

/* ns (>= 0) after `at`; NEVER if that is beyond the clock's end. */
static inline int64_t clock_after(int64_t at, int64_t ns)
{
	int64_t sum;
	return __builtin_add_overflow(at, ns, &sum) ? NEVER : sum;
}

/* Nanoseconds since 1970 of the wall clock: for people and records, never for a deadline. */
int64_t clock_wall(void);

/* Nanoseconds of CPU that this process has used, user and system. */
int64_t clock_cpu(void);

/* Sleeps this OS thread (not a goroutine: those use goroutine_sleep). */
void clock_sleep_thread(int64_t ns);

#endif
