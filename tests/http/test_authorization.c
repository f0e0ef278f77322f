/* SPDX-License-Identifier: MIT
 *
 * test_authorization: the field's value, and what can't be said in it.
 */
#include "src/http/authorization.h"

#include "src/common/cleanup.h"
#include "tests/harness.h"

TEST(authorization_basic_is_user_and_password_in_base64)
{
	cleanup(buf_done) struct buf b = { 0 };
	CHECK_OK(authorization_basic(&b, STR("Aladdin"), STR("open sesame")));
	CHECK_STR(buf_cstr(&b), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	buf_clear(&b);
	CHECK_OK(authorization_basic(&b, STR("u"), STR("")));
	CHECK_STR(buf_cstr(&b), "Basic dTo=");
	buf_clear(&b);
	CHECK_OK(authorization_basic(&b, STR(""), STR("a%20:b")));
	CHECK_STR(buf_cstr(&b), "Basic OmElMjA6Yg==");
}

TEST(authorization_of_userinfo_is_decoded_first)
{
	cleanup(buf_done) struct buf b = { 0 };
	CHECK_OK(authorization_userinfo(&b, STR("Aladdin"), STR("open%20sesame")));
	CHECK_STR(buf_cstr(&b), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	buf_clear(&b);
	CHECK_OK(authorization_userinfo(&b, STR("a%0d%0ab"), STR(""))); /* no line ends there */
	CHECK_STR(buf_cstr(&b), "Basic YQ0KYjo=");
}

TEST(authorization_bearer_is_the_token_itself)
{
	cleanup(buf_done) struct buf b = { 0 };
	CHECK_OK(authorization_bearer(&b, STR("mF_9.B5f-4.1JqM")));
	CHECK_STR(buf_cstr(&b), "Bearer mF_9.B5f-4.1JqM");
}

TEST(authorization_refuses_what_its_grammar_has_no_place_for)
{
	CHECK(!authorization_bad_user(STR("")) && !authorization_bad_user(STR("J\xc3\xbcrgen x")));
	CHECK_STR(authorization_bad_user(STR("a:b")), "the user's name holds a colon");
	CHECK_STR(authorization_bad_user(STR("a\n")), "the user's name holds a control character");
	CHECK(!authorization_bad_password(STR(" a:b ")));
	CHECK_STR(authorization_bad_password(STR("\x7f")),
		  "the password holds a control character");
	CHECK(!authorization_bad_token(STR("a.b~c+d/e==")));
	CHECK_STR(authorization_bad_token(STR("")), "the token is empty");
	CHECK_STR(authorization_bad_token(STR("a b")),
		  "the token holds a byte that is no visible ASCII");
	CHECK_STR(authorization_bad_token(STR("a\r\nX: y")),
		  "the token holds a byte that is no visible ASCII");
}
