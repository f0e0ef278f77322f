/* SPDX-License-Identifier: MIT
 *
 * expect: no member named .rx
 */
#include "runtime/select.h"

CHAN_OF(int, some_chan);

void check(some_chan c);
void check(some_chan c)
{
#ifdef WRONG
	chan_recv(c.as_tx, NULL);
#else
	chan_recv(c.as_rx, NULL);
#endif
}
