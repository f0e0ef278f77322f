/* SPDX-License-Identifier: MIT
 *
 * expect: narrowed to the channel
 */
#include "runtime/select.h"

enum colour {
	RED,
	GREEN
};

CHAN_OF(signed char, some_chan);

void check(some_chan c, enum colour v);
void check(some_chan c, enum colour v)
{
#ifdef WRONG
	chan_send(c, v);
#else
	chan_send(c, (signed char)v);
#endif
}
