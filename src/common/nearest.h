/* SPDX-License-Identifier: MIT
 *
 * nearest: which of some words was probably meant, for "did you mean …?" after an unknown key,
 * option or verb. Any thread.
 */
#ifndef COMMON_NEAREST_H
#define COMMON_NEAREST_H

#include "src/common/str.h"

/* A search under way; the zero value is ready. best is NULL while nothing is near enough. */
struct nearest {
	const char *best;
	unsigned distance;
};

/* Offers a candidate: it becomes the best when fewer edits than with the one before, and at most a
 * third of its letters, lead from word to it. */
void nearest_offer(struct nearest *n, struct str word, const char *candidate);

#endif
