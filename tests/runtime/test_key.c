/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "runtime/key.h"
#include "tests/harness.h"

TEST(key_equal_compares_what_it_was_made_of)
{
	char same[] = "abc";
	int x, y;
	CHECK(key_equal(key_int(-5), key_int(-5)));
	CHECK(!key_equal(key_int(5), key_int(-5)));
	CHECK(key_equal(key_int(INT64_MIN), key_int(INT64_MIN)));
	CHECK(key_equal(key_ptr(&x), key_ptr(&x)));
	CHECK(!key_equal(key_ptr(&x), key_ptr(&y)));
	CHECK(key_equal(key_str("abc"), key_str(same)));
	CHECK(key_equal(key_str("abc"), key_bytes("abcdef", 3)));
	CHECK(!key_equal(key_str("abc"), key_str("abd")));
	CHECK(!key_equal(key_str("abc"), key_str("abcd")));
	CHECK(key_equal(key_bytes("a\0b", 3), key_bytes("a\0b", 3)));
	CHECK(!key_equal(key_bytes("a\0b", 3), key_bytes("a\0c", 3)));
}

TEST(key_word_is_never_a_text)
{
	CHECK(!key_equal(key_int(0), key_str("")));
	CHECK(!key_equal(key_str(""), key_int(0)));
	CHECK(!key_equal(key_int(3), key_str("abc")));
	CHECK(!key_equal(key_ptr(NULL), key_bytes(NULL, 0)));
	CHECK(key_equal(key_bytes(NULL, 0), key_str("")));
}

/* What CPython, which has SipHash-1-3 too, gives for these bytes with the key 0 (PYTHONHASHSEED=0). */
TEST(key_hash_of_a_text_is_siphash_1_3)
{
	char bytes[63];
	for (int i = 0; i < 63; i++)
		bytes[i] = (char)i;
	CHECK(key_hash(key_str("a"), 0) == UINT64_C(0x407448d2b89b1813));
	CHECK(key_hash(key_str("abcdefg"), 0) == UINT64_C(0x6db12aae9070f506));
	CHECK(key_hash(key_str("abcdefgh"), 0) == UINT64_C(0x3f7b849c0b8e35ea));
	CHECK(key_hash(key_str("example.com"), 0) == UINT64_C(0x7e0432aaedb1758c));
	CHECK(key_hash(key_bytes(bytes, 63), 0) == UINT64_C(0x385d3e39e5f37359));
}

TEST(key_hash_depends_on_the_seed)
{
	CHECK(key_hash(key_str("a"), 1) != key_hash(key_str("a"), 2));
	CHECK(key_hash(key_str(""), 1) != key_hash(key_str(""), 2));
	CHECK(key_hash(key_int(7), 1) != key_hash(key_int(7), 2));
	CHECK(key_hash(key_int(0), 1) != key_hash(key_int(0), 2));
}

TEST(key_hash_does_not_look_at_where_the_text_lies)
{
	char bytes[32];
	for (int shift = 0; shift < 8; shift++) {
		memcpy(bytes + shift, "somewhere else", 14);
		CHECK(key_hash(key_bytes(bytes + shift, 14), 9) ==
		      key_hash(key_str("somewhere else"), 9));
	}
}

enum {
	BUCKETS = 256,
	EACH = 64
};

/* Even to within 8 sigma of a fair throw. */
static void check_even(const int *count)
{
	for (int i = 0; i < BUCKETS; i++) {
		CHECK_LT(0, count[i]);
		CHECK_LT(count[i], EACH + 8 * 8);
	}
}

static void check_spread(int64_t step, int shift)
{
	int count[BUCKETS] = { 0 };
	for (int64_t i = 0; i < BUCKETS * EACH; i++)
		count[key_hash(key_int(i * step), 12345) >> shift & (BUCKETS - 1)]++;
	check_even(count);
}

TEST(key_hash_spreads_numbers_and_pointers_over_high_and_low_bits)
{
	for (int shift = 0; shift <= 56; shift += 8) {
		check_spread(1, shift);
		check_spread(64, shift);
		check_spread(4096, shift);
		check_spread(INT64_C(1) << 32, shift);
	}
}

TEST(key_hash_spreads_texts)
{
	int low[BUCKETS] = { 0 }, high[BUCKETS] = { 0 };
	char text[32];
	for (int i = 0; i < BUCKETS * EACH; i++) {
		snprintf(text, sizeof(text), "host%d.example", i);
		uint64_t hash = key_hash(key_str(text), 1);
		low[hash & (BUCKETS - 1)]++;
		high[hash >> 56]++;
	}
	check_even(low);
	check_even(high);
}
