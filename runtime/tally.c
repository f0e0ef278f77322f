/* SPDX-License-Identifier: MIT
 *
 * tally: see tally.h. An open hash table of entries that never moves: its size bounds the kinds that are told apart; what comes beyond that
 * is only counted. Untouched entries cost no memory.
 */
#include "runtime/tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/goroutine.h"

#define ENTRIES_MAX 4096
#define FILLED_MAX  (ENTRIES_MAX / 2)

struct entry {
	uint64_t count; /* 0 = free */
	uint64_t hash;
	struct snapshot first;
};

struct tally {
	uint64_t total, uncounted;
	size_t filled;
	struct entry *order[FILLED_MAX];
	struct entry entries[ENTRIES_MAX];
};

struct tally *tally_new(void)
{
	return calloc(1, sizeof(struct tally));
}

void tally_free(struct tally *t)
{
	free(t);
}

uint64_t tally_total(const struct tally *t)
{
	return t->total;
}

/* FNV-1a by words. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 32;
}

static uint64_t hash_of(const struct snapshot *s)
{
	uint64_t hash = mix(mix(UINT64_C(0xcbf29ce484222325), s->state), s->reason);
	for (size_t i = 0; i < s->trace.len; i++)
		hash = mix(hash, (uintptr_t)s->trace.pc[i]);
	return hash;
}

static bool alike(const struct snapshot *a, const struct snapshot *b)
{
	return snapshot_state(a) == snapshot_state(b) && a->name == b->name && a->site == b->site &&
	       a->trace.len == b->trace.len &&
	       memcmp(a->trace.pc, b->trace.pc, a->trace.len * sizeof(a->trace.pc[0])) == 0 &&
	       label__equal(a->labels, b->labels);
}

/* The entry of its kind, which may be free; NULL if the table is full. */
static struct entry *find(struct tally *t, const struct snapshot *s, uint64_t hash)
{
	for (uint64_t i = hash;; i++) {
		struct entry *e = &t->entries[i % ENTRIES_MAX];
		if (e->count == 0)
			return t->filled < FILLED_MAX ? e : NULL;
		if (e->hash == hash && alike(&e->first, s))
			return e;
	}
}

void tally_add(struct tally *t, const struct snapshot *s)
{
	uint64_t hash = hash_of(s);
	struct entry *e = find(t, s, hash);
	t->total++;
	if (e == NULL) {
		t->uncounted++;
		return;
	}
	if (e->count++ > 0)
		return;
	e->hash = hash;
	e->first = *s;
	t->order[t->filled++] = e;
}

/* --- in words --- */

static int by_count(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
	return (x->count < y->count) - (x->count > y->count);
}

static void write_frame(struct writer *w, const struct trace *t, size_t i)
{
	struct symbol s;
	trace_symbol(t, i, &s);
	writer_print(w, "#\t%p\t%.200s+0x%" PRIx64 "\t", t->pc[i],
		     s.function != NULL ? s.function : "?", s.offset);
	trace_write_place(w, t, i, &s);
	writer_print(w, "\n");
}

static void write_entry(struct writer *w, const struct entry *e)
{
	const struct snapshot *s = &e->first;
	writer_print(w, "%" PRIu64 " @", e->count);
	for (size_t i = 0, len = trace_shown(&s->trace); i < len; i++)
		writer_print(w, " %p", s->trace.pc[i]);
	if (s->labels != NULL) {
		writer_print(w, "\n# labels: ");
		label__write(w, s->labels);
	}
	writer_print(w, "\n# %s, to run %s", snapshot_state(s), s->name);
	if (s->site != NULL)
		writer_print(w, ", created by %s at %s:%d", s->site->function, s->site->file,
			     s->site->line);
	writer_print(w, "\n");
	for (size_t i = 0, len = trace_shown(&s->trace); i < len; i++)
		write_frame(w, &s->trace, i);
	writer_print(w, "\n");
}

void tally_write(struct tally *t, struct writer *w)
{
	qsort(t->order, t->filled, sizeof(t->order[0]), by_count);
	for (size_t i = 0; i < t->filled; i++)
		write_entry(w, t->order[i]);
	if (t->uncounted > 0)
		writer_print(w, "%" PRIu64 " @\n# of more kinds than are told apart\n\n",
			     t->uncounted);
}
