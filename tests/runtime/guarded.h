/* SPDX-License-Identifier: MIT
 *
 * guarded: a main goroutine under a guard mode of one's own choice. In a plain TEST, once.
 */
#ifndef TESTS_RUNTIME_GUARDED_H
#define TESTS_RUNTIME_GUARDED_H

#include <stdio.h>
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "tests/harness.h"

/* fn gets the mode as argv[0]. */
static inline void run_under(const char *mode, int (*fn)(int argc, char **argv))
{
	char name[16];
	snprintf(name, sizeof(name), "%s", mode);
	setenv("FETCHD_STACK_GUARD", mode, 1);
	CHECK_EQ(runtime_main(fn, 1, (char *[]){ name, NULL }), 0);
}

#endif
