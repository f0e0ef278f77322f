/* SPDX-License-Identifier: MIT
 *
 * cleanup: a local's destructor, run when it leaves its scope, and TAKE() to hand the thing on
 * instead.
 *
 *	cleanup(cleanup_free) char *text = malloc(n);
 *	cleanup(buf_done) struct buf line = {0};
 *	...
 *	return TAKE(text);
 *
 * src/ uses this and no other kind of deferral. longjmp skips it: nothing of ours jumps.
 */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <stdlib.h>
#include <string.h>

/* fn gets a pointer to the variable. */
#define cleanup(fn) __attribute__((__cleanup__(fn)))

/* Gives the pointer p and leaves NULL in its place. */
#define TAKE(p) ((__typeof__(p))cleanup_take(&(p)))

static inline void *cleanup_take(void *pointer_to_pointer)
{
	void *p;
	memcpy(&p, pointer_to_pointer, sizeof(p));
	memset(pointer_to_pointer, 0, sizeof(p));
	return p;
}

/* For whatever malloc gave. */
static inline void cleanup_free(void *pointer_to_pointer)
{
	free(cleanup_take(pointer_to_pointer));
}

#endif
