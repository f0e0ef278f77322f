/* SPDX-License-Identifier: MIT
 *
 * expect: no member named .tx
 */
#include "runtime/select.h"

CHAN_OF(int, some_chan);

void check(some_chan c);
void check(some_chan c)
{
#ifdef WRONG
	chan_try_send(c.as_rx, 1);
#else
	chan_try_send(c.as_tx, 1);
#endif
}
