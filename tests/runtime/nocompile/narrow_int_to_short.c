/* SPDX-License-Identifier: MIT
 *
 * expect: narrowed to the channel's element type
 */
#include "runtime/select.h"

CHAN_OF(short, some_chan);

void check(some_chan c, int v);
void check(some_chan c, int v)
{
#ifdef WRONG
	chan_send(c, v);
#else
	chan_send(c, (short)v);
#endif
}
