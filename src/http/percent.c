/* SPDX-License-Identifier: MIT
 *
 * percent: one table, a bit per encode set (WHATWG URL §1.3). The sets are nested: control ⊂
 * fragment and query ⊂ path ⊂ userinfo.
 */
#include "src/http/percent.h"

enum {
	F = PERCENT_FRAGMENT,
	Q = PERCENT_QUERY,
	P = PERCENT_PATH,
	U = PERCENT_USERINFO,
	ALL = F | Q | P | U,
};

/* Controls, DEL and everything above are encoded in every set and are not in the table. */
static const unsigned char sets[128] = {
	[' '] = ALL,	   ['"'] = ALL, ['<'] = ALL,   ['>'] = ALL,   ['`'] = F | P | U,
	['#'] = Q | P | U, ['\''] = Q,	['?'] = P | U, ['{'] = P | U, ['}'] = P | U,
	['^'] = P | U,	   ['/'] = U,	[':'] = U,     [';'] = U,     ['='] = U,
	['@'] = U,	   ['['] = U,	[']'] = U,     ['\\'] = U,    ['|'] = U,
};

static bool is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

bool percent_must_encode(unsigned char c, enum percent_set set)
{
	if (set == PERCENT_COMPONENT)
		return !is_unreserved(c);
	return c < ' ' || c > '~' || (sets[c] & set);
}

int percent_encode(struct buf *b, struct str s, enum percent_set set)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];
		if (percent_must_encode(c, set))
			buf_append(b, (char[]){ '%', digits[c >> 4], digits[c & 15] }, 3);
		else
			buf_append_char(b, (char)c);
	}
	return b->failed;
}

int percent_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int percent_decode(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.data[i];
		if (c == '%' && i + 2 < s.len && percent_hex(s.data[i + 1]) >= 0 &&
		    percent_hex(s.data[i + 2]) >= 0) {
			c = (char)(percent_hex(s.data[i + 1]) << 4 | percent_hex(s.data[i + 2]));
			i += 2;
		}
		buf_append_char(b, c);
	}
	return b->failed;
}
