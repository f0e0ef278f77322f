/* SPDX-License-Identifier: MIT
 *
 * json_read: the pull reader. A cursor walks the text of one object or array and gives slices of
 * its members; a nested value is checked and skipped with one bit per level (object or array)
 * instead of recursion, so a hostile text costs no stack. The grammar is RFC 8259's, but that the
 * bytes inside strings are not checked to be UTF-8.
 */
#include "src/common/json.h"

#include <errno.h>

#include "src/common/cleanup.h"

struct cursor {
	struct str text;
	size_t pos;
};

/* The next byte that is no space, or 0 at the end. */
static char peek(struct cursor *c)
{
	while (c->pos < c->text.len) {
		char byte = c->text.data[c->pos];
		if (byte != ' ' && byte != '\t' && byte != '\n' && byte != '\r')
			return byte;
		c->pos++;
	}
	return 0;
}

static bool take(struct cursor *c, char byte)
{
	if (byte == 0 || peek(c) != byte)
		return false;
	c->pos++;
	return true;
}

/* Skips a string; *ret_raw is what stands between the quotes. */
static int skip_string(struct cursor *c, struct str *ret_raw)
{
	if (!take(c, '"'))
		return -EINVAL;
	size_t start = c->pos;
	for (; c->pos < c->text.len; c->pos++) {
		char byte = c->text.data[c->pos];
		if (byte == '"') {
			*ret_raw = str_slice(c->text, start, c->pos - start);
			if (ret_raw->data == NULL)
				ret_raw->data = "";
			c->pos++;
			return 0;
		}
		if ((unsigned char)byte < 0x20)
			return -EINVAL;
		if (byte == '\\')
			c->pos++;
	}
	return -EINVAL;
}

static size_t skip_digits(struct cursor *c)
{
	size_t start = c->pos;
	while (c->pos < c->text.len && c->text.data[c->pos] >= '0' && c->text.data[c->pos] <= '9')
		c->pos++;
	return c->pos - start;
}

static bool take_now(struct cursor *c, char byte)
{
	if (c->pos >= c->text.len || c->text.data[c->pos] != byte)
		return false;
	c->pos++;
	return true;
}

static int skip_number(struct cursor *c)
{
	take_now(c, '-');
	if (!take_now(c, '0') && skip_digits(c) == 0)
		return -EINVAL;
	if (take_now(c, '.') && skip_digits(c) == 0)
		return -EINVAL;
	if (take_now(c, 'e') || take_now(c, 'E')) {
		if (!take_now(c, '+'))
			take_now(c, '-');
		if (skip_digits(c) == 0)
			return -EINVAL;
	}
	return 0;
}

static int skip_word(struct cursor *c, struct str word)
{
	if (!str_starts(str_slice(c->text, c->pos, SIZE_MAX), word))
		return -EINVAL;
	c->pos += word.len;
	return 0;
}

/* A value that is neither object nor array. */
static int skip_scalar(struct cursor *c, struct json_item *item)
{
	char byte = peek(c);
	size_t start = c->pos;
	int err;
	if (byte == '"') {
		item->type = JSON_IS_STRING;
		return skip_string(c, &item->raw);
	}
	if (byte == 't') {
		item->type = JSON_IS_TRUE;
		err = skip_word(c, STR("true"));
	} else if (byte == 'f') {
		item->type = JSON_IS_FALSE;
		err = skip_word(c, STR("false"));
	} else if (byte == 'n') {
		item->type = JSON_IS_NULL;
		err = skip_word(c, STR("null"));
	} else {
		item->type = JSON_IS_NUMBER;
		err = skip_number(c);
	}
	item->raw = str_slice(c->text, start, c->pos - start);
	return err;
}

/* A member's key with its colon, when in an object. */
static int skip_key(struct cursor *c, bool in_object, struct str *ret_key)
{
	if (!in_object) {
		*ret_key = (struct str){ 0 };
		return 0;
	}
	int err = skip_string(c, ret_key);
	return err ? err : take(c, ':') ? 0 : -EINVAL;
}

/* An object or array with all that is in it. Bit n of `objects` says what level n is. */
static int skip_nested(struct cursor *c)
{
	uint64_t objects = 0;
	unsigned depth = 0;
	struct json_item ignored;
	for (;;) {
		char byte = peek(c);
		bool opened = byte == '{' || byte == '[';
		if (opened) {
			if (depth++ == JSON_DEPTH)
				return -E2BIG;
			objects = objects << 1 | (byte == '{');
			c->pos++;
		} else if (skip_scalar(c, &ignored) != 0) {
			return -EINVAL;
		}
		while (depth > 0 && take(c, objects & 1 ? '}' : ']')) {
			objects >>= 1;
			depth--;
			opened = false;
		}
		if (depth == 0)
			return 0;
		if (!opened && !take(c, ','))
			return -EINVAL;
		if (skip_key(c, objects & 1, &ignored.key) != 0)
			return -EINVAL;
	}
}

int json_reader_init(struct json_reader *r, struct str text)
{
	struct cursor c = { .text = text };
	char open = peek(&c);
	if (open != '{' && open != '[')
		return -EINVAL;
	*r = (struct json_reader){
		.text = text,
		.pos = c.pos + 1,
		.close = open == '{' ? '}' : ']',
		.first = true,
	};
	return 0;
}

