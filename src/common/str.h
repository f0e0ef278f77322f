/* SPDX-License-Identifier: MIT
 *
 * str: a slice of bytes that somebody else owns, and the strict parsers that everything of ours
 * uses for numbers, durations and sizes. Not NUL-terminated; may hold any byte. The zero value is
 * the empty slice.
 *
 *	struct str name, value;
 *	if (str_cut(STR("Accept: text/html"), ':', &name, &value))
 *		value = str_trim(value);
 *	printf("%.*s", STR_ARG(value));
 *
 * Pure: any thread, nothing parks, nothing is allocated.
 */
#ifndef COMMON_STR_H
#define COMMON_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base.h"

struct str {
	const char *data; /* may be NULL when len is 0 */
	size_t len;
};

/* A slice of a string literal; also good as an initialiser of static data. */
#define STR(literal) ((struct str){ .data = "" literal, .len = sizeof(literal) - 1 })
#define STR_INIT(literal)                                      \
	{                                                      \
		.data = "" literal, .len = sizeof(literal) - 1 \
	}

/* The two arguments of "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).data

/* A slice of a C string; NULL gives the empty slice. */
static inline struct str str_of(const char *cstr)
{
	return (struct str){ .data = cstr, .len = cstr ? strlen(cstr) : 0 };
}

static inline struct str str_make(const char *data, size_t len)
{
	return (struct str){ .data = data, .len = len };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Equal but for the case of ASCII letters. */
bool str_eq_nocase(struct str a, struct str b);

/* <0, 0, >0 by bytes, then by length. */
int str_compare(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* The part from `from` (clamped to the end) of at most len bytes. */
struct str str_slice(struct str s, size_t from, size_t len);

/* Index of the first c, or -1. */
ptrdiff_t str_index(struct str s, char c);

/* Without spaces, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);

/* Cuts at the first c. False when there is none: then *ret_before is all of s and *ret_after is
 * empty. Either may be NULL. */
bool str_cut(struct str s, char c, struct str *ret_before, struct str *ret_after);

/* Takes the next item of a list that sep separates, trimmed, off *rest; false at the end. "a,,b"
 * gives three items. */
bool str_next(struct str *rest, char sep, struct str *ret_item);

/* Takes the next item of a list that commas and white space separate off *rest; false at the end. No
 * item is empty. */
bool str_next_word(struct str *rest, struct str *ret_item);

/* A NUL-terminated copy that the caller frees; NULL when memory is out. NULs inside stay. */
char *str_dup(struct str s) MUST_USE;

/* Decimal digits only, no sign, no space, at most max. 0, -EINVAL (not digits), -ERANGE (more than
 * max). */
int str_parse_u64(struct str s, uint64_t max, uint64_t *ret) MUST_USE;

/* A number directly followed by ms, s, m, h or d ("250ms", "5s", "2m", "1h"); "0" needs no unit. In
 * ns. -EINVAL, -ERANGE (over max_ns). */
int str_parse_duration(struct str s, int64_t max_ns, int64_t *ret_ns) MUST_USE;

/* A number of bytes, or directly followed by k, M, G or T (powers of 1024; either case; "64k",
 * "10M", "1G"). -EINVAL, -ERANGE. */
int str_parse_size(struct str s, uint64_t max, uint64_t *ret_bytes) MUST_USE;

/* yes, no, true, false, on, off, 1, 0. -EINVAL. */
int str_parse_bool(struct str s, bool *ret) MUST_USE;

/* What one of these returned, for people: "malformed", "out of range"; and the wanted forms in
 * words. */
const char *str_parse_error(int err);
extern const char str_duration_form[];
extern const char str_size_form[];

#endif
