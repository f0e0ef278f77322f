/* SPDX-License-Identifier: MIT
 *
 * traceback: see traceback.h. May read a stack that changes meanwhile (a dump while all runs): each step is checked against the stack's
 * bounds and must go upwards, so the worst is a wrong line.
 */
#include "runtime/traceback.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base.h"
#include "runtime/sanitizer.h"
#include "runtime/symbol.h"

#define SEARCH_WORDS 8192 /* 64 KiB: a library's largest frame, and more */

static bool holds_frame(const struct stack_point *at)
{
	const char *fp = at->fp;
	if (fp == NULL || (uintptr_t)fp % sizeof(void *) != 0)
		return false;
	return at->low == NULL || (fp >= at->low && fp + 2 * sizeof(void *) <= at->high);
}

/* Both architectures put the caller's frame pointer at fp and the return address behind it. */
NO_ASAN NO_TSAN static struct stack_point caller(struct stack_point at)
{
	const void *const *frame = at.fp;
	at.pc = frame[1];
	at.fp = frame[0] > at.fp ? frame[0] : NULL;
	return at;
}

/* True if at.fp leads up through at least two frames to the first one of the stack. */
static bool leads_up(struct stack_point at)
{
	for (int frames = 0; holds_frame(&at); frames++) {
		at = caller(at);
		if (!symbol_is_code(at.pc))
			return false;
		if (at.fp == NULL)
			return frames > 0;
	}
	return false;
}

/* The code there uses the frame pointer's register for something else: the first frame from `word` upwards that leads up. */
static void find_frame(struct stack_point *at, const void *const *word)
{
	struct stack_point found = *at;
	for (int i = 0; i < SEARCH_WORDS && (const char *)(word + i) < at->high; i++) {
		found.fp = word + i;
		if (leads_up(found)) {
			at->fp = found.fp;
			return;
		}
	}
}

static void add(struct trace *t, const void *pc)
{
	if (t->len < TRACE_MAX) {
		t->pc[t->len++] = pc;
		return;
	}
	memmove(&t->pc[TRACE_HEAD], &t->pc[TRACE_HEAD + 1],
		(TRACE_MAX - TRACE_HEAD - 1) * sizeof(t->pc[0]));
	t->pc[TRACE_MAX - 1] = pc;
	t->elided++;
}

void trace_take(struct trace *ret_trace, struct stack_point at)
{
	struct trace *t = ret_trace;
	t->len = 0;
	t->elided = 0;
	t->stands_at_first = at.pc != NULL;
	if (at.pc != NULL)
		add(t, at.pc);
	const char *sp = at.sp;
	if (at.low != NULL && sp >= at.low && (!holds_frame(&at) || (const char *)at.fp < sp))
		find_frame(&at, at.sp);
	while (holds_frame(&at)) {
		const void *const *frame = at.fp;
		if (at.low == NULL && at.pc != NULL && !symbol_is_own(at.pc))
			return;
		at = caller(at);
		if (at.pc == NULL)
			return;
		add(t, at.pc);
		if (at.low != NULL && !holds_frame(&at))
			find_frame(&at, frame + 2);
	}
}

/* What returns to pc[i] was called just before it: that may be another line, or another function's end. */
void trace_symbol(const struct trace *t, size_t i, struct symbol *ret_symbol)
{
	size_t behind = i == 0 && t->stands_at_first ? 0 : 1;
	symbol_find((const char *)t->pc[i] - behind, ret_symbol);
	ret_symbol->offset += behind;
	ret_symbol->module_offset += behind;
}

void trace_write_place(struct writer *w, const struct trace *t, size_t i, const struct symbol *s)
{
	const struct line *at = &s->line;
	const char *folder = at->folder != NULL ? at->folder : ".";
	bool here = strcmp(folder, ".") == 0;
	folder += strncmp(folder, "./", 2) == 0 ? 2 : 0;
	if (at->file != NULL)
		writer_print(w, "%.300s%s%.150s:%" PRIu32, here ? "" : folder, here ? "" : "/",
			     at->file, at->number);
	else if (s->module != NULL)
		writer_print(w, "%.300s+0x%" PRIx64, s->module, s->module_offset);
	else
		writer_print(w, "%p", t->pc[i]);
}

size_t trace_shown(const struct trace *t)
{
	static const char *const entries[] = { "switch_start", "g_main" };
	size_t len = t->len;
	for (size_t i = 0; i < ARRAY_LEN(entries) && len > 0; i++) {
		struct symbol s;
		trace_symbol(t, len - 1, &s);
		if (s.function != NULL && strcmp(s.function, entries[i]) == 0)
			len--;
	}
	return len;
}

void trace_write(struct writer *w, const struct trace *t)
{
	for (size_t i = 0, len = trace_shown(t); i < len; i++) {
		struct symbol s;
		if (i == TRACE_HEAD && t->elided > 0)
			writer_print(w, "...%zu frames elided...\n", t->elided);
		trace_symbol(t, i, &s);
		writer_print(w, "%.300s(...)\n\t", s.function != NULL ? s.function : "?");
		trace_write_place(w, t, i, &s);
		if (s.function != NULL)
			writer_print(w, " +0x%" PRIx64, s.offset);
		writer_print(w, "\n");
	}
}
