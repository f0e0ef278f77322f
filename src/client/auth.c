/* SPDX-License-Identifier: MIT
 *
 * auth: see auth.h.
 */
#include "src/client/auth.h"

#include "src/http/authorization.h"

const char *fetch_auth_problem(const struct fetch_auth *auth)
{
	const char *problem = NULL;
	switch (auth->kind) {
	case FETCH_AUTH_NONE:
		return NULL;
	case FETCH_AUTH_BASIC:
		problem = authorization_bad_user(auth->user);
		return problem ? problem : authorization_bad_password(auth->password);
	case FETCH_AUTH_BEARER:
		return authorization_bad_token(auth->token);
	}
	return "auth of no known kind";
}

static bool has_userinfo(const struct url *url)
{
	return url->username.len || url->password.len;
}

int auth_write(struct buf *b, const struct auth *a, const struct url *url, bool left)
{
	if (!left && a->own->kind == FETCH_AUTH_BASIC)
		return authorization_basic(b, a->own->user, a->own->password);
	if (!left && a->own->kind == FETCH_AUTH_BEARER)
		return authorization_bearer(b, a->own->token);
	if (has_userinfo(url))
		return authorization_userinfo(b, url->username, url->password);
	if (!left && has_userinfo(a->first))
		return authorization_userinfo(b, a->first->username, a->first->password);
	return buf_append_str(b, credentials_find(a->file, url));
}
