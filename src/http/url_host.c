/* SPDX-License-Identifier: MIT
 *
 * url_host: the host of a special URL (WHATWG URL §3.5): percent-decoded, mapped by UTS 46
 * (non-transitional) to lower-case A-labels, checked for forbidden code points, and read as IPv4
 * when its last label is a number.
 *
 * Labels are mapped one by one. A label of ASCII that doesn't begin with xn-- needs no more than
 * lower case (UTS 46 without CheckHyphens and VerifyDnsLength), which lets "r3---x" through, as the
 * standard wants and libidn2 doesn't; all others go to libidn2. That is stricter than the standard in
 * one way: a label with a symbol (an emoji, or ASCII punctuation beside letters that aren't ASCII),
 * or one that breaks IDNA2008's rules for right-to-left text, is refused.
 */
#include <errno.h>
#include <idn2.h>
#include <stdlib.h>

#include "src/common/cleanup.h"
#include "src/http/percent.h"
#include "src/http/url_host.h"

static int refuse(const char **ret_reason, const char *reason)
{
	*ret_reason = reason;
	return -EINVAL;
}

/* Forbidden domain code points. What is above ASCII is gone by then. */
static bool is_forbidden(unsigned char c)
{
	static const bool forbidden[128] = {
		['#'] = 1, ['/'] = 1, [':'] = 1,  ['<'] = 1, ['>'] = 1, ['?'] = 1, ['@'] = 1,
		['['] = 1, [']'] = 1, ['\\'] = 1, ['^'] = 1, ['|'] = 1, ['%'] = 1,
	};
	return c <= ' ' || c >= 0x7f || forbidden[c];
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] >= 0x80)
			return false;
	return true;
}

static void append_lower(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_append_char(out, s.data[i] >= 'A' && s.data[i] <= 'Z' ? (char)(s.data[i] | 0x20)
									  : s.data[i]);
}

static void cleanup_idn2(char **label)
{
	idn2_free(*label);
}

static int append_mapped(struct str label, struct buf *out, const char **ret_reason)
{
	cleanup(cleanup_free) char *unicode = str_dup(label);
	if (unicode == NULL)
		return -ENOMEM;
	cleanup(cleanup_idn2) char *ascii = NULL;
	int rc = idn2_to_ascii_8z(unicode, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc == IDN2_MALLOC)
		return -ENOMEM;
	if (rc != IDN2_OK)
		return refuse(ret_reason, "the host is no valid internationalised name");
	return buf_append_str(out, str_of(ascii));
}

/* The length of the label separator that s begins with: a dot, or one of the three that UTS 46 maps
 * to it; 0 when it is none. */
static size_t separator_len(struct str s)
{
	if (s.data[0] == '.')
		return 1;
	if (str_starts(s, STR("\u3002")) || str_starts(s, STR("\uff0e")) ||
	    str_starts(s, STR("\uff61")))
		return 3;
	return 0;
}

static int append_label(struct str label, struct buf *out, const char **ret_reason)
{
	if (is_ascii(label) && !str_eq_nocase(str_slice(label, 0, 4), STR("xn--"))) {
		append_lower(out, label);
		return out->failed;
	}
	return append_mapped(label, out, ret_reason);
}

static int append_domain(struct str domain, struct buf *out, const char **ret_reason)
{
	size_t start = 0;
	for (size_t i = 0; i < domain.len;) {
		size_t n = separator_len(str_slice(domain, i, SIZE_MAX));
		if (n == 0) {
			i++;
			continue;
		}
		int err = append_label(str_slice(domain, start, i - start), out, ret_reason);
		if (err != 0)
			return err;
		buf_append_char(out, '.');
		start = i += n;
	}
	return append_label(str_slice(domain, start, SIZE_MAX), out, ret_reason);
}

int url__host(struct str raw, struct buf *out, enum url_host *ret_type, const char **ret_reason)
{
	if (raw.len > 0 && raw.data[0] == '[') {
		if (raw.data[raw.len - 1] != ']')
			return refuse(ret_reason, "the host's bracket isn't closed");
		*ret_type = URL_IPV6;
		return url__ipv6(str_slice(raw, 1, raw.len - 2), out, ret_reason);
	}
	cleanup(buf_done) struct buf decoded = { 0 }, host = { 0 };
	int err = percent_decode(&decoded, raw);
	if (err == 0 && memchr(decoded.len ? decoded.data : "", '\0', decoded.len) != NULL)
		return refuse(ret_reason, "the host holds a forbidden character");
	if (err == 0)
		err = append_domain(buf_str(&decoded), &host, ret_reason);
	if (err != 0)
		return err;
	if (host.len == 0)
		return refuse(ret_reason, "the host is empty");
	for (size_t i = 0; i < host.len; i++)
		if (is_forbidden((unsigned char)host.data[i]))
			return refuse(ret_reason, "the host holds a forbidden character");
	if (url__ends_in_number(buf_str(&host))) {
		*ret_type = URL_IPV4;
		return url__ipv4(buf_str(&host), out, ret_reason);
	}
	*ret_type = URL_NAME;
	return buf_append_str(out, buf_str(&host));
}
