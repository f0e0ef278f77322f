/* SPDX-License-Identifier: MIT
 *
 * str: slices, and the strict number parsers. One digit parser (parse_digits) serves them all: no
 * sign, no space, no locale, no wrap.
 */
#include "src/common/str.h"

#include <errno.h>
#include <stdlib.h>

const char str_duration_form[] = "a number and ms, s, m, h or d, such as 250ms, 5s or 2m";
const char str_size_form[] = "a number of bytes, or a number and k, M, G or T, such as 64k or 10M";

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (a.data[i] != b.data[i] && lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

int str_compare(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n ? memcmp(a.data, b.data, n) : 0;
	if (order != 0)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq(str_make(s.data, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq(str_slice(s, s.len - suffix.len, suffix.len), suffix);
}

struct str str_slice(struct str s, size_t from, size_t len)
{
	if (from >= s.len)
		return (struct str){ 0 };
	if (len > s.len - from)
		len = s.len - from;
	return str_make(s.data + from, len);
}

ptrdiff_t str_index(struct str s, char c)
{
	const char *found = s.len ? memchr(s.data, c, s.len) : NULL;
	return found ? found - s.data : -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && is_space(s.data[0]))
		s = str_make(s.data + 1, s.len - 1);
	while (s.len > 0 && is_space(s.data[s.len - 1]))
		s.len--;
	return s;
}

bool str_cut(struct str s, char c, struct str *ret_before, struct str *ret_after)
{
	ptrdiff_t at = str_index(s, c);
	if (ret_before)
		*ret_before = at < 0 ? s : str_make(s.data, (size_t)at);
	if (ret_after)
		*ret_after = at < 0 ? (struct str){ 0 } : str_slice(s, (size_t)at + 1, SIZE_MAX);
	return at >= 0;
}

bool str_next(struct str *rest, char sep, struct str *ret_item)
{
	if (rest->data == NULL)
		return false;
	struct str item, after;
	if (!str_cut(*rest, sep, &item, &after))
		after.data = NULL;
	else if (after.data == NULL)
		after.data = ""; /* the separator came last: one more, empty, item */
	*rest = after;
	*ret_item = str_trim(item);
	return true;
}

bool str_next_word(struct str *rest, struct str *ret_item)
{
	static const char separators[] = ", \t\r\n";
	size_t begin = 0, end;
	while (begin < rest->len && memchr(separators, rest->data[begin], sizeof(separators) - 1))
		begin++;
	for (end = begin; end < rest->len; end++)
		if (memchr(separators, rest->data[end], sizeof(separators) - 1))
			break;
	*ret_item = str_slice(*rest, begin, end - begin);
	*rest = str_slice(*rest, end, rest->len);
	return ret_item->len > 0;
}

char *str_dup(struct str s)
{
	char *copy = malloc(s.len + 1);
	if (copy == NULL)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.data, s.len);
	copy[s.len] = '\0';
	return copy;
}

/* The digits that s begins with. Gives how many, or -ERANGE when the value doesn't fit. */
static ptrdiff_t parse_digits(struct str s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;
	for (; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.data[i] - '0'), &v))
			return -ERANGE;
	}
	*ret = v;
	return (ptrdiff_t)i;
}

int str_parse_u64(struct str s, uint64_t max, uint64_t *ret)
{
	uint64_t v;
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] < '0' || s.data[i] > '9')
			return -EINVAL;
	if (s.len == 0)
		return -EINVAL;
	if (parse_digits(s, &v) < 0 || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

struct unit {
	struct str name;
	uint64_t factor;
};

/* A number and one of the units; nothing but 0 may go without, unless a unit has no name. */
static int parse_with_unit(struct str s, const struct unit *units, size_t units_len, uint64_t max,
			   uint64_t *ret)
{
	uint64_t v = 0;
	ptrdiff_t digits = parse_digits(s, &v);
	if (digits < 0)
		return (int)digits;
	if (digits == 0)
		return -EINVAL;
	struct str name = str_slice(s, (size_t)digits, SIZE_MAX);
	for (size_t i = 0; i < units_len; i++) {
		if (!str_eq(name, units[i].name) && !(v == 0 && name.len == 0))
			continue;
		if (__builtin_mul_overflow(v, units[i].factor, &v) || v > max)
			return -ERANGE;
		*ret = v;
		return 0;
	}
	return -EINVAL;
}

int str_parse_duration(struct str s, int64_t max_ns, int64_t *ret_ns)
{
	static const struct unit units[] = {
		{ STR_INIT("ms"), MILLISECOND },       { STR_INIT("s"), SECOND },
		{ STR_INIT("m"), 60 * SECOND },	       { STR_INIT("h"), 3600 * SECOND },
		{ STR_INIT("d"), 24 * 3600 * SECOND },
	};
	uint64_t ns;
	int err = parse_with_unit(s, units, ARRAY_LEN(units), (uint64_t)max_ns, &ns);
	if (err == 0)
		*ret_ns = (int64_t)ns;
	return err;
}

int str_parse_size(struct str s, uint64_t max, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ STR_INIT(""), 1 },
		{ STR_INIT("k"), UINT64_C(1) << 10 },
		{ STR_INIT("K"), UINT64_C(1) << 10 },
		{ STR_INIT("m"), UINT64_C(1) << 20 },
		{ STR_INIT("M"), UINT64_C(1) << 20 },
		{ STR_INIT("g"), UINT64_C(1) << 30 },
		{ STR_INIT("G"), UINT64_C(1) << 30 },
		{ STR_INIT("t"), UINT64_C(1) << 40 },
		{ STR_INIT("T"), UINT64_C(1) << 40 },
	};
	return parse_with_unit(s, units, ARRAY_LEN(units), max, ret_bytes);
}

int str_parse_bool(struct str s, bool *ret)
{
	static const struct unit words[] = {
		{ STR_INIT("yes"), 1 }, { STR_INIT("true"), 1 }, { STR_INIT("on"), 1 },
		{ STR_INIT("1"), 1 },	{ STR_INIT("no"), 0 },	 { STR_INIT("false"), 0 },
		{ STR_INIT("off"), 0 }, { STR_INIT("0"), 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_eq(s, words[i].name)) {
			*ret = words[i].factor;
			return 0;
		}
	}
	return -EINVAL;
}

const char *str_parse_error(int err)
{
	return err == -ERANGE ? "out of range" : "malformed";
}
