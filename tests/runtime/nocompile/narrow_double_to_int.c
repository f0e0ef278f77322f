/* SPDX-License-Identifier: MIT
 *
 * expect: narrowed to the channel's element type
 */
#include "runtime/select.h"

CHAN_OF(int, some_chan);

void check(some_chan c, double v);
void check(some_chan c, double v)
{
#ifdef WRONG
	chan_send(c, v);
#else
	chan_send(c, (int)v);
#endif
}
