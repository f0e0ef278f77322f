/* SPDX-License-Identifier: MIT
 *
 * message_check: our own checks on what llhttp is too lenient about, or judges differently from
 * version to version; a test each in tests/http/test_message_check.c. Before llhttp sees a byte,
 * the scanner refuses:
 *
 *	a CR that no LF follows
 *	a status line that isn't "HTTP/1.0 " or "HTTP/1.1 ", three digits, and a space or its end
 *	a control character in the start line
 *	an empty line before a status line, more than two before a request line
 *	a line that begins with a space or tab: folding, also right after the start line
 *	a name that is empty or no token (a space before the colon), a line without a colon
 *	an LF without CR in trailers
 *	whatever is longer or more than message_limits allow
 *
 * In a head an LF without CR is taken as a line's end, as RFC 9112 §2.2 allows; llhttp gets a CRLF.
 * Control characters in values are llhttp's to refuse. From the complete head: Content-Length is
 * one number, however often it is repeated; Transfer-Encoding is exactly "chunked", once, and never
 * beside Content-Length.
 */
#include "src/http/message_parts.h"

enum scan_state {
	SCAN_BLANK, /* before a request line: empty lines are skipped */
	SCAN_START, /* within the start line */
	SCAN_LINE,  /* at the beginning of a field line */
	SCAN_NAME,
	SCAN_VALUE,
	SCAN_CR = 8, /* flag: the last byte was a CR */
};

#define BLANK_BYTES 4 /* two empty lines */

void message__scan_begin(struct message_parser *p, bool trailer)
{
	p->scan = trailer ? SCAN_LINE : p->type == MESSAGE_REQUEST ? SCAN_BLANK : SCAN_START;
	p->line_bytes = p->section_bytes = p->field_count = 0;
}

static enum fetch_error line_error(const struct message_parser *p)
{
	if ((p->scan & ~SCAN_CR) <= SCAN_START)
		return FETCH_MALFORMED_STATUS;
	return p->phase == PHASE_TRAILER ? FETCH_MALFORMED_CHUNK : FETCH_MALFORMED_FIELD;
}

static enum scan_result fail(struct message_parser *p, enum fetch_error e)
{
	p->stop = (uint8_t)e;
	return SCAN_ERROR;
}

/* How many more bytes this line and this section may have. The smaller says which error comes. */
static size_t room(const struct message_parser *p, enum fetch_error *ret_error)
{
	const struct message_limits *l = p->limits;
	bool start = p->scan <= SCAN_START, trailer = p->phase == PHASE_TRAILER;
	uint32_t line = start ? l->start_line_bytes : l->field_bytes;
	uint32_t section = trailer ? l->trailer_bytes : l->head_bytes;
	size_t line_room = line > p->line_bytes ? line - p->line_bytes : 0;
	size_t section_room = section > p->section_bytes ? section - p->section_bytes : 0;
	if (section_room <= line_room) {
		*ret_error = trailer ? FETCH_TRAILERS_TOO_LARGE : FETCH_FIELDS_TOO_LARGE;
		return section_room;
	}
	*ret_error = start ? FETCH_STATUS_LINE_TOO_LONG : FETCH_FIELD_TOO_LARGE;
	return line_room;
}

/* "HTTP/1.x ddd" and what follows: byte `at` of a status line. */
static bool status_line_byte(size_t at, unsigned char c)
{
	static const char form[] = "HTTP/1.";
	if (at < 7)
		return c == (unsigned char)form[at];
	if (at == 7)
		return c == '0' || c == '1';
	if (at == 8 || at == 12)
		return c == ' ';
	return at > 12 || (c >= '0' && c <= '9');
}

static bool start_line_byte(const struct message_parser *p, size_t at, unsigned char c)
{
	if ((c < ' ' && c != '\t') || c == 0x7f)
		return false;
	return p->type == MESSAGE_REQUEST || status_line_byte(at, c);
}

/* The sound bytes of the start line that data begins with, up to its end. */
static size_t scan_start_line(const struct message_parser *p, const char *data, size_t len)
{
	size_t n = 0;
	while (n < len && start_line_byte(p, p->line_bytes + n, (unsigned char)data[n]))
		n++;
	return n;
}

