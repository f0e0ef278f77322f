/* SPDX-License-Identifier: MIT
 *
 * base: the ways to die, and allocation that dies when memory is out.
 *
 * The first thread that panics owns stderr: it prints its message, runs the hook and aborts. Others that want to die wait for that, for
 * ever. A panic inside the hook only prints its message. Each message goes out with one write(2).
 */
#include "runtime/base.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void (*_Atomic panic_hook)(bool is_fatal);
static _Atomic pid_t dying; /* the thread; 0 = none */

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

static _Noreturn void wait_for_end(void)
{
	for (;;)
		pause();
}

bool panic_claim(void)
{
	pid_t first = 0, me = gettid();
	if (atomic_compare_exchange_strong(&dying, &first, me))
		return true;
	if (first != me)
		wait_for_end();
	return false;
}

void panic_wait(void)
{
	pid_t first = atomic_load(&dying);
	if (first != 0 && first != gettid())
		wait_for_end();
}

static _Noreturn void die(bool is_fatal, const char *fmt, va_list args)
{
	void (*hook)(bool) = atomic_load(&panic_hook);
	if (!panic_claim()) {
		write_message("panic during panic", fmt, args);
		abort();
	}
	write_message(is_fatal ? "fatal error" : "panic", fmt, args);
	if (hook != NULL)
		hook(is_fatal);
	abort();
}

void panic(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	die(false, fmt, args);
}

void fatal(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	die(true, fmt, args);
}

void panic_set_hook(void (*hook)(bool is_fatal))
{
	atomic_store(&panic_hook, hook);
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
