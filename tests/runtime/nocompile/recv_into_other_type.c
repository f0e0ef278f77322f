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
	long v;
	chan_recv(c, &v);
#else
	int v;
	chan_recv(c, &v);
#endif
}
