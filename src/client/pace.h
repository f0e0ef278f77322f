/* SPDX-License-Identifier: MIT
 *
 * pace: whether a body comes fast enough: min_speed bytes a second, measured over windows of pace_ns
 * one behind the other, so that a pause within one is forgiven and a trickle is not. Time that the
 * reader takes for itself doesn't count.
 */
#ifndef CLIENT_PACE_H
#define CLIENT_PACE_H

#include <stdbool.h>

#include "runtime/base.h"
#include "src/client/limits.h"

/* The zero value: nothing is measured yet. */
struct pace {
	int64_t since_ns; /* the present window's beginning; 0 = none */
	uint64_t bytes;	  /* what had come by then */
};

/* Where a read has to give up waiting for the window's sake: NEVER unless a minimum is set and the
 * body has begun. */
int64_t pace_until(const struct pace *p, const struct fetch_limits *l);

/* `bytes` of the body have come by now. False: too few in the window that has ended. Begins the first
 * window, and the next. */
bool pace_keeps(struct pace *p, const struct fetch_limits *l, int64_t now_ns,
		uint64_t bytes) MUST_USE;

/* The reader itself took so long. */
void pace_excuse(struct pace *p, int64_t ns);

#endif
