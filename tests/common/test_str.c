/* SPDX-License-Identifier: MIT
 *
 * test_str: slices and the strict parsers.
 */
#include "src/common/str.h"

#include <errno.h>
#include <stdlib.h>

#include "src/common/cleanup.h"
#include "tests/harness.h"

#define CHECK_SLICE(s, literal) CHECK(str_eq((s), STR(literal)))

TEST(str_equality_is_by_bytes)
{
	CHECK(str_eq(STR("ab"), STR("ab")));
	CHECK(str_eq((struct str){ 0 }, STR("")));
	CHECK(!str_eq(STR("ab"), STR("aB")));
	CHECK(!str_eq(STR("ab"), STR("abc")));
	CHECK(str_eq(STR("a\0b"), STR("a\0b")));
	CHECK(!str_eq(STR("a\0b"), STR("a\0c")));
}

TEST(str_equality_without_case_is_ascii_only)
{
	CHECK(str_eq_nocase(STR("Content-LENGTH"), STR("content-length")));
	CHECK(!str_eq_nocase(STR("@"), STR("`")));
	CHECK(!str_eq_nocase(STR("["), STR("{")));
	CHECK(!str_eq_nocase(STR("\xc9"), STR("\xe9")));
}

TEST(str_compare_orders_by_bytes_then_length)
{
	CHECK_LT(str_compare(STR("a"), STR("b")), 0);
	CHECK_LT(str_compare(STR("a"), STR("ab")), 0);
	CHECK_LT(str_compare(STR("z"), STR("\xe9")), 0);
	CHECK_EQ(str_compare(STR("a"), STR("a")), 0);
	CHECK_LT(0, str_compare(STR("b"), STR("ab")));
}

TEST(str_slices_are_clamped)
{
	CHECK_SLICE(str_slice(STR("hello"), 1, 3), "ell");
	CHECK_SLICE(str_slice(STR("hello"), 3, SIZE_MAX), "lo");
	CHECK_SLICE(str_slice(STR("hello"), 5, 1), "");
	CHECK_SLICE(str_slice(STR("hello"), SIZE_MAX, SIZE_MAX), "");
}

TEST(str_starts_and_ends)
{
	CHECK(str_starts(STR("http://x"), STR("http:")));
	CHECK(!str_starts(STR("http"), STR("http:")));
	CHECK(str_ends(STR("a.com"), STR(".com")));
	CHECK(!str_ends(STR("com"), STR(".com")));
	CHECK(str_starts(STR(""), STR("")) && str_ends(STR(""), STR("")));
}

TEST(str_trim_takes_spaces_tabs_and_line_ends)
{
	CHECK_SLICE(str_trim(STR(" \t\r\n a b \r\n")), "a b");
	CHECK_SLICE(str_trim(STR("  ")), "");
	CHECK_SLICE(str_trim(STR("\va\f")), "\va\f");
}

TEST(str_cut_at_the_first)
{
	struct str a, b;
	CHECK(str_cut(STR("k=v=w"), '=', &a, &b));
	CHECK_SLICE(a, "k");
	CHECK_SLICE(b, "v=w");
	CHECK(!str_cut(STR("k"), '=', &a, &b));
	CHECK_SLICE(a, "k");
	CHECK_SLICE(b, "");
	CHECK(str_cut(STR("="), '=', &a, NULL));
	CHECK_SLICE(a, "");
}

static int items_of(struct str list)
{
	struct str item;
	int n = 0;
	while (str_next(&list, ',', &item))
		n++;
	return n;
}

TEST(str_next_gives_trimmed_items_empty_ones_too)
{
	struct str rest = STR(" a ,b,, c"), item;
	CHECK(str_next(&rest, ',', &item) && str_eq(item, STR("a")));
	CHECK(str_next(&rest, ',', &item) && str_eq(item, STR("b")));
	CHECK(str_next(&rest, ',', &item) && str_eq(item, STR("")));
	CHECK(str_next(&rest, ',', &item) && str_eq(item, STR("c")));
	CHECK(!str_next(&rest, ',', &item));
	CHECK_EQ(items_of(STR("a,")), 2);
	CHECK_EQ(items_of(STR(",")), 2);
	CHECK_EQ(items_of(STR("")), 1);
	CHECK_EQ(items_of((struct str){ 0 }), 0);
}

TEST(str_next_word_skips_commas_and_white_space)
{
	struct str rest = STR(" a ,\tb\r\n,,c d"), item;
	CHECK(str_next_word(&rest, &item) && str_eq(item, STR("a")));
	CHECK(str_next_word(&rest, &item) && str_eq(item, STR("b")));
	CHECK(str_next_word(&rest, &item) && str_eq(item, STR("c")));
	CHECK(str_next_word(&rest, &item) && str_eq(item, STR("d")));
	CHECK(!str_next_word(&rest, &item));
	rest = STR(" , ");
	CHECK(!str_next_word(&rest, &item));
	rest = (struct str){ 0 };
	CHECK(!str_next_word(&rest, &item));
}

