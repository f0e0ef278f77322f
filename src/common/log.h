/* SPDX-License-Identifier: MIT
 *
 * log: one line to stderr a call, by one write(2), from any thread, without a lock.
 *
 *	log_info("listening socket=%s", path);
 *	log_err("store: %s", strerrordesc_np(-err));
 *
 * On a terminal or in a file: "2026-01-31T12:34:56.789Z info listening socket=…"; under the journal
 * (JOURNAL_STREAM is set at the first line, or log_set_journal): "<6>listening socket=…". A line is
 * cut at 1 KiB; control characters inside come out as '?'. Only programs log; library code
 * (runtime, http, client) returns errors. The line is built on the caller's stack (1.2 KiB).
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

#include "src/common/str.h"

enum log_level {
	LEVEL_ERR,
	LEVEL_WARN,
	LEVEL_INFO, /* the default */
	LEVEL_DEBUG,
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "err", "warn", "info", "debug". -EINVAL. */
int log_parse_level(struct str name, enum log_level *ret) MUST_USE;
void log_set_journal(bool on);

void log_err(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
