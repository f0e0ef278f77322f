/* SPDX-License-Identifier: MIT
 *
 * expect: incompatible type|invalid initializer
 */
#include "runtime/select.h"

CHAN_OF(int, some_chan);

/* The same element, but a type of its own: as with structs. */
CHAN_OF(int, other_chan);

void check(other_chan o, some_chan s);
void check(other_chan o, some_chan s)
{
#ifdef WRONG
	(void)s;
	some_chan c = o;
	chan_unref(c);
#else
	(void)o;
	some_chan c = s;
	chan_unref(c);
#endif
}
