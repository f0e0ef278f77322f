/* SPDX-License-Identifier: MIT
 *
 * label: names for what a goroutine works on, key and value, shown in dumps. Go's pprof labels.
 *
 *	label_set("batch", id);
 *	go(fetch, url);			// inherits them; what it sets itself is its own
 *
 * A goroutine without labels pays a pointer. Goroutines share sets of labels until they change theirs.
 */
#ifndef RUNTIME_LABEL_H
#define RUNTIME_LABEL_H

#include "runtime/base.h"

/* Bytes of all keys and values of one goroutine, with a NUL each. */
#define LABELS_SIZE_MAX 512

/* Sets or replaces a label of the current goroutine; value NULL takes it away. Copies. Goroutines started before are not concerned.
 * Returns 0 or -E2BIG: more than LABELS_SIZE_MAX; nothing has changed then. */
int label_set(const char *key, const char *value) MUST_USE;

/* The current goroutine's; NULL if it has none of that key. Until it changes its labels. */
const char *label_get(const char *key);

/* --- for the scheduler and dumps --- */

struct g;
struct writer;

/* g, which is being made, gets its creator's (NULL = none); g, which ends, gives them up. */
void label__inherit(struct g *g, struct g *creator);
void label__drop(struct g *g);

/* Between the two no labels are freed that somebody may be reading. Any thread, signal handlers too. */
void label__read_begin(void);
void label__read_end(void);

struct label_set; /* NULL = no labels */

const struct label_set *label__of(struct g *g);
bool label__equal(const struct label_set *a, const struct label_set *b);

/* {"key":"value", ...} */
void label__write(struct writer *w, const struct label_set *s);

#endif
