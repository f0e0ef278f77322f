/* SPDX-License-Identifier: MIT
 *
 * url_parse: the basic URL parser (WHATWG URL §4.4) for special schemes. The standard's state
 * machine, with a function for each stretch of states: start and scheme, relative, authority, path,
 * query, fragment. It writes the serialised URL straight into one buf and notes where the
 * components lie; a relative reference copies the base's authority as bytes, with the same offsets
 * since the scheme is the same.
 */
#include <errno.h>

#include "src/common/cleanup.h"
#include "src/http/percent.h"
#include "src/http/url.h"
#include "src/http/url_host.h"

struct range {
	size_t from, len;
};

struct parser {
	struct str rest; /* input not yet read */
	const struct url *base;
	struct buf out;
	struct range username, password, hostname, host_port, port, pathname, search, hash;
	uint16_t port_number;
	bool https;
	enum url_host host_type;
	const char *reason;
};

static int refuse(struct parser *p, const char *reason)
{
	p->reason = reason;
	return -EINVAL;
}

static void advance(struct parser *p, size_t n)
{
	p->rest = str_slice(p->rest, n, SIZE_MAX);
}

static bool is_slash(char c)
{
	return c == '/' || c == '\\';
}

static bool at_slash(const struct parser *p)
{
	return p->rest.len > 0 && is_slash(p->rest.data[0]);
}

static bool at_char(const struct parser *p, char c)
{
	return p->rest.len > 0 && p->rest.data[0] == c;
}

/* Leading and trailing C0 controls and spaces go. */
static struct str trim_controls(struct str s)
{
	while (s.len > 0 && (unsigned char)s.data[0] <= ' ')
		s = str_slice(s, 1, SIZE_MAX);
	while (s.len > 0 && (unsigned char)s.data[s.len - 1] <= ' ')
		s.len--;
	return s;
}

/* Tabs and line ends go, wherever they are. */
static int remove_tabs(struct str s, struct buf *b)
{
	buf_reserve(b, s.len);
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] != '\t' && s.data[i] != '\n' && s.data[i] != '\r')
			buf_append_char(b, s.data[i]);
	return b->failed;
}

/* The scheme that s begins with, without its colon; empty when there is none. */
static struct str scheme_of(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.data[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
		if (c == ':' && i > 0)
			return str_slice(s, 0, i);
		if (!letter && !(other && i > 0))
			break;
	}
	return (struct str){ 0 };
}

static int parse_userinfo(struct parser *p, struct str userinfo)
{
	struct str username, password;
	str_cut(userinfo, ':', &username, &password);
	p->username.from = p->out.len;
	percent_encode(&p->out, username, PERCENT_USERINFO);
	p->username.len = p->out.len - p->username.from;
	p->password.from = p->out.len;
	if (password.len > 0) {
		buf_append_char(&p->out, ':');
		p->password.from = p->out.len;
		percent_encode(&p->out, password, PERCENT_USERINFO);
		p->password.len = p->out.len - p->password.from;
	}
	if (p->username.len > 0 || p->password.len > 0)
		buf_append_char(&p->out, '@');
	return p->out.failed;
}

static int parse_port(struct parser *p, struct str digits)
{
	uint64_t port = 0;
	p->port_number = p->https ? 443 : 80;
	for (size_t i = 0; i < digits.len; i++)
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return refuse(p, "the port is not a number");
	if (digits.len == 0)
		return 0;
	if (str_parse_u64(digits, UINT16_MAX, &port) != 0)
		return refuse(p, "the port is above 65535");
	if (port == p->port_number)
		return 0;
	p->port_number = (uint16_t)port;
	buf_append_char(&p->out, ':');
	p->port.from = p->out.len;
	buf_append_u64(&p->out, port);
	p->port.len = p->out.len - p->port.from;
	return p->out.failed;
}

/* Index of the first colon outside of brackets, or the length. */
static size_t port_colon(struct str s)
{
	bool inside = false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == ':' && !inside)
			return i;
		inside = s.data[i] == '[' || (inside && s.data[i] != ']');
	}
	return s.len;
}

static int parse_host_and_port(struct parser *p, struct str s)
{
	size_t colon = port_colon(s);
	if (colon == 0)
		return refuse(p, "the host is missing");
	p->hostname.from = p->host_port.from = p->out.len;
	int err = url__host(str_slice(s, 0, colon), &p->out, &p->host_type, &p->reason);
	if (err != 0)
		return err;
	p->hostname.len = p->out.len - p->hostname.from;
	p->port.from = p->out.len;
	err = parse_port(p, str_slice(s, colon + 1, SIZE_MAX));
	p->host_port.len = p->out.len - p->host_port.from;
	return err;
}

