/* SPDX-License-Identifier: MIT
 *
 * auth: with what a request logs in. The first of these that there is:
 *
 *	1. the caller's own field Authorization (send.c puts it in; nothing here is asked then)
 *	2. the request's auth
 *	3. user and password of the URL that is asked for, a redirect's target included
 *	4. those of the caller's URL
 *	5. what the credentials file has for the origin
 *
 * That is curl's order: what is said beside the URL goes before what the URL says, a file comes last. 1, 2
 * and 4 are meant for the origin that the caller named: a redirect to another one takes them away for
 * good, even if a later one leads back. 3 and 5 belong to the origin that gets them.
 *
 * None of it is ever part of a fault's detail, a record or a log line.
 */
#ifndef CLIENT_AUTH_H
#define CLIENT_AUTH_H

#include "src/client/credentials.h"
#include "src/common/buf.h"
#include "src/http/url.h"

struct fetch_auth {
	enum fetch_auth_kind {
		FETCH_AUTH_NONE, /* whatever URL and credentials file say */
		FETCH_AUTH_BASIC,
		FETCH_AUTH_BEARER
	} kind;
	struct str user, password; /* BASIC; as they are, not percent-encoded; borrowed */
	struct str token;	   /* BEARER; borrowed */
};

/* What is wrong with it, for people; NULL = nothing. */
const char *fetch_auth_problem(const struct fetch_auth *auth);

/* Where the credentials of a chain of hops come from; all borrowed. */
struct auth {
	const struct fetch_auth *own;
	const struct url *first;	/* the caller's */
	const struct credentials *file; /* NULL = none */
};

/* Appends what Authorization says to url; nothing when there are no credentials for it. left: the chain
 * has left the first origin at some hop. 0 or b's error. */
int auth_write(struct buf *b, const struct auth *a, const struct url *url, bool left) MUST_USE;

#endif
