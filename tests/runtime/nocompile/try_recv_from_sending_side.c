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
	chan_try_recv(c.as_tx, NULL, NULL);
#else
	chan_try_recv(c.as_rx, NULL, NULL);
#endif
}
