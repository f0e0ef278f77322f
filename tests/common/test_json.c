/* SPDX-License-Identifier: MIT
 *
 * test_json: what the emitter writes, what the reader reads and refuses, and that they agree.
 */
#include "src/common/json.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "src/common/cleanup.h"
#include "tests/harness.h"

static struct buf out;

static const char *written(void)
{
	return buf_cstr(&out);
}

static struct json fresh(void)
{
	buf_done(&out);
	return json_to(&out);
}

TEST(json_writes_objects_and_arrays_with_commas)
{
	struct json j = fresh();
	json_object_begin(&j);
	json_put_str(&j, "a", STR("x"));
	json_put_u64(&j, "b", 2);
	json_put_array(&j, "c");
	json_array_end(&j);
	json_put_array(&j, "d");
	json_i64(&j, -1);
	json_bool(&j, true);
	json_nothing(&j);
	json_object_begin(&j);
	json_object_end(&j);
	json_array_begin(&j);
	json_array_end(&j);
	json_array_end(&j);
	json_put_object(&j, "e");
	json_put_bool(&j, "f", false);
	json_object_end(&j);
	json_put_cstr(&j, "g", NULL);
	json_put_i64(&j, "h", INT64_MIN);
	json_key(&j, "i");
	json_raw(&j, STR("[1,2]"));
	json_object_end(&j);
	CHECK_STR(written(), "{\"a\":\"x\",\"b\":2,\"c\":[],\"d\":[-1,true,null,{},[]],\"e\":{"
			     "\"f\":false},\"g\":null,"
			     "\"h\":-9223372036854775808,\"i\":[1,2]}");
}

static const char *string(struct str s)
{
	struct json j = fresh();
	json_str(&j, s);
	return written();
}

TEST(json_escapes_what_must_be)
{
	CHECK_STR(string(STR("a\"b\\c/d")), "\"a\\\"b\\\\c/d\"");
	CHECK_STR(string(STR("\b\f\n\r\t")), "\"\\b\\f\\n\\r\\t\"");
	CHECK_STR(string(STR("\0\x01\x1f\x7f")), "\"\\u0000\\u0001\\u001f\\u007f\"");
	CHECK_STR(string(STR("")), "\"\"");
}

TEST(json_keeps_valid_utf8)
{
	CHECK_STR(string(STR("é ☃ 💩 \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf")),
		  "\"é ☃ 💩 \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf\"");
}

TEST(json_replaces_each_byte_that_is_no_utf8)
{
#define R "\xef\xbf\xbd"
	CHECK_STR(string(STR("a\xff"
			     "b")),
		  "\"a" R "b\"");
	CHECK_STR(string(STR("\xc3")), "\"" R "\"");
	CHECK_STR(string(STR("\xc3\x28")), "\"" R "(\"");
	CHECK_STR(string(STR("\xc0\x80")), "\"" R R "\"");	       /* overlong */
	CHECK_STR(string(STR("\xe0\x80\x80")), "\"" R R R "\"");       /* overlong */
	CHECK_STR(string(STR("\xed\xa0\x80")), "\"" R R R "\"");       /* surrogate */
	CHECK_STR(string(STR("\xf4\x90\x80\x80")), "\"" R R R R "\""); /* past U+10FFFF */
	CHECK_STR(string(STR("\xf0\x9f\x92")), "\"" R R R "\"");
	CHECK_STR(string(STR("\x80")), "\"" R "\"");
#undef R
}

static const char *seconds(int64_t ns)
{
	struct json j = fresh();
	json_seconds(&j, ns);
	return written();
}

TEST(json_seconds_have_six_decimals)
{
	CHECK_STR(seconds(0), "0.000000");
	CHECK_STR(seconds(1250 * MICROSECOND), "0.001250");
	CHECK_STR(seconds(499), "0.000000");
	CHECK_STR(seconds(500), "0.000001");
	CHECK_STR(seconds(999999500), "1.000000");
	CHECK_STR(seconds(12 * SECOND + 34), "12.000000");
	CHECK_STR(seconds(-1500 * MILLISECOND), "-1.500000");
	CHECK_STR(seconds(-1), "0.000000");
	CHECK_STR(seconds(INT64_MAX), "9223372036.854776");
	CHECK_STR(seconds(INT64_MIN), "-9223372036.854776");
}

static const char *fixed(double v, unsigned decimals)
{
	struct json j = fresh();
	json_fixed(&j, v, decimals);
	return written();
}

