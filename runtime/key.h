/* SPDX-License-Identifier: MIT
 *
 * key: what a map is asked for: a word (an integer or a pointer), or a text (bytes of any value). By value; a text is borrowed.
 *
 *	map_get(&m, key_int(-5), &value);
 *	map_get(&m, key_ptr(conn), &value);
 *	map_get(&m, key_str("example.com"), &value);
 *	map_get(&m, key_bytes(host, host_len), &value);
 *
 * A word never equals a text. An integer and a pointer of the same bits are the same word. Any thread may call anything here.
 */
#ifndef RUNTIME_KEY_H
#define RUNTIME_KEY_H

#include <string.h>

#include "runtime/base.h"

struct key {
	const char *text; /* NULL: a word */
	uint64_t word;	  /* of a text its length */
};

static inline struct key key_int(int64_t n)
{
	return (struct key){ .word = (uint64_t)n };
}

static inline struct key key_ptr(const void *p)
{
	return (struct key){ .word = (uintptr_t)p };
}

static inline struct key key_bytes(const void *text, size_t len)
{
	return (struct key){ .text = len ? text : "", .word = len };
}

static inline struct key key_str(const char *text)
{
	return key_bytes(text, strlen(text));
}

static inline bool key_equal(struct key a, struct key b)
{
	if (a.word != b.word || !a.text != !b.text)
		return false;
	return !a.text || memcmp(a.text, b.text, a.word) == 0;
}

/* Spread evenly over 64 bits, in a way that can't be foreseen without the seed. */
uint64_t key_hash(struct key k, uint64_t seed);

#endif
