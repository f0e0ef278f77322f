/* SPDX-License-Identifier: MIT
 *
 * fields: records one after the other in one block, each
 *
 *	uint32_t name_len, value_len; name bytes; value bytes; padding to 4
 *
 * Finding a field walks the records: a head has a dozen, and the walk stays within a few cache
 * lines. The parser in message.c builds the last record piece by piece through the functions of
 * fields_build.h.
 */
#include "src/http/fields.h"

#include <errno.h>
#include <stdlib.h>

#include "src/http/fields_build.h"

#define BLOCK_FIRST 512 /* most heads fit; a response that is used again keeps it while it waits */
#define BLOCK_LIMIT (UINT32_C(1) << 31)

struct record {
	uint32_t name_len, value_len;
};

static uint32_t padded(uint32_t len)
{
	return (len + 3) & ~UINT32_C(3);
}

int fields__reserve(struct fields *f, size_t n)
{
	if (n <= f->cap - f->len)
		return 0;
	if (n > BLOCK_LIMIT - f->len)
		return -EFBIG;
	uint32_t cap = f->cap ? f->cap : BLOCK_FIRST;
	while (cap < f->len + n)
		cap *= 2;
	char *block = realloc(f->block, cap);
	if (block == NULL)
		return -ENOMEM;
	f->block = block;
	f->cap = cap;
	return 0;
}

int fields__append(struct fields *f, const char *data, size_t n)
{
	int err = fields__reserve(f, n);
	if (err == 0 && n > 0) {
		memcpy(f->block + f->len, data, n);
		f->len += (uint32_t)n;
	}
	return err;
}

int fields__open(struct fields *f)
{
	int err = fields__reserve(f, sizeof(struct record) + 3);
	if (err == 0)
		f->len += sizeof(struct record);
	return err;
}

int fields__close(struct fields *f, uint32_t record, uint32_t name_len)
{
	int err = fields__reserve(f, 3);
	if (err != 0)
		return err;
	struct str value = str_make(f->block + record + sizeof(struct record) + name_len,
				    f->len - record - sizeof(struct record) - name_len);
	while (value.len > 0 &&
	       (value.data[value.len - 1] == ' ' || value.data[value.len - 1] == '\t'))
		value.len--;
	struct record lens = { .name_len = name_len, .value_len = (uint32_t)value.len };
	memcpy(f->block + record, &lens, sizeof(lens));
	f->len = padded(record + (uint32_t)sizeof(lens) + name_len + lens.value_len);
	f->count++;
	return 0;
}

bool fields_next(const struct fields *f, uint32_t *at, struct field *ret)
{
	if (*at < f->start)
		*at = f->start;
	if (*at >= f->len)
		return false;
	struct record lens;
	memcpy(&lens, f->block + *at, sizeof(lens));
	const char *name = f->block + *at + sizeof(lens);
	ret->name = str_make(name, lens.name_len);
	ret->value = str_make(name + lens.name_len, lens.value_len);
	*at = padded(*at + (uint32_t)sizeof(lens) + lens.name_len + lens.value_len);
	return true;
}

bool fields_get(const struct fields *f, struct str name, struct str *ret_value)
{
	struct field field;
	for (uint32_t at = 0; fields_next(f, &at, &field);) {
		if (str_eq_nocase(field.name, name)) {
			*ret_value = field.value;
			return true;
		}
	}
	return false;
}

struct str fields_value(const struct fields *f, struct str name)
{
	struct str value = { 0 };
	fields_get(f, name, &value);
	return value;
}

uint32_t fields_count(const struct fields *f, struct str name)
{
	struct field field;
	uint32_t count = 0;
	for (uint32_t at = 0; fields_next(f, &at, &field);)
		count += str_eq_nocase(field.name, name);
	return count;
}

bool field_has_token(struct str value, struct str token)
{
	struct str item;
	while (str_next(&value, ',', &item))
		if (str_eq_nocase(item, token))
			return true;
	return false;
}

bool fields_has_token(const struct fields *f, struct str name, struct str token)
{
	struct field field;
	for (uint32_t at = 0; fields_next(f, &at, &field);)
		if (str_eq_nocase(field.name, name) && field_has_token(field.value, token))
			return true;
	return false;
}

int fields_add(struct fields *f, struct str name, struct str value)
{
	uint32_t record = f->len;
	if (name.len > BLOCK_LIMIT || value.len > BLOCK_LIMIT)
		return -EFBIG;
	/* All or nothing: once the room is there, none of the steps fails. */
	int err = fields__reserve(f, sizeof(struct record) + name.len + value.len + 6);
	if (err == 0)
		err = fields__open(f);
	if (err == 0)
		err = fields__append(f, name.data, name.len);
	if (err == 0)
		err = fields__append(f, value.data, value.len);
	if (err == 0)
		err = fields__close(f, record, (uint32_t)name.len);
	return err;
}

struct fields fields_take(struct fields *f)
{
	struct fields taken = *f;
	*f = (struct fields){ 0 };
	return taken;
}

void fields_clear(struct fields *f)
{
	f->len = f->start = f->count = 0;
}

struct buf fields_lend(struct fields *f)
{
	int err = fields__reserve(f, BLOCK_FIRST);
	return (struct buf){ .data = f->block, .cap = f->cap, .failed = err, .borrowed = true };
}

void fields_done(struct fields *f)
{
	free(f->block);
	*f = (struct fields){ 0 };
}

/* RFC 9110 §5.6.2: tchar. */
const bool field_name_chars[256] = {
	['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,	    ['&'] = 1,	       ['\''] = 1,
	['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,	    ['^'] = 1,	       ['_'] = 1,
	['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1,
};

bool field_name_valid(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!field_name_char(name.data[i]))
			return false;
	return name.len > 0;
}

/* RFC 9110 §5.5: VCHAR, obs-text, and within them space and tab. */
bool field_value_valid(struct str value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return str_trim(value).len == value.len;
}
