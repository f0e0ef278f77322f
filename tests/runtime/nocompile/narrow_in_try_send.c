/* SPDX-License-Identifier: MIT
 *
 * expect: narrowed to the channel's element type
 */
#include "runtime/select.h"

CHAN_OF(char, some_chan);

void check(some_chan c, int v);
void check(some_chan c, int v)
{
#ifdef WRONG
	chan_try_send(c, v);
#else
	chan_try_send(c, (char)v);
#endif
}
