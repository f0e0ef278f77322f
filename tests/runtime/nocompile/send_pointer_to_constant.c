/* SPDX-License-Identifier: MIT
 *
 * expect: discard
 */
#include "runtime/select.h"

CHAN_OF(char *, some_chan);

void check(some_chan c, const char *p, char *q);
void check(some_chan c, const char *p, char *q)
{
#ifdef WRONG
	(void)q;
	chan_send(c, p);
#else
	(void)p;
	chan_send(c, q);
#endif
}