TEST(json_fixed_rounds_and_refuses_what_json_cannot_say)
{
	CHECK_STR(fixed(1.5, 2), "1.50");
	CHECK_STR(fixed(0.999, 2), "1.00");
	CHECK_STR(fixed(-0.25, 1), "-0.3");
	CHECK_STR(fixed(-0.01, 1), "0.0");
	CHECK_STR(fixed(2.5, 0), "3");
	CHECK_STR(fixed(123456789.125, 3), "123456789.125");
	CHECK_STR(fixed(1e15, 1), "null");
	CHECK_STR(fixed(DBL_MAX, 1), "null");
	CHECK_STR(fixed((double)INFINITY, 1), "null");
	CHECK_STR(fixed((double)NAN, 1), "null");
}

TEST(json_read_gives_members_in_order)
{
	struct json_reader r;
	struct json_item item;
	CHECK_OK(json_reader_init(
		&r,
		STR(" { \"a\" : 1 , \"b\":\"x\\\"y\",\"c\":{\"d\":[1,{\"e\":null}]} ,\"f\":[ ] , "
		    "\"g\":true,\"h\":false,\"i\":null, \"\":-1.5e+3} \n")));
	CHECK_EQ(json_next(&r, &item), 1);
	CHECK(json_key_is(&item, "a") && item.type == JSON_IS_NUMBER && str_eq(item.raw, STR("1")));
	CHECK_EQ(json_next(&r, &item), 1);
	CHECK(json_key_is(&item, "b") && item.type == JSON_IS_STRING &&
	      str_eq(item.raw, STR("x\\\"y")));
	CHECK_EQ(json_next(&r, &item), 1);
	CHECK(item.type == JSON_IS_OBJECT && str_eq(item.raw, STR("{\"d\":[1,{\"e\":null}]}")));
	CHECK_EQ(json_next(&r, &item), 1);
	CHECK(item.type == JSON_IS_ARRAY && str_eq(item.raw, STR("[ ]")));
	CHECK(json_next(&r, &item) == 1 && item.type == JSON_IS_TRUE);
	CHECK(json_next(&r, &item) == 1 && item.type == JSON_IS_FALSE);
	CHECK(json_next(&r, &item) == 1 && item.type == JSON_IS_NULL);
	CHECK(json_next(&r, &item) == 1 && item.key.len == 0 && str_eq(item.raw, STR("-1.5e+3")));
	CHECK_EQ(json_next(&r, &item), 0);
	CHECK_EQ(json_next(&r, &item), 0);
}

TEST(json_read_arrays)
{
	struct json_reader r;
	struct json_item item;
	uint64_t sum = 0, v;
	CHECK_OK(json_reader_init(&r, STR("[1,2, 3 ]")));
	while (json_next(&r, &item) > 0) {
		CHECK_OK(json_item_u64(&item, 100, &v));
		sum += v;
	}
	CHECK_EQ(sum, 6);
}

/* How json_next ends over all of text: 0, or its error. */
static int read_all(struct str text)
{
	struct json_reader r;
	struct json_item item;
	char *copy = malloc(text.len ? text.len : 1);
	memcpy(copy, text.data, text.len);
	int more = json_reader_init(&r, str_make(copy, text.len));
	if (more == 0)
		while ((more = json_next(&r, &item)) > 0)
			;
	free(copy);
	return more;
}

