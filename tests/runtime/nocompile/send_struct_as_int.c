/* SPDX-License-Identifier: MIT
 *
 * expect: incompatible type|scalar|aggregate
 */
#include "runtime/select.h"

struct point {
	int x, y;
};

CHAN_OF(int, some_chan);

void check(some_chan c, struct point p);
void check(some_chan c, struct point p)
{
#ifdef WRONG
	chan_send(c, p);
#else
	chan_send(c, p.x);
#endif
}
