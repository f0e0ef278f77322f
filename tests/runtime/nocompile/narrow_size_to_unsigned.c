/* SPDX-License-Identifier: MIT
 *
 * expect: narrowed to the channel
 */
#include "runtime/select.h"

CHAN_OF(unsigned, some_chan);

void check(some_chan c, size_t v);
void check(some_chan c, size_t v)
{
#ifdef WRONG
	chan_send(c, v);
#else
	chan_send(c, (unsigned)v);
#endif
}
