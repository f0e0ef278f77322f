/* SPDX-License-Identifier: MIT
 *
 * expect: incompatible.pointer.types
 */
#include "runtime/select.h"

CHAN_OF(char *, some_chan);

void check(some_chan c, char *p, long *q);
void check(some_chan c, char *p, long *q)
{
#ifdef WRONG
	chan_send(c, q);
#else
	chan_send(c, *q ? p : NULL);
#endif
}