TEST(json_read_refuses_what_is_malformed)
{
	static const char *const bad[] = {
		"",
		"1",
		"\"a\"",
		"{",
		"[",
		"{]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{,\"a\":1}",
		"{a:1}",
		"{'a':1}",
		"[1,]",
		"[,]",
		"[1 2]",
		"[1}",
		"{} x",
		"{}{}",
		"[01]",
		"[+1]",
		"[.5]",
		"[1.]",
		"[1e]",
		"[-]",
		"[1e+]",
		"[0x1]",
		"[nul]",
		"[True]",
		"[\"a]",
		"[\"\n\"]",
		"[\"\\\"]",
		"[[1,]]",
		"[[1}]",
		"[{\"a\" 1}]",
		"[{\"a\":1,}]",
		"[[],[}]",
		"[{1:2}]",
		"{\"a\":[1}}",
		"[truefalse]",
		"[1true]",
		"[\"a\"\"b\"]",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (read_all(str_of(bad[i])) != -EINVAL)
			test_fail("%s: %d", bad[i], read_all(str_of(bad[i])));
}

TEST(json_read_refuses_every_truncation)
{
	static const char text[] = "{\"a\":[1,{\"b\":\"x\\u00e9\"},-1.5e3,true,null],\"c\":{}}";
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		CHECK_EQ(read_all(str_make(text, n)), -EINVAL);
	CHECK_EQ(read_all(str_of(text)), 0);
}

TEST(json_read_limits_depth_without_recursion)
{
	cleanup(buf_done) struct buf b = { 0 };
	for (int i = 0; i < JSON_DEPTH + 1; i++)
		buf_append_char(&b, '[');
	for (int i = 0; i < JSON_DEPTH + 1; i++)
		buf_append_char(&b, ']');
	CHECK_EQ(read_all(buf_str(&b)), 0); /* the outermost is the reader's own */
	buf_clear(&b);
	for (int i = 0; i < 1000000; i++)
		buf_append_char(&b, '[');
	CHECK_EQ(read_all(buf_str(&b)), -E2BIG);
}

static const char *unescape(const char *raw)
{
	buf_done(&out);
	int err = json_unescape(str_of(raw), &out);
	return err ? "refused" : written();
}

TEST(json_unescape_all_forms)
{
	CHECK_STR(unescape("plain é"), "plain é");
	CHECK_STR(unescape("\\\"\\\\\\/\\b\\f\\n\\r\\t"), "\"\\/\b\f\n\r\t");
	CHECK_STR(unescape("\\u0041\\u00e9\\u2603\\uFFFD"), "Aé☃\xef\xbf\xbd");
	CHECK_STR(unescape("\\ud83d\\udca9!"), "💩!");
	CHECK_STR(unescape("\\ud83d"), "refused");
	CHECK_STR(unescape("\\udca9"), "refused");
	CHECK_STR(unescape("\\ud83d\\u0041"), "refused");
	CHECK_STR(unescape("\\u12"), "refused");
	CHECK_STR(unescape("\\u12g4"), "refused");
	CHECK_STR(unescape("\\x"), "refused");
	CHECK_STR(unescape("\\"), "refused");
}

TEST(json_what_is_written_reads_back)
{
	for (unsigned c = 0; c < 128; c++) {
		char text[3] = { 'a', (char)c, 'b' };
		struct json_item item;
		struct json j = fresh();
		json_object_begin(&j);
		json_put_str(&j, "k", str_make(text, 3));
		json_object_end(&j);
		CHECK(json_get(buf_str(&out), "k", &item));
		cleanup(buf_done) struct buf back = { 0 };
		CHECK_OK(json_unescape(item.raw, &back));
		CHECK(str_eq(buf_str(&back), str_make(text, 3)));
	}
}

TEST(json_get_finds_the_first_of_a_key)
{
	struct json_item item;
	uint64_t v;
	CHECK(json_get(STR("{\"a\":1,\"b\":2,\"b\":3}"), "b", &item));
	CHECK_OK(json_item_u64(&item, 9, &v));
	CHECK_EQ(v, 2);
	CHECK(!json_get(STR("{\"a\":{\"b\":1}}"), "b", &item));
	CHECK(!json_get(STR("[1]"), "b", &item));
	CHECK(!json_get(STR("nonsense"), "b", &item));
}

static struct json_item value(const char *text)
{
	struct json_item item;
	CHECK(json_get(str_of(text), "v", &item));
	return item;
}

TEST(json_values_are_strict)
{
	struct json_item item;
	uint64_t u;
	int64_t i, ns;
	bool b;
	item = value("{\"v\":-9223372036854775808}");
	CHECK_OK(json_item_i64(&item, &i));
	CHECK(i == INT64_MIN);
	CHECK_EQ(json_item_u64(&item, UINT64_MAX, &u), -EINVAL);
	item = value("{\"v\":9223372036854775808}");
	CHECK_EQ(json_item_i64(&item, &i), -ERANGE);
	item = value("{\"v\":1.5}");
	CHECK_EQ(json_item_u64(&item, 9, &u), -EINVAL);
	CHECK_OK(json_item_seconds(&item, &ns));
	CHECK_EQ(ns, 1500 * MILLISECOND);
	item = value("{\"v\":0.000001}");
	CHECK_OK(json_item_seconds(&item, &ns));
	CHECK_EQ(ns, MICROSECOND);
	item = value("{\"v\":3}");
	CHECK_OK(json_item_seconds(&item, &ns));
	CHECK_EQ(ns, 3 * SECOND);
	CHECK_EQ(json_item_bool(&item, &b), -EINVAL);
	item = value("{\"v\":\"3\"}");
	CHECK_EQ(json_item_u64(&item, 9, &u), -EINVAL);
	item = value("{\"v\":1e3}");
	CHECK_EQ(json_item_seconds(&item, &ns), -EINVAL);
	item = value("{\"v\":true}");
	CHECK(json_item_bool(&item, &b) == 0 && b);
}

TEST(json_emitter_keeps_the_buffers_error)
{
	struct json j = fresh();
	CHECK_EQ(buf_reserve(&out, BUF_LIMIT + 1), -EFBIG);
	json_object_begin(&j);
	json_put_seconds(&j, "a", 1);
	json_object_end(&j);
	CHECK_EQ(out.failed, -EFBIG);
	CHECK_EQ(out.len, 0);
	buf_done(&out);
}
