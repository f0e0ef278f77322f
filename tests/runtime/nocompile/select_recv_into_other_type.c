/* SPDX-License-Identifier: MIT
 *
 * expect: pointer type mismatch
 */
#include "runtime/select.h"

CHAN_OF(int, some_chan);

void check(some_chan c);
void check(some_chan c)
{
#ifdef WRONG
	short v;
	struct select_case cases[] = { on_recv(c, &v) };
	select_wait(cases);
#else
	int v;
	struct select_case cases[] = { on_recv(c, &v) };
	select_wait(cases);
#endif
}
