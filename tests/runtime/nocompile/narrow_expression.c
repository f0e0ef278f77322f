/* SPDX-License-Identifier: MIT
 *
 * expect: narrowed to the channel
 */
#include "runtime/select.h"

CHAN_OF(short, some_chan);

void check(some_chan c, short v);
void check(some_chan c, short v)
{
#ifdef WRONG
	chan_send(c, v + 1);
#else
	chan_send(c, (short)(v + 1));
#endif
}
