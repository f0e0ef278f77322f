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
	unsigned v;
	chan_try_recv(c, &v, NULL);
#else
	int v;
	chan_try_recv(c, &v, NULL);
#endif
}
