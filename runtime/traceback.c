/* SPDX-License-Identifier: MIT
 *
 * traceback: see traceback.h. May read a stack that changes meanwhile (a dump while all runs): each step is checked against the stack's
 * bounds and must go upwards, so the worst is a wrong line.
 */
#include "runtime/traceback.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/sanitizer.h"

#define LINE_MAX_BYTES 500
#define FRAMES_MAX     48
#define SEARCH_WORDS   512

extern const char etext[]; /* the linker's: the end of our code */

void writer_flush(struct writer *w)
{
	for (size_t done = 0; done < w->len;) {
		ssize_t n = write(w->fd, w->buf + done, w->len - done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	w->len = 0;
}

void writer_print(struct writer *w, const char *fmt, ...)
{
	if (sizeof(w->buf) - w->len < LINE_MAX_BYTES)
		writer_flush(w);
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(w->buf + w->len, LINE_MAX_BYTES, fmt, args);
	va_end(args);
	if (n > 0)
		w->len += n < LINE_MAX_BYTES ? (size_t)n : LINE_MAX_BYTES - 1;
}

static const char *base_name(const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

static void write_frame(struct writer *w, const void *pc)
{
	Dl_info info = { 0 };
	if (dladdr(pc, &info) == 0 || info.dli_fname == NULL) {
		writer_print(w, "\t%p\n", pc);
		return;
	}
	writer_print(w, "\t%s+0x%zx", base_name(info.dli_fname),
		     (size_t)((const char *)pc - (const char *)info.dli_fbase));
	if (info.dli_sname != NULL)
		writer_print(w, " %s+0x%zx", info.dli_sname,
			     (size_t)((const char *)pc - (const char *)info.dli_saddr));
	writer_print(w, "\n");
}

static int holds_frame(const struct stack_point *at)
{
	const char *fp = at->fp;
	return fp >= at->low && fp + 2 * sizeof(void *) <= at->high &&
	       (uintptr_t)fp % sizeof(void *) == 0;
}

/* Both architectures put the caller's frame pointer at fp and the return address behind it. */
NO_ASAN NO_TSAN static struct stack_point caller(struct stack_point at)
{
	const void *const *frame = at.fp;
	at.pc = frame[1];
	at.fp = frame[0] > at.fp ? frame[0] : NULL;
	return at;
}

/* dladdr tells the module; behind our own code lies our data. */
static bool is_code(const void *pc)
{
	Dl_info info, own;
	return dladdr(pc, &info) != 0 &&
	       dladdr((const void *)(uintptr_t)traceback_write, &own) != 0 &&
	       (info.dli_fbase != own.dli_fbase || (const char *)pc < etext);
}

/* True if at.fp leads up through at least two frames to the first one of the stack. */
NO_ASAN NO_TSAN static bool leads_up(struct stack_point at)
{
	for (int frames = 0; holds_frame(&at); frames++) {
		at = caller(at);
		if (!is_code(at.pc))
			return false;
		if (at.fp == NULL)
			return frames > 0;
	}
	return false;
}

/* The code there uses the frame pointer's register for something else: the first frame above sp that leads up. */
static void find_frame(struct stack_point *at)
{
	const void *const *word = at->sp;
	struct stack_point found = *at;
	for (int i = 0; i < SEARCH_WORDS; i++) {
		found.fp = word + i;
		if (leads_up(found)) {
			at->fp = found.fp;
			return;
		}
	}
}

void traceback_write(struct writer *w, struct stack_point at)
{
	int frames = 0;
	if (at.pc != NULL)
		write_frame(w, at.pc);
	const char *sp = at.sp;
	if (sp != NULL && sp >= at.low && (!holds_frame(&at) || (const char *)at.fp < sp))
		find_frame(&at);
	while (holds_frame(&at)) {
		at = caller(at);
		if (at.pc == NULL)
			return;
		if (++frames > FRAMES_MAX) {
			writer_print(w, "\t...\n");
			return;
		}
		write_frame(w, at.pc);
	}
}
