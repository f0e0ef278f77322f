/* SPDX-License-Identifier: MIT
 *
 * expect: tx
 */
#include "runtime/select.h"

CHAN_OF(int, some_chan);

void check(void);
void check(void)
{
#ifdef WRONG
	chan_unref(chan_make(some_chan_rx, 0));
#else
	chan_unref(chan_make(some_chan, 0));
#endif
}
