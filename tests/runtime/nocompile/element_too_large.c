/* SPDX-License-Identifier: MIT
 *
 * expect: element too large
 */
#include "runtime/select.h"

CHAN_OF(
	struct { char bytes[65536]; }, some_chan);

void check(void);
void check(void)
{
#ifdef WRONG
	CHAN_OF(
		struct { char bytes[65537]; }, large_chan);
	chan_unref(chan_make(large_chan, 0));
#else
	chan_unref(chan_make(some_chan, 0));
#endif
}
