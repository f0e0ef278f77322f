/* SPDX-License-Identifier: MIT
 *
 * label: a set never changes. It is counted by the goroutines that have it; only a goroutine itself changes its pointer.
 *
 * A dump reads the pointers of others, without counting: it announces itself in `readers`, and while there are any, sets that nobody has any more
 * wait in `limbo`. All of it sequentially consistent: the last to drop a set takes it out of g->labels, then looks at readers; a
 * reader raises readers, then looks at g->labels: so either it is seen, or it doesn't see the set. Limbo is emptied by whoever
 * frees next; never by a reader, which may be a signal handler.
 */
#include "runtime/label.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/sanitizer.h"
#include "runtime/sched.h"
#include "runtime/writer.h"

struct label_set {
	_Atomic uint32_t refs;
	uint32_t size;
	struct label_set *next; /* in limbo */
	char text[];		/* key NUL value NUL, again and again */
};

static _Atomic uint32_t readers;
static struct label_set *_Atomic limbo;

/* --- sets --- */

static void limbo_push(struct label_set *first, struct label_set *last)
{
	last->next = atomic_load(&limbo);
	while (!atomic_compare_exchange_weak(&limbo, &last->next, first))
		;
}

static void free_all(struct label_set *s)
{
	HIDDEN_BEGIN();
	while (s != NULL) {
		struct label_set *next = s->next;
		free(s);
		s = next;
	}
	HIDDEN_END();
}

static void unref(struct label_set *s)
{
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	s->next = atomic_exchange(&limbo, NULL);
	if (atomic_load(&readers) == 0) {
		free_all(s);
		return;
	}
	struct label_set *last = s;
	while (last->next != NULL)
		last = last->next;
	limbo_push(s, last);
}

static size_t label_size(const char *key)
{
	size_t key_size = strlen(key) + 1;
	return key_size + strlen(key + key_size) + 1;
}

static const char *find(const struct label_set *s, const char *key)
{
	for (uint32_t at = 0; s != NULL && at < s->size; at += (uint32_t)label_size(s->text + at))
		if (strcmp(s->text + at, key) == 0)
			return s->text + at;
	return NULL;
}

/* A copy of old without the label at `without` (may be NULL), with room behind it. */
static struct label_set *copy_set(const struct label_set *old, const char *without, size_t room)
{
	uint32_t size = old == NULL ? 0 : old->size;
	struct label_set *s = xmalloc(sizeof(*s) + size + room);
	*s = (struct label_set){ .refs = 1 };
	for (uint32_t at = 0, n; at < size; at += n) {
		n = (uint32_t)label_size(old->text + at);
		if (old->text + at == without)
			continue;
		memcpy(s->text + s->size, old->text + at, n);
		s->size += n;
	}
	return s;
}

static void append(struct label_set *s, const char *text)
{
	size_t size = strlen(text) + 1;
	memcpy(s->text + s->size, text, size);
	s->size += (uint32_t)size;
}

/* --- the current goroutine's --- */

static struct g *must_self(void)
{
	struct g *g = g_self();
	if (g == NULL)
		panic("labels belong to goroutines, and there is none here");
	return g;
}

int label_set(const char *key, const char *value)
{
	struct g *g = must_self();
	struct label_set *old = atomic_load_explicit(&g->labels, memory_order_relaxed);
	const char *present = find(old, key);
	size_t room = value == NULL ? 0 : strlen(key) + 1 + strlen(value) + 1;
	size_t kept = (old == NULL ? 0 : old->size) - (present == NULL ? 0 : label_size(present));
	if (kept + room > LABELS_SIZE_MAX)
		return -E2BIG;
	struct label_set *s = NULL;
	if (kept + room > 0) {
		s = copy_set(old, present, room);
		if (value != NULL) {
			append(s, key);
			append(s, value);
		}
	}
	unref(atomic_exchange(&g->labels, s));
	return 0;
}

const char *label_get(const char *key)
{
	struct g *g = must_self();
	const char *found = find(atomic_load_explicit(&g->labels, memory_order_relaxed), key);
	return found == NULL ? NULL : found + strlen(found) + 1;
}

/* --- for the scheduler --- */

void label__inherit(struct g *g, struct g *creator)
{
	struct label_set *s =
		creator == NULL ? NULL
				: atomic_load_explicit(&creator->labels, memory_order_relaxed);
	if (UNLIKELY(s != NULL))
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	atomic_store_explicit(&g->labels, s, memory_order_release);
}

void label__drop(struct g *g)
{
	if (UNLIKELY(atomic_load_explicit(&g->labels, memory_order_relaxed) != NULL))
		unref(atomic_exchange(&g->labels, NULL));
}

/* --- for dumps --- */

void label__read_begin(void)
{
	atomic_fetch_add(&readers, 1);
}

void label__read_end(void)
{
	atomic_fetch_sub(&readers, 1);
}

/* Quoted, with what could break a line escaped. */
static void write_quoted(struct writer *w, const char *text)
{
	writer_print(w, "\"");
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < ' ' || c == 0x7f)
			writer_print(w, "\\x%02x", c);
		else
			writer_print(w, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	writer_print(w, "\"");
}

const struct label_set *label__of(struct g *g)
{
	return atomic_load(&g->labels);
}

bool label__equal(const struct label_set *a, const struct label_set *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	HIDDEN_BEGIN();
	bool equal = a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
	HIDDEN_END();
	return equal;
}

void label__write(struct writer *w, const struct label_set *s)
{
	uint32_t size = s == NULL ? 0 : s->size;
	HIDDEN_BEGIN(); /* a dump looks at what is others' */
	writer_print(w, "{");
	for (uint32_t at = 0; at < size; at += (uint32_t)label_size(s->text + at)) {
		const char *key = s->text + at;
		writer_print(w, "%s", at == 0 ? "" : ", ");
		write_quoted(w, key);
		writer_print(w, ":");
		write_quoted(w, key + strlen(key) + 1);
	}
	writer_print(w, "}");
	HIDDEN_END();
}
