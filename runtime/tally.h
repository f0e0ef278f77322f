/* SPDX-License-Identifier: MIT
 *
 * tally: goroutines counted by what they have in common: stack, wait reason, function, creator, labels. Internal to runtime/. Any thread.
 *
 *	3 @ 0x5581 0x5602 0x5733
 *	# labels: {"host":"example.org"}
 *	# chan receive, to run fetch, created by start at src/x.c:12
 *	#	0x5581	chan__recv+0x81	runtime/chan.c:250
 *
 * is Go's profile (debug=1) with one more comment, so that what reads Go's reads this.
 */
#ifndef RUNTIME_TALLY_H
#define RUNTIME_TALLY_H

#include "runtime/snapshot.h"

struct tally;

struct tally *tally_new(void); /* NULL = no memory */
void tally_free(struct tally *t);

/* Labels are borrowed: label__read_begin before the first, label__read_end after tally_write. */
void tally_add(struct tally *t, const struct snapshot *s);

uint64_t tally_total(const struct tally *t);

/* The most frequent first. */
void tally_write(struct tally *t, struct writer *w);

#endif
