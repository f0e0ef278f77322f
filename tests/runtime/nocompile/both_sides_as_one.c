/* SPDX-License-Identifier: MIT
 *
 * expect: incompatible type
 */
#include "runtime/select.h"

CHAN_OF(int, some_chan);

void take(some_chan_rx c);

void check(some_chan c);
void check(some_chan c)
{
#ifdef WRONG
	take(c);
#else
	take(c.as_rx);
#endif
}
