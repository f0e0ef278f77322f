/* SPDX-License-Identifier: MIT
 *
 * authorization: what the fields Authorization and Proxy-Authorization say (RFC 9110 §11.6.2): Basic
 * (RFC 7617) and Bearer (RFC 6750).
 *
 *	cleanup(buf_done) struct buf value = { 0 };
 *	int err = authorization_basic(&value, STR("Aladdin"), STR("open sesame"));
 *
 * Any thread.
 */
#ifndef HTTP_AUTHORIZATION_H
#define HTTP_AUTHORIZATION_H

#include "src/common/buf.h"

/* Appends "Basic " and both in base64. 0, or b's error. */
int authorization_basic(struct buf *b, struct str user, struct str password) MUST_USE;

/* The same for a URL's userinfo, which is percent-encoded. */
int authorization_userinfo(struct buf *b, struct str username, struct str password) MUST_USE;

/* Appends "Bearer " and the token. */
int authorization_bearer(struct buf *b, struct str token) MUST_USE;

/* What is wrong with a user, a password or a token, for people; NULL = nothing. A user may hold no
 * colon, neither of the two a control character (RFC 7617 §2), a token visible ASCII only. */
const char *authorization_bad_user(struct str user);
const char *authorization_bad_password(struct str password);
const char *authorization_bad_token(struct str token);

#endif
