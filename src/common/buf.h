/* SPDX-License-Identifier: MIT
 *
 * buf: a growable run of bytes with one owner. The zero value is empty and ready; buf_done frees
 * and zeroes.
 *
 *	cleanup(buf_done) struct buf b = {0};
 *	buf_append_str(&b, STR("answer="));
 *	buf_append_u64(&b, 42);
 *	if (b.failed)
 *		return b.failed;
 *
 * The error is sticky: after the first failure (-ENOMEM, or -EFBIG past BUF_LIMIT) nothing more is
 * appended and every later call returns the same error, so an emitter checks once, at its end. Not
 * NUL-terminated (buf_cstr adds one). Any thread; one owner.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "src/common/str.h"

/* No buf grows past this: whatever is larger has to be streamed. */
#define BUF_LIMIT ((size_t)1 << 30)

struct buf {
	char *data;
	size_t len, cap;
	int failed;    /* 0, -ENOMEM or -EFBIG */
	bool borrowed; /* data is not ours: the first growth leaves it */
};

/* Room for n more bytes behind len, so that the caller may write to data + len and add to len. */
int buf_reserve(struct buf *b, size_t n);

/* These give 0 or the sticky error; checking b->failed at the end is enough. */
int buf_append(struct buf *b, const void *data, size_t n);
int buf_append_str(struct buf *b, struct str s);
int buf_append_char(struct buf *b, char c);
int buf_append_u64(struct buf *b, uint64_t v);
int buf_append_i64(struct buf *b, int64_t v);
int buf_append_base64(struct buf *b, struct str s);
int buf_append_hex(struct buf *b, const void *data, size_t n);

/* For cold paths. */
int buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Drops the first n bytes (the rest moves down). */
void buf_consume(struct buf *b, size_t n);

/* The bytes as a C string, owned by b, or NULL when it failed. */
const char *buf_cstr(struct buf *b);

static inline struct str buf_str(const struct buf *b)
{
	return str_make(b->data, b->len);
}

/* Empty again, error forgotten, memory kept. */
static inline void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = 0;
}

/* Frees; b is the zero value again. */
void buf_done(struct buf *b);

#endif
