/* SPDX-License-Identifier: MIT
 *
 * expect: int-conversion
 */
#include "runtime/select.h"

CHAN_OF(int, some_chan);

void check(some_chan c, int *p);
void check(some_chan c, int *p)
{
#ifdef WRONG
	chan_send(c, p);
#else
	chan_send(c, *p);
#endif
}
