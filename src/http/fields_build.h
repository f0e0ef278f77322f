/* SPDX-License-Identifier: MIT
 *
 * fields_build: how message.c builds a field while it arrives: open a record, append the name,
 * append the value, close. Between open and close the struct fields must not be read. For src/http
 * alone.
 */
#ifndef HTTP_FIELDS_BUILD_H
#define HTTP_FIELDS_BUILD_H

#include "src/http/fields.h"

/* All of these: 0, -ENOMEM, -EFBIG. */
int fields__reserve(struct fields *f, size_t n);
int fields__append(struct fields *f, const char *data, size_t n);
/* Begins a record at f->len. */
int fields__open(struct fields *f);
/* Ends it: what came after the name is the value, spaces at its end are dropped. */
int fields__close(struct fields *f, uint32_t record, uint32_t name_len);

#endif
