/* SPDX-License-Identifier: MIT
 *
 * expect: narrowed to the channel's element type
 */
#include "runtime/select.h"

CHAN_OF(char, some_chan);

void check(some_chan c, long v);
void check(some_chan c, long v)
{
#ifdef WRONG
	chan_send(c, v);
#else
	chan_send(c, (char)v);
#endif
}
