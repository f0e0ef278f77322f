/* SPDX-License-Identifier: MIT
 *
 * expect: braces
 */
#include "runtime/select.h"

struct point {
	int x, y;
};

CHAN_OF(struct point, some_chan);

void check(some_chan c);
void check(some_chan c)
{
#ifdef WRONG
	chan_send(c, 1);
#else
	chan_send(c, (struct point){ 1, 2 });
#endif
}
