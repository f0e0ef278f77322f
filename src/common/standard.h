/* SPDX-License-Identifier: MIT
 *
 * standard: descriptors 0, 1 and 2 are open, whatever the caller has closed (`fetchctl … >&-`). Else the first socket or
 * file of ours would become "standard output", and what is meant for people would be written into it.
 */
#ifndef COMMON_STANDARD_H
#define COMMON_STANDARD_H

/* Puts /dev/null, opened the wrong way round, where one is missing: reading or writing it fails with EBADF. First thing in main. */
void standard_open(void);

#endif
