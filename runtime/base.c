/* SPDX-License-Identifier: MIT
 *
 * base: the ways to die, and allocation that dies when memory is out.
 *
 * Messages go out with one write(2) each, so that they are whole even when two threads die at once. The first thread that
 * panics runs the hook and aborts; a panic inside the hook, or from another thread meanwhile, only prints its message.
 */
#include "runtime/base.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void (*_Atomic panic_hook)(void);
static atomic_bool dying;

static void write_message(const char *kind, const char *fmt, va_list args)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s: ", kind);
	int more = vsnprintf(text + n, sizeof(text) - (size_t)n - 1, fmt, args);
	n += more < 0 ? 0 : more;
	if (n > (int)sizeof(text) - 2)
		n = (int)sizeof(text) - 2;
	text[n++] = '\n';
	ssize_t ignored = write(STDERR_FILENO, text, (size_t)n);
	(void)ignored;
}

static _Noreturn void die(void)
{
	void (*hook)(void) = atomic_load(&panic_hook);
	if (!atomic_exchange(&dying, true) && hook != NULL)
		hook();
	abort();
}

void panic(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	write_message("panic", fmt, args);
	va_end(args);
	die();
}

void fatal(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	write_message("fatal error", fmt, args);
	va_end(args);
	die();
}

void panic_set_hook(void (*hook)(void))
{
	atomic_store(&panic_hook, hook);
}

bool panicking(void)
{
	return atomic_load(&dying);
}

void *xmalloc(size_t size)
{
	void *mem = malloc(size);
	if (mem == NULL)
		fatal("out of memory: %zu bytes", size);
	return mem;
}

void *xcalloc(size_t n, size_t size)
{
	void *mem = calloc(n, size);
	if (mem == NULL)
		fatal("out of memory: %zu x %zu bytes", n, size);
	return mem;
}
