/* SPDX-License-Identifier: MIT
 *
 * again: half a minute is what a restart may take, a state folder with large batches included.
 */
#include "src/fetchctl/again.h"

#include "runtime/clock.h"

#define PATIENCE (30 * SECOND)
#define PAUSE	 (100 * MILLISECOND)

bool again_try(struct again *a, bool gone)
{
	int64_t now = clock_now();
	if (!gone) {
		if (a->give_up_ns)
			progress_say(a->progress, "the daemon is back");
		a->give_up_ns = 0;
		a->seen = true;
		return false;
	}
	if (!a->seen)
		return false;
	if (!a->give_up_ns) {
		progress_say(a->progress,
			     "the daemon is gone; waiting up to 30 s for it to come back");
		a->give_up_ns = now + PATIENCE;
	}
	if (now >= a->give_up_ns)
		return false;
	clock_sleep_thread(PAUSE);
	return true;
}
