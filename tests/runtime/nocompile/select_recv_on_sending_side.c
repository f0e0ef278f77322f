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
	struct select_case cases[] = { on_recv(c.as_tx, NULL) };
	select_wait(cases);
#else
	struct select_case cases[] = { on_recv(c.as_rx, NULL) };
	select_wait(cases);
#endif
}
