/* SPDX-License-Identifier: MIT
 *
 * expect: an array of cases|size of the pointer|number of array elements
 */
#include "runtime/select.h"

CHAN_OF(int, some_chan);

void check(struct select_case *cases);
void check(struct select_case *cases)
{
#ifdef WRONG
	select_wait(cases);
#else
	select_wait_n(cases, 2);
#endif
}
