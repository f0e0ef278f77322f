/* SPDX-License-Identifier: MIT
 *
 * cursor: reads little-endian numbers and LEB128 (DWARF 5, section 7.6) from bytes that nobody vouches for. Any thread, signal handlers too.
 *
 * A read beyond the end gives 0, sets `failed` and leaves nothing to read: so a loop that asks cursor_more() ends, and one look at `failed`
 * at the end is enough.
 */
#ifndef RUNTIME_CURSOR_H
#define RUNTIME_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at, *end;
	bool failed;
};

static inline struct cursor cursor_of(const void *data, size_t size)
{
	return (struct cursor){ .at = data,
				.end = size == 0 ? data : (const uint8_t *)data + size };
}

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

static inline bool cursor_more(const struct cursor *c)
{
	return c->at < c->end;
}

static inline void cursor_fail(struct cursor *c)
{
	c->at = c->end;
	c->failed = true;
}

static inline void cursor_skip(struct cursor *c, uint64_t n)
{
	if (n > cursor_left(c))
		cursor_fail(c);
	else if (n > 0) /* at may be NULL where nothing is left */
		c->at += n;
}

/* The next n bytes as a cursor of their own; empty and failed if there are not so many. */
static inline struct cursor cursor_split(struct cursor *c, uint64_t n)
{
	struct cursor part = { .at = c->at, .end = c->at };
	cursor_skip(c, n);
	part.failed = c->failed;
	if (!c->failed)
		part.end = c->at;
	return part;
}

/* size: 1 to 8. */
static inline uint64_t cursor_uint(struct cursor *c, unsigned size)
{
	uint64_t value = 0;
	if (size > cursor_left(c)) {
		cursor_fail(c);
		return 0;
	}
	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)c->at[i] << 8 * i;
	c->at += size;
	return value;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	return (uint8_t)cursor_uint(c, 1);
}

static inline uint64_t cursor_leb128(struct cursor *c, bool is_signed)
{
	uint64_t value = 0;
	for (unsigned shift = 0; cursor_more(c); shift += 7) {
		uint8_t byte = *c->at++;
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (is_signed && (byte & 0x40) && shift + 7 < 64)
			value |= ~UINT64_C(0) << (shift + 7);
		return value;
	}
	cursor_fail(c);
	return 0;
}

/* A string with its NUL inside of the bytes; "" if there is none. */
static inline const char *cursor_string(struct cursor *c)
{
	const void *start = c->at;
	const uint8_t *nul = cursor_more(c) ? memchr(c->at, 0, cursor_left(c)) : NULL;
	if (nul == NULL) {
		cursor_fail(c);
		return "";
	}
	c->at = nul + 1;
	return start;
}

#endif
