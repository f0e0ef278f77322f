/* SPDX-License-Identifier: MIT
 *
 * fields: the field lines of one message (RFC 9110 §5), in order, names as they came; names compare
 * without case. All of it lives in one growable block: a record of two lengths, the name, the
 * value, padded to 4 bytes, after the other. The zero value is empty; slices that these functions
 * give are valid until the next change.
 *
 *	struct field f;
 *	for (uint32_t at = 0; fields_next(&fields, &at, &f);)
 *		printf("%.*s: %.*s\n", STR_ARG(f.name), STR_ARG(f.value));
 *
 * One owner, any thread. Moving the struct (take) moves the ownership.
 */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "src/common/buf.h"
#include "src/common/str.h"

struct field {
	struct str name, value;
};

struct fields {
	char *block;
	uint32_t len, cap; /* bytes of block in use, and had */
	uint32_t start; /* of the records; before lies what is the message's (a request's target) */
	uint32_t count;
};

/* Steps through all fields; *at starts as 0. */
bool fields_next(const struct fields *f, uint32_t *at, struct field *ret);

/* The first value of that name. False, and *ret untouched, when there is none. */
bool fields_get(const struct fields *f, struct str name, struct str *ret_value);

/* The first value of that name, or the empty slice. */
struct str fields_value(const struct fields *f, struct str name);

/* How many fields have that name. */
uint32_t fields_count(const struct fields *f, struct str name);

/* True when any field of that name, read as a comma-separated list, has this token (without case):
 * Connection: close. */
bool fields_has_token(const struct fields *f, struct str name, struct str token);

/* Appends a field, unchecked. 0, -ENOMEM, -EFBIG past 2 GiB. */
int fields_add(struct fields *f, struct str name, struct str value) MUST_USE;

/* The fields, leaving none behind. */
struct fields fields_take(struct fields *f);

/* Empty again, block kept. */
void fields_clear(struct fields *f);
/* An empty f's block as a buffer, for as long as f stays empty. Without memory the buffer has failed. */
struct buf fields_lend(struct fields *f);
void fields_done(struct fields *f);

/* True when that comma-separated list has the token (without case). */
bool field_has_token(struct str value, struct str token);

/* A tchar: what names and methods are made of. */
extern const bool field_name_chars[256];
static inline bool field_name_char(char c)
{
	return field_name_chars[(unsigned char)c];
}

/* RFC 9110 §5.6.2: a token is one or more tchar. §5.5: a value has no CR, LF, NUL or other control
 * but tab, and no space at its ends. */
bool field_name_valid(struct str name);
bool field_value_valid(struct str value);

#endif
