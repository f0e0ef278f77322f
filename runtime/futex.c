/* SPDX-License-Identifier: MIT
 *
 * futex: FUTEX_WAIT_BITSET because it takes an absolute time of the monotonic clock, the one that all deadlines are given in.
 */
#include "runtime/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base.h"

void futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
	struct timespec ts = { .tv_sec = deadline_ns / SECOND, .tv_nsec = deadline_ns % SECOND };
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected,
		deadline_ns == NEVER ? NULL : &ts, NULL, FUTEX_BITSET_MATCH_ANY);
}

void futex_wake(_Atomic uint32_t *word, int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}