TEST(str_numbers_are_strict)
{
	static const char *const bad[] = { "", "+1", "-1", " 1", "1 ", "0x1", "1.0", "1e3", "١" };
	uint64_t v = 7;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_EQ(str_parse_u64(str_of(bad[i]), UINT64_MAX, &v), -EINVAL);
	CHECK_EQ(v, 7); /* untouched on failure */
	CHECK_OK(str_parse_u64(STR("007"), 7, &v));
	CHECK_EQ(v, 7);
	CHECK_OK(str_parse_u64(STR("18446744073709551615"), UINT64_MAX, &v));
	CHECK(v == UINT64_MAX);
	CHECK_EQ(str_parse_u64(STR("18446744073709551616"), UINT64_MAX, &v), -ERANGE);
	CHECK_EQ(str_parse_u64(STR("99999999999999999999999999999"), UINT64_MAX, &v), -ERANGE);
	CHECK_EQ(str_parse_u64(STR("99999999999999999999999999999x"), UINT64_MAX, &v), -EINVAL);
	CHECK_EQ(str_parse_u64(STR("8"), 7, &v), -ERANGE);
}

TEST(str_durations)
{
	int64_t ns = -1;
	CHECK_OK(str_parse_duration(STR("250ms"), INT64_MAX, &ns));
	CHECK_EQ(ns, 250 * MILLISECOND);
	CHECK_OK(str_parse_duration(STR("5s"), INT64_MAX, &ns));
	CHECK_EQ(ns, 5 * SECOND);
	CHECK_OK(str_parse_duration(STR("2m"), INT64_MAX, &ns));
	CHECK_EQ(ns, 120 * SECOND);
	CHECK_OK(str_parse_duration(STR("1h"), INT64_MAX, &ns));
	CHECK_EQ(ns, 3600 * SECOND);
	CHECK_OK(str_parse_duration(STR("1d"), INT64_MAX, &ns));
	CHECK_EQ(ns, 86400 * SECOND);
	CHECK_OK(str_parse_duration(STR("0"), INT64_MAX, &ns));
	CHECK_EQ(ns, 0);
	CHECK_EQ(str_parse_duration(STR("5"), INT64_MAX, &ns), -EINVAL);
	CHECK_EQ(str_parse_duration(STR("s"), INT64_MAX, &ns), -EINVAL);
	CHECK_EQ(str_parse_duration(STR("5 s"), INT64_MAX, &ns), -EINVAL);
	CHECK_EQ(str_parse_duration(STR("5S"), INT64_MAX, &ns), -EINVAL);
	CHECK_EQ(str_parse_duration(STR("1s1"), INT64_MAX, &ns), -EINVAL);
	CHECK_EQ(str_parse_duration(STR("9223372037s"), INT64_MAX, &ns), -ERANGE);
	CHECK_EQ(str_parse_duration(STR("18446744073709551615h"), INT64_MAX, &ns), -ERANGE);
	CHECK_EQ(str_parse_duration(STR("2s"), SECOND, &ns), -ERANGE);
}

TEST(str_sizes)
{
	uint64_t n = 0;
	CHECK_OK(str_parse_size(STR("64"), UINT64_MAX, &n));
	CHECK_EQ(n, 64);
	CHECK_OK(str_parse_size(STR("64k"), UINT64_MAX, &n));
	CHECK_EQ(n, 65536);
	CHECK_OK(str_parse_size(STR("10M"), UINT64_MAX, &n));
	CHECK_EQ(n, 10 << 20);
	CHECK_OK(str_parse_size(STR("1G"), UINT64_MAX, &n));
	CHECK_EQ(n, 1 << 30);
	CHECK_OK(str_parse_size(STR("0"), UINT64_MAX, &n));
	CHECK_EQ(n, 0);
	CHECK_EQ(str_parse_size(STR("1kB"), UINT64_MAX, &n), -EINVAL);
	CHECK_EQ(str_parse_size(STR("k"), UINT64_MAX, &n), -EINVAL);
	CHECK_EQ(str_parse_size(STR("17179869184G"), UINT64_MAX, &n), -ERANGE);
	CHECK_EQ(str_parse_size(STR("2k"), 2047, &n), -ERANGE);
}

TEST(str_bools)
{
	bool b = false;
	CHECK(str_parse_bool(STR("yes"), &b) == 0 && b);
	CHECK(str_parse_bool(STR("off"), &b) == 0 && !b);
	CHECK(str_parse_bool(STR("1"), &b) == 0 && b);
	CHECK_EQ(str_parse_bool(STR("Yes"), &b), -EINVAL);
	CHECK_EQ(str_parse_bool(STR(""), &b), -EINVAL);
	CHECK_STR(str_parse_error(-ERANGE), "out of range");
}

TEST(cleanup_take_leaves_null_behind)
{
	cleanup(cleanup_free) char *p = str_dup(STR("x"));
	char *q = TAKE(p);
	CHECK(p == NULL);
	CHECK_STR(q, "x");
	free(q);
}
