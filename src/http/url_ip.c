/* SPDX-License-Identifier: MIT
 *
 * url_ip: IP addresses in URLs (WHATWG URL §3.5): IPv4 with one to four parts, each decimal, octal
 * (0…) or hexadecimal (0x…), and IPv6 with one "::" and, at its end, a dotted IPv4. Both are
 * written in their one canonical form (RFC 5952 for IPv6), so that what policy and pool compare
 * can't be spelled in two ways.
 */
#include <errno.h>

#include "src/http/percent.h"
#include "src/http/url_host.h"

static int refuse(const char **ret_reason, const char *reason)
{
	*ret_reason = reason;
	return -EINVAL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_digit(s.data[i]))
			return false;
	return s.len > 0;
}

/* One part of an IPv4 address. A value past 32 bits stays past them. */
static bool ipv4_number(struct str part, uint64_t *ret)
{
	unsigned base = 10;
	uint64_t v = 0;
	if (part.len == 0)
		return false;
	if (part.len >= 2 && part.data[0] == '0') {
		bool hex = (part.data[1] | 0x20) == 'x';
		base = hex ? 16 : 8;
		part = str_slice(part, hex ? 2 : 1, SIZE_MAX);
	}
	for (size_t i = 0; i < part.len; i++) {
		int digit = percent_hex(part.data[i]);
		if (digit < 0 || (unsigned)digit >= base)
			return false;
		if (v <= UINT32_MAX)
			v = v * base + (unsigned)digit;
	}
	*ret = v;
	return true;
}

/* Without the dot that a host may end in. */
static struct str without_last_dot(struct str host)
{
	if (host.len > 1 && host.data[host.len - 1] == '.')
		host.len--;
	return host;
}

bool url__ends_in_number(struct str host)
{
	host = without_last_dot(host);
	size_t start = host.len;
	while (start > 0 && host.data[start - 1] != '.')
		start--;
	struct str last = str_slice(host, start, SIZE_MAX);
	uint64_t ignored;
	return all_digits(last) || ipv4_number(last, &ignored);
}

static void append_ipv4(struct buf *out, uint32_t address)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		buf_append_u64(out, address >> shift & 255);
		if (shift > 0)
			buf_append_char(out, '.');
	}
}

int url__ipv4(struct str host, struct buf *out, const char **ret_reason)
{
	struct str rest = without_last_dot(host), part;
	uint64_t numbers[4];
	unsigned count = 0;
	for (bool more = true; more; count++) {
		more = str_cut(rest, '.', &part, &rest);
		if (count == ARRAY_LEN(numbers))
			return refuse(ret_reason,
				      "the host ends in a number but has more than four parts");
		if (!ipv4_number(part, &numbers[count]))
			return refuse(ret_reason,
				      "the host ends in a number but is no IPv4 address");
	}
	uint64_t address = numbers[count - 1];
	if (address >= UINT64_C(1) << (8 * (5 - count)))
		return refuse(ret_reason, "a part of the IPv4 address is too large");
	for (unsigned i = 0; i + 1 < count; i++) {
		if (numbers[i] > 255)
			return refuse(ret_reason, "a part of the IPv4 address is too large");
		address |= numbers[i] << (24 - 8 * i);
	}
	append_ipv4(out, (uint32_t)address);
	return out->failed;
}

struct ipv6 {
	uint16_t pieces[8];
	unsigned len;
	int compress; /* index where :: stands, or -1 */
};

/* The dotted end of an IPv6 address: exactly four decimal numbers without leading zeros. */
static bool ipv6_dotted(struct str rest, struct ipv6 *a)
{
	if (a->len > 6)
		return false;
	uint32_t address = 0;
	for (int i = 0; i < 4; i++) {
		struct str part;
		uint64_t v;
		if (str_cut(rest, '.', &part, &rest) != (i < 3) ||
		    str_parse_u64(part, 255, &v) != 0)
			return false;
		if (part.len > 1 && part.data[0] == '0')
			return false;
		address = address << 8 | (uint32_t)v;
	}
	a->pieces[a->len++] = (uint16_t)(address >> 16);
	a->pieces[a->len++] = (uint16_t)address;
	return true;
}

/* Up to four hex digits; gives how many. */
static unsigned ipv6_piece(struct str s, uint16_t *ret)
{
	unsigned value = 0, n = 0;
	while (n < 4 && n < s.len && percent_hex(s.data[n]) >= 0)
		value = value << 4 | (unsigned)percent_hex(s.data[n++]);
	*ret = (uint16_t)value;
	return n;
}

static bool ipv6_pieces(struct str s, struct ipv6 *a)
{
	if (str_starts(s, STR("::"))) {
		a->compress = 0;
		s = str_slice(s, 2, SIZE_MAX);
	} else if (s.len == 0 || s.data[0] == ':') {
		return false;
	}
	while (s.len > 0) {
		if (a->len == 8)
			return false;
		if (s.data[0] == ':') { /* the second of a pair */
			if (a->compress >= 0)
				return false;
			a->compress = (int)a->len;
			s = str_slice(s, 1, SIZE_MAX);
			continue;
		}
		uint16_t piece;
		unsigned n = ipv6_piece(s, &piece);
		if (n < s.len && s.data[n] == '.')
			return n > 0 && ipv6_dotted(s, a);
		if (n == 0 || (n < s.len && (s.data[n] != ':' || n + 1 == s.len)))
			return false;
		a->pieces[a->len++] = piece;
		s = str_slice(s, n + 1, SIZE_MAX);
	}
	return true;
}

/* Moves what stands behind the :: to the end. */
static bool ipv6_expand(struct ipv6 *a)
{
	if (a->compress < 0)
		return a->len == 8;
	if (a->len == 8) /* :: stands for at least one piece */
		return false;
	unsigned tail = a->len - (unsigned)a->compress;
	for (unsigned i = 0; i < tail; i++) {
		uint16_t piece = a->pieces[a->len - 1 - i];
		a->pieces[a->len - 1 - i] = 0;
		a->pieces[7 - i] = piece;
	}
	return true;
}

/* The first longest run of two or more zero pieces: *ret_start, and its length (0 when there is
 * none). */
static unsigned ipv6_zeros(const struct ipv6 *a, unsigned *ret_start)
{
	unsigned best = 1, run = 0;
	for (unsigned i = 0; i < 8; i++) {
		run = a->pieces[i] == 0 ? run + 1 : 0;
		if (run > best) {
			best = run;
			*ret_start = i + 1 - run;
		}
	}
	return best > 1 ? best : 0;
}

static void append_hex_piece(struct buf *out, uint16_t piece)
{
	static const char digits[] = "0123456789abcdef";
	int shift = 12;
	while (shift > 0 && (piece >> shift) == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		buf_append_char(out, digits[piece >> shift & 15]);
}

int url__ipv6(struct str inside, struct buf *out, const char **ret_reason)
{
	struct ipv6 a = { .compress = -1 };
	if (!ipv6_pieces(inside, &a) || !ipv6_expand(&a))
		return refuse(ret_reason, "the host in brackets is no IPv6 address");
	unsigned start = 8, zeros = ipv6_zeros(&a, &start);
	buf_append_char(out, '[');
	for (unsigned i = 0; i < 8; i++) {
		if (zeros > 0 && i == start) {
			buf_append_str(out, i == 0 ? STR("::") : STR(":"));
			i += zeros - 1;
			continue;
		}
		append_hex_piece(out, a.pieces[i]);
		if (i < 7)
			buf_append_char(out, ':');
	}
	buf_append_char(out, ']');
	return out->failed;
}
