/* SPDX-License-Identifier: MIT
 *
 * writer: see writer.h. vsnprintf, without floating point and on integers and strings alone, neither allocates nor locks in glibc.
 */
#include "runtime/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define PRINT_MAX 500

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
	if (sizeof(w->buf) - w->len < PRINT_MAX)
		writer_flush(w);
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(w->buf + w->len, PRINT_MAX, fmt, args);
	va_end(args);
	if (n > 0)
		w->len += n < PRINT_MAX ? (size_t)n : PRINT_MAX - 1;
}
