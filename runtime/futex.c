/* SPDX-License-Identifier: MIT
 *
 * futex: FUTEX_WAIT_BITSET because it takes an absolute time of the monotonic clock, the one that all deadlines are given in.
 *
 * ThreadSanitizer holds a signal back until its thread makes a call that the sanitizer knows of. One that sleeps by a bare system call makes
 * none, so under it the thread that takes the signals (thread.h: the main one) wakes up now and then and makes one.
 */
#include "runtime/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base.h"
#include "runtime/clock.h"
#include "runtime/sanitizer.h"

static void sleep_on(_Atomic uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
	struct timespec ts = { .tv_sec = deadline_ns / SECOND, .tv_nsec = deadline_ns % SECOND };
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected,
		deadline_ns == NEVER ? NULL : &ts, NULL, FUTEX_BITSET_MATCH_ANY);
}

#ifdef HAVE_TSAN
#define SIGNALS_WAIT_NS (20 * MILLISECOND)

void futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
	bool takes_signals = gettid() == getpid();
	int64_t look_ns = takes_signals ? clock_now() + SIGNALS_WAIT_NS : NEVER;
	sleep_on(word, expected, deadline_ns < look_ns ? deadline_ns : look_ns);
	if (takes_signals)
		clock_sleep_thread(1);
}
#else
void futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
	sleep_on(word, expected, deadline_ns);
}
#endif

void futex_wake(_Atomic uint32_t *word, int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}
