/* SPDX-License-Identifier: MIT
 *
 * test_buf: appending, and the error that sticks.
 */
#include "src/common/buf.h"

#include <errno.h>

#include "src/common/cleanup.h"
#include "tests/harness.h"

TEST(buf_zero_value_is_ready)
{
	struct buf b = { 0 };
	CHECK_STR(buf_cstr(&b), "");
	CHECK_EQ(b.len, 0);
	buf_done(&b);
	CHECK(b.data == NULL && b.cap == 0);
	buf_done(&b);
}

TEST(buf_appends_text_and_numbers)
{
	cleanup(buf_done) struct buf b = { 0 };
	buf_append_str(&b, STR("a"));
	buf_append_char(&b, ' ');
	buf_append_u64(&b, 0);
	buf_append_char(&b, ' ');
	buf_append_u64(&b, UINT64_MAX);
	buf_append_char(&b, ' ');
	buf_append_i64(&b, INT64_MIN);
	buf_append_char(&b, ' ');
	buf_append_hex(&b, "\x00\xff\x1a", 3);
	CHECK_OK(buf_printf(&b, " %s=%d", "k", 7));
	CHECK_STR(buf_cstr(&b), "a 0 18446744073709551615 -9223372036854775808 00ff1a k=7");
}

TEST(buf_grows_over_many_appends)
{
	cleanup(buf_done) struct buf b = { 0 };
	for (int i = 0; i < 100000; i++)
		CHECK_OK(buf_append_char(&b, (char)('a' + i % 26)));
	CHECK_EQ(b.len, 100000);
	CHECK_EQ(b.data[99999], 'a' + 99999 % 26);
}

TEST(buf_base64_of_rfc_4648)
{
	static const char *const pairs[][2] = { { "", "" },
						{ "f", "Zg==" },
						{ "fo", "Zm8=" },
						{ "foo", "Zm9v" },
						{ "foob", "Zm9vYg==" },
						{ "fooba", "Zm9vYmE=" },
						{ "foobar", "Zm9vYmFy" },
						{ "\xff\xfe\xfd", "//79" } };
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		cleanup(buf_done) struct buf b = { 0 };
		CHECK_OK(buf_append_base64(&b, str_of(pairs[i][0])));
		CHECK_STR(buf_cstr(&b), pairs[i][1]);
	}
}

TEST(buf_error_sticks_until_cleared)
{
	cleanup(buf_done) struct buf b = { 0 };
	CHECK_OK(buf_append_str(&b, STR("kept")));
	CHECK_EQ(buf_reserve(&b, BUF_LIMIT), -EFBIG);
	CHECK_EQ(buf_append_char(&b, 'x'), -EFBIG);
	CHECK_EQ(buf_reserve(&b, SIZE_MAX), -EFBIG);
	CHECK_EQ(buf_append_u64(&b, 1), -EFBIG);
	CHECK_EQ(b.failed, -EFBIG);
	CHECK_EQ(b.len, 4);
	CHECK(buf_cstr(&b) == NULL);
	buf_clear(&b);
	CHECK_OK(buf_append_char(&b, 'x'));
	CHECK_STR(buf_cstr(&b), "x");
}

TEST(buf_on_borrowed_memory_leaves_it_when_it_grows)
{
	char room[8] = "";
	cleanup(buf_done) struct buf b = { .data = room, .cap = sizeof(room), .borrowed = true };
	CHECK_OK(buf_append_str(&b, STR("12345678")));
	CHECK(b.data == room);
	CHECK_OK(buf_append_char(&b, '9'));
	CHECK(b.data != room && str_eq(buf_str(&b), STR("123456789")));
	CHECK(str_eq(str_make(room, 8), STR("12345678")));
}

TEST(buf_consume_drops_the_beginning)
{
	cleanup(buf_done) struct buf b = { 0 };
	buf_append_str(&b, STR("hello"));
	buf_consume(&b, 2);
	CHECK_STR(buf_cstr(&b), "llo");
	buf_consume(&b, 0);
	CHECK_STR(buf_cstr(&b), "llo");
	buf_consume(&b, 99);
	CHECK_STR(buf_cstr(&b), "");
}
