/* SPDX-License-Identifier: MIT
 *
 * test_fields: the block of fields, and the little tables beside it: methods, errors,
 * percent-encoding.
 */
#include "src/http/fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/common/cleanup.h"
#include "src/http/error.h"
#include "src/http/method.h"
#include "src/http/percent.h"
#include "tests/harness.h"

TEST(fields_keep_order_case_and_repetition)
{
	cleanup(fields_done) struct fields f = { 0 };
	struct field got;
	uint32_t at = 0;
	CHECK_OK(fields_add(&f, STR("Set-Cookie"), STR("a")));
	CHECK_OK(fields_add(&f, STR("X"), STR("")));
	CHECK_OK(fields_add(&f, STR("set-cookie"), STR("bb ")));
	CHECK_EQ(f.count, 3);
	CHECK(fields_next(&f, &at, &got) && str_eq(got.name, STR("Set-Cookie")) &&
	      str_eq(got.value, STR("a")));
	CHECK(fields_next(&f, &at, &got) && str_eq(got.name, STR("X")) && got.value.len == 0);
	CHECK(fields_next(&f, &at, &got) && str_eq(got.name, STR("set-cookie")) &&
	      str_eq(got.value, STR("bb")));
	CHECK(!fields_next(&f, &at, &got));
	CHECK_EQ(fields_count(&f, STR("SET-COOKIE")), 2);
}

TEST(fields_are_found_without_case)
{
	cleanup(fields_done) struct fields f = { 0 };
	struct str v = STR("untouched");
	CHECK(!fields_get(&f, STR("ETag"), &v));
	CHECK(str_eq(v, STR("untouched")));
	CHECK_OK(fields_add(&f, STR("etag"), STR("\"1\"")));
	CHECK_OK(fields_add(&f, STR("ETAG"), STR("\"2\"")));
	CHECK(fields_get(&f, STR("ETag"), &v) && str_eq(v, STR("\"1\"")));
	CHECK_EQ(fields_value(&f, STR("Etag2")).len, 0);
}

TEST(fields_tokens_of_lists)
{
	cleanup(fields_done) struct fields f = { 0 };
	CHECK_OK(fields_add(&f, STR("Connection"), STR("foo")));
	CHECK_OK(fields_add(&f, STR("connection"), STR(" , Upgrade ,close")));
	CHECK(fields_has_token(&f, STR("Connection"), STR("CLOSE")));
	CHECK(fields_has_token(&f, STR("Connection"), STR("upgrade")));
	CHECK(!fields_has_token(&f, STR("Connection"), STR("clos")));
	CHECK(!fields_has_token(&f, STR("Other"), STR("close")));
}

TEST(fields_grow_and_move)
{
	struct fields f = { 0 };
	char name[16];
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		CHECK_OK(fields_add(&f, str_of(name), str_of(name)));
	}
	struct fields taken = fields_take(&f);
	CHECK(f.block == NULL && f.count == 0);
	CHECK_EQ(taken.count, 5000);
	CHECK(str_eq(fields_value(&taken, STR("N4999")), STR("n4999")));
	fields_clear(&taken);
	CHECK(taken.count == 0 && taken.block != NULL);
	CHECK_OK(fields_add(&taken, STR("a"), STR("b")));
	CHECK(str_eq(fields_value(&taken, STR("A")), STR("b")));
	fields_done(&taken);
}

TEST(fields_lend_their_block_while_they_are_empty)
{
	cleanup(fields_done) struct fields f = { 0 };
	cleanup(buf_done) struct buf b = fields_lend(&f);
	CHECK_OK(buf_append_str(&b, STR("GET / HTTP/1.1")));
	CHECK(b.data == f.block);
	CHECK_OK(fields_add(&f, STR("a"), STR("1")));
	CHECK(b.data == f.block && str_eq(fields_value(&f, STR("A")), STR("1")));
}

