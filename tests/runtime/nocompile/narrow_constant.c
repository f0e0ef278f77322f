/* SPDX-License-Identifier: MIT
 *
 * expect: changes value|narrowed
 */
#include "runtime/select.h"

CHAN_OF(unsigned char, some_chan);

void check(some_chan c);
void check(some_chan c)
{
#ifdef WRONG
	chan_send(c, 256);
#else
	chan_send(c, 255);
#endif
}
