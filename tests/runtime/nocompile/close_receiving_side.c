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
	chan_close(c.as_rx);
#else
	chan_close(c.as_tx);
#endif
}