static int skip_value(struct cursor *c, struct json_item *item)
{
	char byte = peek(c);
	if (byte != '{' && byte != '[')
		return skip_scalar(c, item);
	size_t start = c->pos;
	int err = skip_nested(c);
	item->type = byte == '{' ? JSON_IS_OBJECT : JSON_IS_ARRAY;
	item->raw = str_slice(c->text, start, c->pos - start);
	return err;
}

int json_next(struct json_reader *r, struct json_item *ret_item)
{
	struct cursor c = { .text = r->text, .pos = r->pos };
	if (r->close == 0)
		return 0;
	bool ended = take(&c, r->close);
	if (ended) {
		r->close = 0;
		return peek(&c) == 0 && c.pos == c.text.len ? 0 : -EINVAL;
	}
	if (!r->first && !take(&c, ','))
		return -EINVAL;
	struct json_item item;
	int err = skip_key(&c, r->close == '}', &item.key);
	if (err == 0)
		err = skip_value(&c, &item);
	if (err != 0)
		return err;
	r->first = false;
	r->pos = c.pos;
	*ret_item = item;
	return 1;
}

bool json_get(struct str object, const char *key, struct json_item *ret_item)
{
	struct json_reader r;
	struct json_item item;
	if (json_reader_init(&r, object) != 0)
		return false;
	while (json_next(&r, &item) > 0) {
		if (json_key_is(&item, key)) {
			*ret_item = item;
			return true;
		}
	}
	return false;
}

bool json_key_is(const struct json_item *item, const char *key)
{
	return str_eq(item->key, str_of(key));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits behind \u; -1 when they aren't. */
static int32_t unit_at(struct str s, size_t at)
{
	int32_t unit = 0;
	if (s.len < 4 || at > s.len - 4)
		return -1;
	for (size_t i = at; i < at + 4; i++) {
		int digit = hex_digit(s.data[i]);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static void append_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_append_char(b, (char)c);
	} else if (c < 0x800) {
		buf_append_char(b, (char)(0xc0 | c >> 6));
		buf_append_char(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_append_char(b, (char)(0xe0 | c >> 12));
		buf_append_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_append_char(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_append_char(b, (char)(0xf0 | c >> 18));
		buf_append_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_append_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_append_char(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* \uXXXX, or a pair of them; *at is behind the u. */
static int unescape_unicode(struct str raw, size_t *at, struct buf *b)
{
	int32_t unit = unit_at(raw, *at);
	*at += 4;
	if (unit >= 0xd800 && unit <= 0xdbff && str_starts(str_slice(raw, *at, 2), STR("\\u"))) {
		int32_t low = unit_at(raw, *at + 2);
		if (low < 0xdc00 || low > 0xdfff)
			return -EINVAL;
		*at += 6;
		unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
	} else if (unit < 0 || (unit >= 0xd800 && unit <= 0xdfff)) {
		return -EINVAL;
	}
	append_utf8(b, (uint32_t)unit);
	return 0;
}

int json_unescape(struct str raw, struct buf *b)
{
	static const char named[] = "b\bf\fn\nr\rt\t\"\"\\\\//";
	for (size_t at = 0; at < raw.len;) {
		struct str rest = str_slice(raw, at, SIZE_MAX);
		ptrdiff_t plain = str_index(rest, '\\');
		if (plain != 0) {
			size_t n = plain < 0 ? rest.len : (size_t)plain;
			buf_append(b, rest.data, n);
			at += n;
			continue;
		}
		if (rest.len < 2)
			return -EINVAL;
		at += 2;
		if (rest.data[1] == 'u') {
			if (unescape_unicode(raw, &at, b) != 0)
				return -EINVAL;
			continue;
		}
		size_t i = 0;
		while (i < sizeof(named) - 1 && named[i] != rest.data[1])
			i += 2;
		if (i >= sizeof(named) - 1)
			return -EINVAL;
		buf_append_char(b, named[i + 1]);
	}
	return b->failed;
}

int json_item_u64(const struct json_item *item, uint64_t max, uint64_t *ret)
{
	return item->type == JSON_IS_NUMBER ? str_parse_u64(item->raw, max, ret) : -EINVAL;
}

int json_item_i64(const struct json_item *item, int64_t *ret)
{
	uint64_t v;
	bool negative = str_starts(item->raw, STR("-"));
	struct json_item digits = *item;
	digits.raw = str_slice(item->raw, negative, SIZE_MAX);
	int err = json_item_u64(&digits, (uint64_t)INT64_MAX + negative, &v);
	if (err == 0)
		*ret = negative ? (int64_t)-v : (int64_t)v;
	return err;
}

int json_item_seconds(const struct json_item *item, int64_t *ret_ns)
{
	struct str whole, fraction;
	uint64_t seconds, ns = 0;
	if (item->type != JSON_IS_NUMBER)
		return -EINVAL;
	str_cut(item->raw, '.', &whole, &fraction);
	int err = str_parse_u64(whole, INT64_MAX / SECOND - 1, &seconds);
	if (err != 0)
		return err;
	for (size_t i = 0; i < fraction.len; i++)
		if (fraction.data[i] < '0' || fraction.data[i] > '9')
			return -EINVAL;
	for (size_t i = 0; i < 9; i++)
		ns = ns * 10 + (i < fraction.len ? (uint64_t)(fraction.data[i] - '0') : 0);
	*ret_ns = (int64_t)(seconds * (uint64_t)SECOND + ns);
	return 0;
}

int json_item_bool(const struct json_item *item, bool *ret)
{
	if (item->type != JSON_IS_TRUE && item->type != JSON_IS_FALSE)
		return -EINVAL;
	*ret = item->type == JSON_IS_TRUE;
	return 0;
}
