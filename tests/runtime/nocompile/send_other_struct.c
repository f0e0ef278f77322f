/* SPDX-License-Identifier: MIT
 *
 * expect: incompatible type|invalid initializer
 */
#include "runtime/select.h"

struct point {
	int x, y;
};
struct size {
	int x, y;
};

CHAN_OF(struct point, some_chan);

void check(some_chan c, struct point p, struct size s);
void check(some_chan c, struct point p, struct size s)
{
#ifdef WRONG
	(void)p;
	chan_send(c, s);
#else
	(void)s;
	chan_send(c, p);
#endif
}