/* Slashes before the authority don't count, be they none or many. */
static int parse_authority(struct parser *p)
{
	while (at_slash(p))
		advance(p, 1);
	size_t end = 0, after_at = 0;
	for (; end < p->rest.len; end++) {
		char c = p->rest.data[end];
		if (is_slash(c) || c == '?' || c == '#')
			break;
		if (c == '@')
			after_at = end + 1;
	}
	buf_append_str(&p->out, STR("//"));
	p->username.from = p->password.from = p->out.len;
	int err = 0;
	if (after_at > 0)
		err = parse_userinfo(p, str_slice(p->rest, 0, after_at - 1));
	if (err == 0)
		err = parse_host_and_port(p, str_slice(p->rest, after_at, end - after_at));
	advance(p, end);
	return err;
}

/* "." or "%2e", and how many of them segment is made of: 1, 2; or 0 when it is anything else. */
static int dots(struct str segment)
{
	int count = 0;
	while (segment.len > 0) {
		size_t n = segment.data[0] == '.' ? 1 : 3;
		if (n == 3 && !str_eq_nocase(str_slice(segment, 0, 3), STR("%2e")))
			return 0;
		segment = str_slice(segment, n, SIZE_MAX);
		count++;
	}
	return count <= 2 ? count : 0;
}

/* Removes the last segment, its slash included. */
static void shorten_path(struct parser *p)
{
	size_t end = p->out.len;
	while (end > p->pathname.from && p->out.data[end - 1] != '/')
		end--;
	p->out.len = end > p->pathname.from ? end - 1 : p->pathname.from;
}

/* Segments up to the query or fragment. What is in the path already (of the base) lies at
 * pathname.from. */
static int parse_path(struct parser *p)
{
	bool slash = true;
	if (at_slash(p))
		advance(p, 1);
	while (slash) {
		size_t n = 0;
		while (n < p->rest.len && !is_slash(p->rest.data[n]) && p->rest.data[n] != '?' &&
		       p->rest.data[n] != '#')
			n++;
		struct str segment = str_slice(p->rest, 0, n);
		advance(p, n);
		slash = at_slash(p);
		if (slash)
			advance(p, 1);
		int count = dots(segment);
		if (count == 2 && p->out.failed == 0)
			shorten_path(p);
		if (count == 0 || !slash)
			buf_append_char(&p->out, '/');
		if (count == 0)
			percent_encode(&p->out, segment, PERCENT_PATH);
	}
	return p->out.failed;
}

static int parse_query_and_fragment(struct parser *p)
{
	struct str query, fragment;
	bool has_fragment = str_cut(p->rest, '#', &query, &fragment);
	if (query.len > 0) { /* begins with its ? */
		p->search.from = p->out.len;
		buf_append_char(&p->out, '?');
		percent_encode(&p->out, str_slice(query, 1, SIZE_MAX), PERCENT_QUERY);
		p->search.len = p->out.len - p->search.from;
	}
	if (has_fragment) {
		p->hash.from = p->out.len;
		buf_append_char(&p->out, '#');
		percent_encode(&p->out, fragment, PERCENT_FRAGMENT);
		p->hash.len = p->out.len - p->hash.from;
	}
	return p->out.failed;
}

static struct range range_in(struct str whole, struct str part)
{
	return (struct range){ .from = (size_t)(part.data - whole.data), .len = part.len };
}

/* Everything before the path is the base's. */
static void copy_base_authority(struct parser *p)
{
	const struct url *b = p->base;
	buf_append(&p->out, b->href.data + p->out.len,
		   (size_t)(b->pathname.data - b->href.data) - p->out.len);
	p->username = range_in(b->href, b->username);
	p->password = range_in(b->href, b->password);
	p->hostname = range_in(b->href, b->hostname);
	p->host_port = range_in(b->href, b->host_port);
	p->port = range_in(b->href, b->port);
	p->port_number = b->port_number;
	p->host_type = b->host_type;
}

