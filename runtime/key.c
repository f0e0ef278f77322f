/* SPDX-License-Identifier: MIT
 *
 * key: hashing. Texts come from the network: whoever sends them must not be able to make them collide. So they get SipHash
 * (Aumasson, Bernstein: SipHash, a fast short-input PRF, 2012) in its 1-3 form, one round a word and three at the end, which Rust
 * and CPython use for the same purpose. Words are mixed by folded multiplication (Wang Yi's wyhash): a 64 x 64 bit
 * product whose halves are added without carry.
 */
#include "runtime/key.h"

#include <endian.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 = rotate(s->v2, 32);
}

static void sip_take(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

/* Up to 8 bytes as a little-endian number. */
static uint64_t read_word(const char *bytes, size_t len)
{
	uint64_t word = 0;
	memcpy(&word, bytes, len);
	return le64toh(word);
}

static uint64_t hash_text(const char *text, size_t len, uint64_t key0, uint64_t key1)
{
	struct sip s = { key0 ^ UINT64_C(0x736f6d6570736575), key1 ^ UINT64_C(0x646f72616e646f6d),
			 key0 ^ UINT64_C(0x6c7967656e657261), key1 ^ UINT64_C(0x7465646279746573) };
	size_t whole = len & ~(size_t)7;
	for (size_t i = 0; i < whole; i += 8)
		sip_take(&s, read_word(text + i, 8));
	sip_take(&s, read_word(text + whole, len & 7) | (uint64_t)len << 56);
	s.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t key_hash(struct key k, uint64_t seed)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / the golden ratio */
	if (k.text)
		return hash_text(k.text, k.word, seed, seed * odd);
	return fold(fold(k.word ^ seed, odd) ^ rotate(seed, 32), UINT64_C(0xd6e8feb86659fd93));
}
