/* SPDX-License-Identifier: MIT
 *
 * json_write: the emitter. Appends only; `comma` is all of its state: true after a value, so that
 * the next key or element puts a comma first. Errors are the buf's sticky one. Strings are copied
 * in runs of bytes that need nothing; UTF-8 is checked as Unicode's table 3-7 has it (no overlong
 * forms, no surrogates, nothing past U+10FFFF).
 */
#include "src/common/json.h"

static void separate(struct json *j)
{
	if (j->comma)
		buf_append_char(j->out, ',');
	j->comma = true;
}

static void begin(struct json *j, char bracket)
{
	separate(j);
	buf_append_char(j->out, bracket);
	j->comma = false;
}

static void end(struct json *j, char bracket)
{
	buf_append_char(j->out, bracket);
	j->comma = true;
}

void json_object_begin(struct json *j)
{
	begin(j, '{');
}

void json_object_end(struct json *j)
{
	end(j, '}');
}

void json_array_begin(struct json *j)
{
	begin(j, '[');
}

void json_array_end(struct json *j)
{
	end(j, ']');
}

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the UTF-8 sequence of more than one byte that s begins with, or 0 when it is none. */
static size_t utf8_sequence(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.data;
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len > s.len)
		return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < len; i++)
		if (!is_continuation(p[i]))
			return 0;
	return len;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void append_escape(struct buf *b, unsigned char c)
{
	static const char named[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	for (size_t i = 0; i < sizeof(named) - 1; i += 2) {
		if ((char)c == named[i]) {
			buf_append(b, (char[]){ '\\', named[i + 1] }, 2);
			return;
		}
	}
	buf_append_str(b, STR("\\u00"));
	buf_append_hex(b, &c, 1);
}

static void append_string(struct buf *b, struct str s)
{
	buf_append_char(b, '"');
	while (s.len > 0) {
		unsigned char c = (unsigned char)s.data[0];
		size_t n = 0;
		while (n < s.len && is_plain((unsigned char)s.data[n]))
			n++;
		if (n == 0 && c >= 0x80)
			n = utf8_sequence(s);
		if (n > 0)
			buf_append(b, s.data, n);
		else if (c >= 0x80)
			buf_append_str(b, STR("\xef\xbf\xbd")); /* U+FFFD */
		else
			append_escape(b, c);
		s = str_slice(s, n > 0 ? n : 1, SIZE_MAX);
	}
	buf_append_char(b, '"');
}

void json_key_str(struct json *j, struct str key)
{
	separate(j);
	append_string(j->out, key);
	buf_append_char(j->out, ':');
	j->comma = false;
}

void json_key(struct json *j, const char *key)
{
	json_key_str(j, str_of(key));
}

void json_str(struct json *j, struct str v)
{
	separate(j);
	append_string(j->out, v);
}

void json_raw(struct json *j, struct str v)
{
	separate(j);
	buf_append_str(j->out, v);
}

void json_cstr(struct json *j, const char *v)
{
	if (v != NULL)
		json_str(j, str_of(v));
	else
		json_nothing(j);
}

void json_u64(struct json *j, uint64_t v)
{
	separate(j);
	buf_append_u64(j->out, v);
}

void json_i64(struct json *j, int64_t v)
{
	separate(j);
	buf_append_i64(j->out, v);
}

void json_bool(struct json *j, bool v)
{
	json_raw(j, v ? STR("true") : STR("false"));
}

void json_nothing(struct json *j)
{
	json_raw(j, STR("null"));
}

/* whole.fraction, the fraction with exactly that many digits. */
static void append_decimal(struct json *j, bool negative, uint64_t whole, uint64_t fraction,
			   unsigned decimals)
{
	separate(j);
	if (negative && (whole | fraction))
		buf_append_char(j->out, '-');
	buf_append_u64(j->out, whole);
	if (decimals == 0)
		return;
	char digits[10] = { '.' };
	for (unsigned i = decimals; i > 0; i--) {
		digits[i] = (char)('0' + fraction % 10);
		fraction /= 10;
	}
	buf_append(j->out, digits, decimals + 1);
}

void json_seconds(struct json *j, int64_t ns)
{
	uint64_t micros = ((ns < 0 ? -(uint64_t)ns : (uint64_t)ns) + 500) / MICROSECOND;
	append_decimal(j, ns < 0, micros / 1000000, micros % 1000000, 6);
}

void json_fixed(struct json *j, double v, unsigned decimals)
{
	static const uint64_t power[] = { 1,	  10,	   100,	     1000,	10000,
					  100000, 1000000, 10000000, 100000000, 1000000000 };
	double size = v < 0 ? -v : v;
	if (!(size < 1e15) || decimals >= ARRAY_LEN(power)) {
		json_nothing(j);
		return;
	}
	uint64_t whole = (uint64_t)size;
	uint64_t fraction = (uint64_t)((size - (double)whole) * (double)power[decimals] + 0.5);
	if (fraction == power[decimals]) {
		whole++;
		fraction = 0;
	}
	append_decimal(j, v < 0, whole, fraction, decimals);
}

void json_put_str(struct json *j, const char *key, struct str v)
{
	json_key(j, key);
	json_str(j, v);
}

void json_put_cstr(struct json *j, const char *key, const char *v)
{
	json_key(j, key);
	json_cstr(j, v);
}

void json_put_u64(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_u64(j, v);
}

void json_put_i64(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_i64(j, v);
}

void json_put_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

void json_put_seconds(struct json *j, const char *key, int64_t ns)
{
	json_key(j, key);
	json_seconds(j, ns);
}

void json_put_object(struct json *j, const char *key)
{
	json_key(j, key);
	json_object_begin(j);
}

void json_put_array(struct json *j, const char *key)
{
	json_key(j, key);
	json_array_begin(j);
}
