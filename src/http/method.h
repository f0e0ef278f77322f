/* SPDX-License-Identifier: MIT
 *
 * method: what RFC 9110 §9.2 says about methods. Methods are case-sensitive tokens; one that isn't
 * in the table is neither safe nor idempotent. Any thread.
 */
#ifndef HTTP_METHOD_H
#define HTTP_METHOD_H

#include <stdbool.h>

#include "src/common/str.h"

/* A token, thus fit to be sent. */
bool method_valid(struct str method);
/* §9.2.1: GET HEAD OPTIONS TRACE, and PROPFIND REPORT SEARCH of WebDAV. */
bool method_safe(struct str method);
/* §9.2.2: the safe ones, PUT, DELETE, and WebDAV's. May be sent again. */
bool method_idempotent(struct str method);

#endif
