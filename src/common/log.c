/* SPDX-License-Identifier: MIT
 *
 * log: builds the line on the stack and writes it with one write(2), so that lines of several
 * threads never mix and no lock is held (a goroutine may move to another thread at any park, a lock
 * may not). The level and the journal switch are atomics.
 */
#include "src/common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "runtime/clock.h"

#define LINE_BYTES 1024

enum journal {
	JOURNAL_UNKNOWN,
	JOURNAL_NO,
	JOURNAL_YES
};

static atomic_int max_level = LEVEL_INFO;
static atomic_int journal = JOURNAL_UNKNOWN;

static const struct level {
	struct str name;
	char priority; /* of sd-daemon(3) */
} levels[] = {
	[LEVEL_ERR] = { STR_INIT("err"), '3' },
	[LEVEL_WARN] = { STR_INIT("warn"), '4' },
	[LEVEL_INFO] = { STR_INIT("info"), '6' },
	[LEVEL_DEBUG] = { STR_INIT("debug"), '7' },
};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&max_level, level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&max_level, memory_order_relaxed);
}

int log_parse_level(struct str name, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (str_eq(name, levels[i].name)) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_set_journal(bool on)
{
	atomic_store_explicit(&journal, on ? JOURNAL_YES : JOURNAL_NO, memory_order_relaxed);
}

static bool under_journal(void)
{
	int known = atomic_load_explicit(&journal, memory_order_relaxed);
	if (known == JOURNAL_UNKNOWN) {
		known = getenv("JOURNAL_STREAM") ? JOURNAL_YES : JOURNAL_NO;
		atomic_store_explicit(&journal, known, memory_order_relaxed);
	}
	return known == JOURNAL_YES;
}

/* "<6>" or "2026-01-31T12:34:56.789Z info ". Gives its length. */
static size_t write_prefix(char *line, size_t size, enum log_level level)
{
	if (under_journal())
		return (size_t)snprintf(line, size, "<%c>", levels[level].priority);
	int64_t now = clock_wall();
	time_t seconds = (time_t)(now / SECOND);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	size_t len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return len + (size_t)snprintf(line + len, size - len, ".%03dZ %s ",
				      (int)(now % SECOND / MILLISECOND), levels[level].name.data);
}

/* One line stays one line, and no terminal obeys what an origin sent. */
static void defuse(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
}

static void log_line(enum log_level level, const char *fmt, va_list args)
{
	char line[LINE_BYTES + 1];
	size_t start = write_prefix(line, LINE_BYTES, level);
	int n = vsnprintf(line + start, LINE_BYTES - start, fmt, args);
	size_t len = n < 0 ? start : start + (size_t)n;
	if (len > LINE_BYTES - 1)
		len = LINE_BYTES - 1;
	defuse(line + start, len - start);
	line[len++] = '\n';
	ssize_t written = write(STDERR_FILENO, line, len);
	(void)written; /* nobody is left to tell */
}

#define LOG_AT(level)                          \
	do {                                   \
		if ((level) > log_get_level()) \
			return;                \
		va_list args;                  \
		va_start(args, fmt);           \
		log_line((level), fmt, args);  \
		va_end(args);                  \
	} while (0)

void log_err(const char *fmt, ...)
{
	LOG_AT(LEVEL_ERR);
}

void log_warn(const char *fmt, ...)
{
	LOG_AT(LEVEL_WARN);
}

void log_info(const char *fmt, ...)
{
	LOG_AT(LEVEL_INFO);
}

void log_debug(const char *fmt, ...)
{
	LOG_AT(LEVEL_DEBUG);
}
