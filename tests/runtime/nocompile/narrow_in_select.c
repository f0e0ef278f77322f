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
	struct select_case cases[] = { on_send(c, v) };
	select_wait(cases);
#else
	struct select_case cases[] = { on_send(c, (char)v) };
	select_wait(cases);
#endif
}
