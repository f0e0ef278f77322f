/* SPDX-License-Identifier: MIT
 *
 * expect: narrowed to the channel
 */
#include "runtime/select.h"

CHAN_OF(float, some_chan);

void check(some_chan c, long v);
void check(some_chan c, long v)
{
#ifdef WRONG
	chan_send(c, v);
#else
	chan_send(c, (float)v);
#endif
}
