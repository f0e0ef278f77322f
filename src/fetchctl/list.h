/* SPDX-License-Identifier: MIT
 *
 * list: all batches, for the verbs list and status.
 */
#ifndef FETCHCTL_LIST_H
#define FETCHCTL_LIST_H

#include "src/fetchctl/ctl.h"

/* Prints them, as a table or as JSON. Gives the exit code. */
int list_batches(struct ctl *ctl) MUST_USE;

#endif
