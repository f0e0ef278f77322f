/* SPDX-License-Identifier: MIT
 *
 * buf: growth doubles from 64 bytes, so appending n bytes one by one costs O(n). failed is set once
 * and for all by grow().
 */
#include "src/common/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST 64

static int fail(struct buf *b, int err)
{
	b->failed = err;
	return err;
}

/* Gives room for cap bytes, with those that there are in it; NULL = out of memory. */
static char *larger(const struct buf *b, size_t cap)
{
	if (!b->borrowed)
		return realloc(b->data, cap);
	char *data = malloc(cap);
	if (data != NULL)
		memcpy(data, b->data, b->len);
	return data;
}

static int grow(struct buf *b, size_t n)
{
	if (n > BUF_LIMIT || b->len + n > BUF_LIMIT)
		return fail(b, -EFBIG);
	size_t cap = b->cap ? b->cap : BUF_FIRST;
	while (cap < b->len + n)
		cap *= 2;
	char *data = larger(b, cap);
	if (data == NULL)
		return fail(b, -ENOMEM);
	b->borrowed = false;
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_reserve(struct buf *b, size_t n)
{
	if (UNLIKELY(b->failed))
		return b->failed;
	return n <= b->cap - b->len ? 0 : grow(b, n);
}

int buf_append(struct buf *b, const void *data, size_t n)
{
	int err = buf_reserve(b, n);
	if (err == 0 && n > 0) {
		memcpy(b->data + b->len, data, n);
		b->len += n;
	}
	return err;
}

int buf_append_str(struct buf *b, struct str s)
{
	return buf_append(b, s.data, s.len);
}

int buf_append_char(struct buf *b, char c)
{
	return buf_append(b, &c, 1);
}

int buf_append_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	return buf_append(b, digits + at, sizeof(digits) - at);
}

int buf_append_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_append_char(b, '-');
	return buf_append_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

/* RFC 4648 §4. */
int buf_append_base64(struct buf *b, struct str s)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < s.len; i += 3) {
		uint32_t group = 0;
		size_t have = s.len - i < 3 ? s.len - i : 3;
		for (size_t k = 0; k < 3; k++)
			group = group << 8 | (k < have ? (unsigned char)s.data[i + k] : 0);
		char out[4];
		for (unsigned k = 0; k < 4; k++)
			out[k] = k <= have ? alphabet[group >> (18 - 6 * k) & 63] : '=';
		buf_append(b, out, sizeof(out));
	}
	return b->failed;
}

int buf_append_hex(struct buf *b, const void *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;
	if (n > BUF_LIMIT || buf_reserve(b, 2 * n) != 0)
		return b->failed ? b->failed : fail(b, -EFBIG);
	for (size_t i = 0; i < n; i++) {
		b->data[b->len++] = digits[bytes[i] >> 4];
		b->data[b->len++] = digits[bytes[i] & 15];
	}
	return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		fail(b, -EFBIG);
	else if (buf_reserve(b, (size_t)n + 1) == 0)
		b->len += (size_t)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
	va_end(again);
	return b->failed;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

const char *buf_cstr(struct buf *b)
{
	if (buf_reserve(b, 1) != 0)
		return NULL;
	b->data[b->len] = '\0';
	return b->data;
}

void buf_done(struct buf *b)
{
	if (!b->borrowed)
		free(b->data);
	*b = (struct buf){ 0 };
}
