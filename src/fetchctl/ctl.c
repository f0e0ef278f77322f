/* SPDX-License-Identifier: MIT
 *
 * ctl: messages, numbers and output, the same in every verb.
 */
#define _GNU_SOURCE
#include "src/fetchctl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

int ctl_fail(enum exit_code code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fputs("fetchctl: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	return (int)code;
}

int ctl_batch_id(const char *arg, uint64_t *ret_id)
{
	uint64_t id;
	if (str_parse_u64(str_of(arg), INT64_MAX, &id) || id == 0)
		return ctl_fail(EXIT_USAGE, "'%s' is no batch's number", arg);
	*ret_id = id;
	return 0;
}

int ctl_print(struct str text)
{
	while (text.len > 0) {
		ssize_t n = write(STDOUT_FILENO, text.data, text.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ctl_fail(EXIT_IO, "writing to standard output: %s",
					strerrordesc_np(errno));
		text = str_slice(text, (size_t)n, text.len);
	}
	return 0;
}
