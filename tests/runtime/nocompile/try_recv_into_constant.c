/* SPDX-License-Identifier: MIT
 *
 * expect: discard
 */
#include "runtime/select.h"

CHAN_OF(int, some_chan);

void check(some_chan c, const int *v, int *w);
void check(some_chan c, const int *v, int *w)
{
#ifdef WRONG
	(void)w;
	chan_try_recv(c, v, NULL);
#else
	(void)v;
	chan_try_recv(c, w, NULL);
#endif
}