/* The bytes of a name that data begins with, its colon included if that is where a colon may be. */
static size_t scan_name(struct message_parser *p, const char *data, size_t len)
{
	size_t n = 0;
	while (n < len && field_name_char(data[n]))
		n++;
	if (n < len && data[n] == ':' && p->line_bytes + n > 0) {
		p->scan = SCAN_VALUE;
		n++;
	}
	return n;
}

/* The sound bytes of a field line that data begins with, up to its end. *ret_bad: the next one
 * isn't even a line's end. */
static size_t scan_field_line(struct message_parser *p, const char *data, size_t len, bool *ret_bad)
{
	size_t n = 0;
	*ret_bad = false;
	if (p->scan == SCAN_NAME) {
		n = scan_name(p, data, len);
		*ret_bad = p->scan == SCAN_NAME && n < len;
		if (*ret_bad)
			return n;
	}
	const char *end = memchr(data + n, '\n', len - n);
	const char *cr = memchr(data + n, '\r', end ? (size_t)(end - data) - n : len - n);
	end = cr ? cr : end;
	return end ? (size_t)(end - data) : len;
}

/* The end of a start line may come only when the line is whole. */
static bool start_line_may_end(const struct message_parser *p)
{
	return p->type == MESSAGE_REQUEST || p->line_bytes >= 12;
}

/* A line ended. True when it was the empty one behind the fields. */
static bool end_line(struct message_parser *p)
{
	bool empty = p->scan == SCAN_LINE;
	if (p->scan != SCAN_BLANK)
		p->scan = SCAN_LINE;
	p->line_bytes = 0;
	return empty;
}

/* At the beginning of a field line: its first byte decides. */
static enum scan_result begin_field(struct message_parser *p, char c)
{
	if (c == '\r' || c == '\n')
		return SCAN_MORE;
	p->scan = SCAN_NAME;
	if (p->field_count >= p->limits->field_count)
		return fail(p, FETCH_TOO_MANY_FIELDS);
	p->field_count++;
	return SCAN_MORE;
}

/* Counts n bytes that are sound; those past a limit are not passed. */
static enum scan_result count(struct message_parser *p, size_t n, size_t *at)
{
	enum fetch_error e;
	size_t left = room(p, &e);
	bool over = n > left;
	n = over ? left : n;
	p->line_bytes += (uint32_t)n;
	p->section_bytes += (uint32_t)n;
	*at += n;
	return over ? fail(p, e) : SCAN_MORE;
}

/* A CR, LF, or a byte that may not be here. The line's end is not counted against the line, but
 * against the section. */
static enum scan_result line_end(struct message_parser *p, char c, size_t *at)
{
	bool cr = p->scan & SCAN_CR;
	if (c != '\n' && (cr || c != '\r'))
		return fail(p, line_error(p));
	if (p->scan == SCAN_NAME || (p->scan == SCAN_START && !start_line_may_end(p)))
		return fail(p, line_error(p));
	if (c == '\n' && !cr && p->phase == PHASE_TRAILER)
		return fail(p, FETCH_MALFORMED_CHUNK);
	if (p->section_bytes++ >=
	    (p->phase == PHASE_TRAILER ? p->limits->trailer_bytes : p->limits->head_bytes))
		return fail(p, p->phase == PHASE_TRAILER ? FETCH_TRAILERS_TOO_LARGE
							 : FETCH_FIELDS_TOO_LARGE);
	if (p->scan == SCAN_BLANK && p->section_bytes > BLANK_BYTES)
		return fail(p, FETCH_MALFORMED_STATUS);
	if (c == '\n' && !cr)
		return SCAN_BARE_LF;
	++*at;
	p->scan ^= SCAN_CR;
	return c == '\n' && end_line(p) ? SCAN_END : SCAN_MORE;
}

bool message__scan_bare_lf(struct message_parser *p)
{
	return end_line(p);
}