TEST(field_names_and_values)
{
	CHECK(field_name_valid(STR("X-a_b.c!#$%&'*+^`|~9")));
	CHECK(!field_name_valid(STR("")));
	static const char *const names[] = { "a b", "a:",  "a\r",      "a\n", "(a)",
					     "a/b", "a\"", "\xc3\xa9", "a\t", "a@b" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK(!field_name_valid(str_of(names[i])));
	CHECK(field_value_valid(STR("")) && field_value_valid(STR("a\tb \xc3\xa9 \"q\"")));
	static const char *const values[] = { " a",  "a ",    "\ta",  "a\r\nb: c",
					      "a\n", "a\x01", "a\x7f" };
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		CHECK(!field_value_valid(str_of(values[i])));
	CHECK(!field_value_valid(STR("a\0b")));
}

TEST(methods_of_rfc_9110)
{
	CHECK(method_safe(STR("GET")) && method_safe(STR("HEAD")) && method_safe(STR("OPTIONS")) &&
	      method_safe(STR("TRACE")));
	CHECK(!method_safe(STR("POST")) && !method_safe(STR("PUT")) &&
	      !method_safe(STR("DELETE")) && !method_safe(STR("get")));
	CHECK(method_idempotent(STR("GET")) && method_idempotent(STR("PUT")) &&
	      method_idempotent(STR("DELETE")));
	CHECK(!method_idempotent(STR("POST")) && !method_idempotent(STR("PATCH")) &&
	      !method_idempotent(STR("FROB")));
	CHECK(method_valid(STR("FROB")) && !method_valid(STR("GET /")) && !method_valid(STR("")));
}

TEST(errors_have_unique_stable_names)
{
	for (int e = FETCH_OK; e < FETCH_ERRORS_LEN; e++) {
		enum fetch_error found = FETCH_ERRORS_LEN;
		CHECK_OK(
			fetch_error_by_name(str_of(fetch_error_name((enum fetch_error)e)), &found));
		CHECK_EQ(found, e);
		CHECK(strlen(fetch_error_text((enum fetch_error)e)) > 5);
		CHECK((fetch_error_curl((enum fetch_error)e) == 0) == (e == FETCH_OK));
		CHECK(strspn(fetch_error_name((enum fetch_error)e),
			     "abcdefghijklmnopqrstuvwxyz_") ==
		      strlen(fetch_error_name((enum fetch_error)e)));
	}
	enum fetch_error untouched = FETCH_RESET;
	CHECK_EQ(fetch_error_by_name(STR("nonsense"), &untouched), -EINVAL);
	CHECK_EQ(untouched, FETCH_RESET);
	CHECK_STR(fetch_error_name((enum fetch_error)9999), "internal");
	CHECK_STR(fetch_error_name(FETCH_DNS_NOT_FOUND), "dns_not_found");
	CHECK(fetch_error_retryable(FETCH_RESET) && !fetch_error_retryable(FETCH_POLICY_DENIED));
}

TEST(percent_decodes_what_is_encoded)
{
	cleanup(buf_done) struct buf all = { 0 };
	static const enum percent_set sets[] = { PERCENT_FRAGMENT, PERCENT_QUERY, PERCENT_PATH,
						 PERCENT_USERINFO, PERCENT_COMPONENT };
	for (int c = 0; c < 256; c++)
		if (c != '%') /* only PERCENT_COMPONENT encodes it */
			buf_append_char(&all, (char)c);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		cleanup(buf_done) struct buf encoded = { 0 }, decoded = { 0 };
		CHECK_OK(percent_encode(&encoded, buf_str(&all), sets[i]));
		CHECK_OK(percent_decode(&decoded, buf_str(&encoded)));
		CHECK(str_eq(buf_str(&decoded), buf_str(&all)));
		for (size_t k = 0; k < encoded.len; k++)
			CHECK(encoded.data[k] > ' ' && encoded.data[k] < 0x7f);
	}
	buf_clear(&all);
	CHECK_OK(percent_encode(&all, STR("a/b c%\xc3\xa9~"), PERCENT_COMPONENT));
	CHECK_STR(buf_cstr(&all), "a%2Fb%20c%25%C3%A9~");
	buf_clear(&all);
	CHECK_OK(percent_decode(&all, STR("%41%4%zz%")));
	CHECK_STR(buf_cstr(&all), "A%4%zz%");
}
