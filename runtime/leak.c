/* SPDX-License-Identifier: MIT
 *
 * leak: see leak.h. Sleeps between its looks, longer and longer: a goroutine that ends needs a processor, which the caller's looking would keep.
 */
#include "runtime/leak.h"

#include "runtime/clock.h"
#include "runtime/dump.h"
#include "runtime/goroutine.h"

#define PAUSE_MAX_NS (10 * MILLISECOND)

static void settle(void)
{
	int64_t until_ns = clock_now() + LEAK_SETTLE_NS;
	for (int64_t pause_ns = 0; goroutine_count() > 1 && clock_now() < until_ns;) {
		if (pause_ns == 0)
			goroutine_yield();
		else
			goroutine_sleep(pause_ns);
		pause_ns = pause_ns * 2 + 10 * MICROSECOND;
		if (pause_ns > PAUSE_MAX_NS)
			pause_ns = PAUSE_MAX_NS;
	}
}

int64_t leak_check(int fd)
{
	settle();
	int64_t left = goroutine_count() - 1;
	if (left > 0 && goroutine_dump_counts(fd) != 0)
		goroutine_dump(fd);
	return left;
}
