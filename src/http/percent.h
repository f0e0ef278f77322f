/* SPDX-License-Identifier: MIT
 *
 * percent: percent-encoding with the sets of the WHATWG URL standard §1.3, and decoding. Any
 * thread.
 */
#ifndef HTTP_PERCENT_H
#define HTTP_PERCENT_H

#include "src/common/buf.h"
#include "src/common/str.h"

enum percent_set {
	PERCENT_FRAGMENT = 1,
	PERCENT_QUERY = 2, /* of special schemes: ' is encoded too */
	PERCENT_PATH = 4,
	PERCENT_USERINFO = 8,
	PERCENT_COMPONENT =
		16, /* all but letters, digits and -._~ : for a value in a query that we build */
};

/* True when c must be written as %XX within that set. */
bool percent_must_encode(unsigned char c, enum percent_set set);

/* Appends s; each byte of the set (and each above 0x7e) as %XX, the rest, % too, as it is. */
int percent_encode(struct buf *b, struct str s, enum percent_set set);

/* Appends s; %XX becomes that byte, a % without two hex digits stays. */
int percent_decode(struct buf *b, struct str s);

/* The value of a hex digit, or -1. */
int percent_hex(char c);

#endif
