/* SPDX-License-Identifier: MIT
 *
 * reason: why something that a user has set can't be used, for people: a text on the heap that the caller frees.
 *
 *	return refuse(-EINVAL, ret_reason, "%s:%u: no such key: %s", path, line, key);
 */
#ifndef COMMON_REASON_H
#define COMMON_REASON_H

#include "runtime/base.h"

/* Gives err and *ret_reason; or -ENOMEM, and *ret_reason is NULL. */
int refuse(int err, char **ret_reason, const char *fmt, ...) PRINTF_LIKE(3, 4) MUST_USE;

#endif
