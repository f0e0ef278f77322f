/* SPDX-License-Identifier: MIT
 *
 * varint: unsigned numbers of 1 to 10 bytes, 7 bits a byte, low bits first (LEB128). Pure: any
 * thread.
 */
#ifndef FETCHD_VARINT_H
#define FETCHD_VARINT_H

#include "src/common/buf.h"
#include "src/common/str.h"

/* 0 or b's sticky error. */
static inline int varint_append(struct buf *b, uint64_t v)
{
	char bytes[10];
	size_t n = 0;
	do {
		bytes[n++] = (char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
	} while (v > 0);
	return buf_append(b, bytes, n);
}

/* Takes one off *rest. False when it is cut short or longer than 64 bits. */
static inline bool varint_take(struct str *rest, uint64_t *ret)
{
	uint64_t v = 0;
	for (size_t i = 0; i < rest->len && i < 10; i++) {
		uint64_t byte = (unsigned char)rest->data[i];
		v |= (byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*rest = str_make(rest->data + i + 1, rest->len - i - 1);
			*ret = v;
			return true;
		}
	}
	return false;
}

#endif
