/* SPDX-License-Identifier: MIT
 *
 * reason: see reason.h.
 */
#define _GNU_SOURCE /* vasprintf */
#include "src/common/reason.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int refuse(int err, char **ret_reason, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int len = vasprintf(ret_reason, fmt, args);
	va_end(args);
	if (len >= 0)
		return err;
	*ret_reason = NULL;
	return -ENOMEM;
}
