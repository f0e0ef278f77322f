/* SPDX-License-Identifier: MIT
 *
 * clock: the only file that reads the time. Any thread.
 */
#ifndef RUNTIME_CLOCK_H
#define RUNTIME_CLOCK_H

#include <stdint.h>

/* Nanoseconds of the monotonic clock. */
int64_t clock_now(void);

/* Nanoseconds since 1970 of the wall clock: for people and records, never for a deadline. */
int64_t clock_wall(void);

/* Nanoseconds of CPU that this process has used, user and system. */
int64_t clock_cpu(void);

/* Sleeps this OS thread (not a goroutine: those use goroutine_sleep). */
void clock_sleep_thread(int64_t ns);

#endif
