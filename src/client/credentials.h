/* SPDX-License-Identifier: MIT
 *
 * credentials: a file that says with what to log in where. An origin (scheme, host and port) a section:
 *
 *	# to the line's end; a # elsewhere is a # of the value
 *	[https://api.example.com]
 *	user = crawler
 *	password = s3cret
 *
 *	[https://data.example.com:8443]
 *	bearer = eyJhbGciOiJ...
 *
 * What is for https never goes over plain http, since that is another origin; without a scheme a section
 * is for https. Values are taken as they stand, blanks at their ends off; nothing is escaped.
 *
 * The file must be its owner's alone: root's or ours. Nothing that an error says, and nothing that is
 * logged, holds a value of it. Read once, then only asked: any thread.
 */
#ifndef CLIENT_CREDENTIALS_H
#define CLIENT_CREDENTIALS_H

#include "runtime/base.h"
#include "src/http/url.h"

struct credentials;

/* 0; -ENOMEM; or -EINVAL with *ret_reason for people, which names the file and the line (the caller frees
 * it). */
int credentials_open(const char *path, struct credentials **ret_credentials,
		     char **ret_reason) MUST_USE;
void credentials_free(struct credentials *c); /* NULL is fine */

/* What Authorization says for that URL's origin; empty = the file has nothing for it. */
struct str credentials_find(const struct credentials *c, const struct url *url);

#endif