/* A reference without scheme and authority: "/x", "x", "?x", "#x", "". */
static int parse_relative(struct parser *p)
{
	struct str target = url_request_target(p->base);
	copy_base_authority(p);
	p->pathname.from = p->out.len;
	if (at_slash(p))
		return parse_path(p);
	if (p->rest.len > 0 && !at_char(p, '?') && !at_char(p, '#')) {
		buf_append_str(&p->out, p->base->pathname);
		if (p->out.failed == 0)
			shorten_path(p);
		return parse_path(p);
	}
	buf_append_str(&p->out, p->base->pathname);
	if (!at_char(p, '?') && target.len > p->base->pathname.len) {
		p->search.from = p->out.len;
		buf_append_str(&p->out, str_slice(target, p->base->pathname.len, SIZE_MAX));
		p->search.len = p->out.len - p->search.from;
	}
	return p->out.failed;
}

/* Two slashes of either kind. */
static bool at_authority(const struct parser *p)
{
	return at_slash(p) && p->rest.len > 1 && is_slash(p->rest.data[1]);
}

static int parse_after_scheme(struct parser *p, bool relative)
{
	buf_append_str(&p->out, p->https ? STR("https:") : STR("http:"));
	int err;
	if (relative && !at_authority(p)) {
		err = parse_relative(p);
	} else {
		err = parse_authority(p);
		p->pathname.from = p->out.len;
		if (err == 0)
			err = parse_path(p);
	}
	if (err != 0)
		return err;
	if (p->search.len == 0)
		p->pathname.len = p->out.len - p->pathname.from;
	else
		p->pathname.len = p->search.from - p->pathname.from;
	return parse_query_and_fragment(p);
}

static int parse(struct parser *p)
{
	struct str scheme = scheme_of(p->rest);
	bool http = str_eq_nocase(scheme, STR("http"));
	p->https = str_eq_nocase(scheme, STR("https"));
	if (scheme.len == 0) {
		if (p->base == NULL)
			return refuse(p, "the URL doesn't begin with http:// or https://");
		p->https = p->base->https;
		return parse_after_scheme(p, true);
	}
	if (!http && !p->https) {
		p->reason = "the scheme is neither http nor https";
		return -EPROTONOSUPPORT;
	}
	advance(p, scheme.len + 1);
	/* "http:x" is relative to a base of the same scheme. */
	return parse_after_scheme(p, p->base != NULL && p->base->https == p->https);
}

static struct str component(const char *href, struct range r)
{
	return str_make(href + r.from, r.len);
}

/* A lone ? or # stays in href and is not in search or hash. */
static struct str component_unless_bare(const char *href, struct range r)
{
	return str_make(href + r.from, r.len > 1 ? r.len : 0);
}

static int finish(struct parser *p, struct url *ret)
{
	if (p->out.len > URL_LIMIT) {
		p->reason = "the URL is longer than 64 KiB";
		return -ENAMETOOLONG;
	}
	if (p->search.len == 0)
		p->search.from = p->pathname.from + p->pathname.len;
	if (p->hash.len == 0)
		p->hash.from = p->out.len;
	if (buf_cstr(&p->out) == NULL)
		return p->out.failed;
	const char *href = p->out.data;
	*ret = (struct url){
		.href = str_make(href, p->out.len),
		.protocol = str_make(href, p->https ? 6 : 5),
		.username = component(href, p->username),
		.password = component(href, p->password),
		.hostname = component(href, p->hostname),
		.host_port = component(href, p->host_port),
		.port = component(href, p->port),
		.pathname = component(href, p->pathname),
		.search = component_unless_bare(href, p->search),
		.hash = component_unless_bare(href, p->hash),
		.port_number = p->port_number,
		.https = p->https,
		.host_type = p->host_type,
	};
	p->out = (struct buf){ 0 }; /* the url's now */
	return 0;
}

static void parser_done(struct parser *p)
{
	buf_done(&p->out);
}

int url_parse(struct str input, const struct url *base, struct url *ret, const char **ret_reason)
{
	cleanup(parser_done) struct parser p = { .base = base };
	cleanup(buf_done) struct buf cleaned = { 0 };
	int err = 0;
	p.rest = trim_controls(input);
	if (p.rest.len > URL_LIMIT) {
		p.reason = "the URL is longer than 64 KiB";
		err = -ENAMETOOLONG;
	} else if (str_index(p.rest, '\t') >= 0 || str_index(p.rest, '\n') >= 0 ||
		   str_index(p.rest, '\r') >= 0) {
		err = remove_tabs(p.rest, &cleaned);
		p.rest = buf_str(&cleaned);
	}
	if (err == 0)
		err = buf_reserve(&p.out, p.rest.len + 16);
	if (err == 0)
		err = parse(&p);
	if (err == 0)
		err = finish(&p, ret);
	if (err != 0 && ret_reason != NULL)
		*ret_reason = p.reason ? p.reason : "out of memory";
	return err;
}
