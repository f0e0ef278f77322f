/* SPDX-License-Identifier: MIT
 *
 * harness_check: what a failing check does: one line on stderr with place and values, then abort.
 *
 * Any goroutine, any thread. The line goes out in one write(2), so that lines of several threads
 * don't mix and nothing stays in a stdio buffer.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness.h"

#define LINE_BYTES 2048
#define DIFF_BYTES 24 /* shown of each side around the first difference */

static void say(const char *text, int length)
{
	fflush(stdout);
	if (write(2, text, length < LINE_BYTES ? (size_t)length : LINE_BYTES - 1) < 0)
		_exit(125);
}

_Noreturn void test_fail_at(const char *file, int line, const char *fmt, ...)
{
	char text[LINE_BYTES];
	va_list args;
	int n = snprintf(text, sizeof(text), "%s:%d: failed: ", file, line);
	va_start(args, fmt);
	n += vsnprintf(text + n, sizeof(text) - (size_t)n - 1, fmt, args);
	va_end(args);
	if (n > LINE_BYTES - 2)
		n = LINE_BYTES - 2;
	text[n++] = '\n';
	say(text, n);
	abort();
}

_Noreturn void test_skip(const char *why)
{
	char text[LINE_BYTES];
	say(text, snprintf(text, sizeof(text), "%s\n", why));
	_exit(77);
}

const char *test_dir(void)
{
	const char *dir = getenv("TEST_DIR");
	if (!dir)
		test_fail("test_dir() under --here: set TEST_DIR to a folder");
	mkdir(dir, 0700);
	return dir;
}

_Noreturn void harness_fail_int(const char *file, int line, const char *what, intmax_t a,
				intmax_t b)
{
	test_fail_at(file, line, "%s: %jd and %jd", what, a, b);
}

void harness_check_str(const char *file, int line, const char *a_text, const char *b_text,
		       const char *a, const char *b)
{
	if (a == b || (a && b && !strcmp(a, b)))
		return;
	test_fail_at(file, line, "%s == %s: \"%.900s\" and \"%.900s\"", a_text, b_text,
		     a ? a : "(NULL)", b ? b : "(NULL)");
}

void harness_check_ok(const char *file, int line, const char *text, int err)
{
	const char *name = err < 0 ? strerrorname_np(-err) : NULL;
	if (err)
		test_fail_at(file, line, "%s: %d (%s: %s)", text, err, name ? name : "?",
			     name ? strerrordesc_np(-err) : "?");
}

static void hex(char *out, const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sprintf(out + 3 * i, "%02x ", bytes[i]);
}

void harness_check_mem(const char *file, int line, const char *a_text, const char *b_text,
		       const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;
	char x_hex[3 * DIFF_BYTES + 1] = "", y_hex[3 * DIFF_BYTES + 1] = "";
	size_t at = 0;
	while (at < size && x[at] == y[at])
		at++;
	if (at == size)
		return;
	size_t shown = size - at < DIFF_BYTES ? size - at : DIFF_BYTES;
	hex(x_hex, x + at, shown);
	hex(y_hex, y + at, shown);
	test_fail_at(file, line, "%s == %s: differ from byte %zu of %zu:\n  %s\n  %s", a_text,
		     b_text, at, size, x_hex, y_hex);
}