enum scan_result message__scan(struct message_parser *p, const char *data, size_t len,
			       size_t *ret_len)
{
	enum scan_result result = SCAN_MORE;
	size_t at = 0;
	while (result == SCAN_MORE && at < len) {
		size_t n = 0;
		bool bad = false;
		if (p->scan == SCAN_BLANK && data[at] != '\r' && data[at] != '\n')
			p->scan = SCAN_START;
		if (p->scan == SCAN_LINE)
			result = begin_field(p, data[at]);
		if (result != SCAN_MORE)
			break;
		if (p->scan == SCAN_START)
			n = scan_start_line(p, data + at, len - at);
		else if (p->scan == SCAN_NAME || p->scan == SCAN_VALUE)
			n = scan_field_line(p, data + at, len - at, &bad);
		result = count(p, n, &at);
		if (result == SCAN_MORE && bad)
			result = fail(p, line_error(p));
		if (result == SCAN_MORE && at < len)
			result = line_end(p, data[at], &at);
	}
	*ret_len = at;
	return result;
}

/* One strict number; the same one again is fine (§6.3, point 5). */
static enum fetch_error check_content_length(struct message_parser *p, struct str value)
{
	uint64_t n;
	if (str_parse_u64(value, INT64_MAX, &n) != 0)
		return FETCH_CONTENT_LENGTH;
	if (p->content_length != UINT64_MAX && p->content_length != n)
		return FETCH_CONTENT_LENGTH;
	p->content_length = n;
	return FETCH_OK;
}

static enum fetch_error check_coding(struct message_parser *p, struct str value)
{
	if (p->coding_seen || !str_eq_nocase(value, STR("chunked")))
		return FETCH_TRANSFER_ENCODING;
	p->coding_seen = true;
	return FETCH_OK;
}

struct connection_options {
	bool close, keep_alive;
};

static enum fetch_error check_field(struct message_parser *p, const struct field *f,
				    struct message_head *head, struct connection_options *options)
{
	switch (f->name.len) {
	case 6:
		if (p->type == MESSAGE_REQUEST && str_eq_nocase(f->name, STR("Expect")))
			head->expect_continue |= str_eq_nocase(f->value, STR("100-continue"));
		break;
	case 10:
		if (str_eq_nocase(f->name, STR("Connection"))) {
			options->close |= field_has_token(f->value, STR("close"));
			options->keep_alive |= field_has_token(f->value, STR("keep-alive"));
		}
		break;
	case 14:
		if (str_eq_nocase(f->name, STR("Content-Length")))
			return check_content_length(p, f->value);
		break;
	case 17:
		if (str_eq_nocase(f->name, STR("Transfer-Encoding")))
			return check_coding(p, f->value);
		break;
	default:
		break;
	}
	return FETCH_OK;
}

/* §6.3. What has no body by its status is not asked for framing. */
static enum message_framing framing_of(const struct message_parser *p, int status)
{
	if (status == 204 || status == 304)
		return FRAMING_NONE;
	if (p->coding_seen)
		return FRAMING_CHUNKED;
	if (p->content_length != UINT64_MAX)
		return p->content_length > 0 ? FRAMING_LENGTH : FRAMING_NONE;
	return p->type == MESSAGE_REQUEST ? FRAMING_NONE : FRAMING_CLOSE;
}

enum fetch_error message__check_head(struct message_parser *p, struct message_head *head)
{
	struct connection_options options = { 0 };
	struct field f;
	p->content_length = UINT64_MAX;
	p->coding_seen = false;
	for (uint32_t at = 0; fields_next(head->fields, &at, &f);) {
		enum fetch_error e = check_field(p, &f, head, &options);
		if (e != FETCH_OK)
			return e;
	}
	if (p->coding_seen && p->content_length != UINT64_MAX)
		return FETCH_TRANSFER_ENCODING;
	head->framing = framing_of(p, head->status);
	head->content_length = head->framing == FRAMING_LENGTH ? p->content_length : 0;
	/* §6.1: a transfer coding in HTTP/1.0 is suspect. A 204 that promises a body (§8.6 of RFC
	 * 9110) is too. */
	bool suspect =
		(p->coding_seen && head->minor == 0) ||
		(head->status == 204 &&
		 (p->coding_seen || (p->content_length != UINT64_MAX && p->content_length > 0)));
	bool wanted = head->minor == 0 ? options.keep_alive : true;
	head->keep_alive = wanted && !options.close && !suspect;
	return FETCH_OK;
}
