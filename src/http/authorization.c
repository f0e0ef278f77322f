/* SPDX-License-Identifier: MIT
 *
 * authorization: see authorization.h.
 */
#include "src/http/authorization.h"

#include "src/common/cleanup.h"
#include "src/http/percent.h"

static int append_basic(struct buf *b, const struct buf *plain)
{
	if (plain->failed)
		return plain->failed;
	buf_append_str(b, STR("Basic "));
	return buf_append_base64(b, buf_str(plain));
}

int authorization_basic(struct buf *b, struct str user, struct str password)
{
	cleanup(buf_done) struct buf plain = { 0 };
	buf_append_str(&plain, user);
	buf_append_char(&plain, ':');
	buf_append_str(&plain, password);
	return append_basic(b, &plain);
}

int authorization_userinfo(struct buf *b, struct str username, struct str password)
{
	cleanup(buf_done) struct buf plain = { 0 };
	percent_decode(&plain, username);
	buf_append_char(&plain, ':');
	percent_decode(&plain, password);
	return append_basic(b, &plain);
}

int authorization_bearer(struct buf *b, struct str token)
{
	buf_append_str(b, STR("Bearer "));
	return buf_append_str(b, token);
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] < ' ' || s.data[i] == 0x7f)
			return true;
	return false;
}

const char *authorization_bad_user(struct str user)
{
	if (str_index(user, ':') >= 0)
		return "the user's name holds a colon";
	return has_control(user) ? "the user's name holds a control character" : NULL;
}

const char *authorization_bad_password(struct str password)
{
	return has_control(password) ? "the password holds a control character" : NULL;
}

const char *authorization_bad_token(struct str token)
{
	if (token.len == 0)
		return "the token is empty";
	for (size_t i = 0; i < token.len; i++)
		if ((unsigned char)token.data[i] <= ' ' || (unsigned char)token.data[i] >= 0x7f)
			return "the token holds a byte that is no visible ASCII";
	return NULL;
}
