/* SPDX-License-Identifier: MIT
 *
 * expect: no member named .as_tx
 */
#include "runtime/select.h"

CHAN_OF(int, some_chan);

void check(some_chan_tx c);
void check(some_chan_tx c)
{
#ifdef WRONG
	chan_send(c.as_tx, 1);
#else
	chan_send(c, 1);
#endif
}
