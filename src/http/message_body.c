/* SPDX-License-Identifier: MIT
 *
 * message_body: the body's framing (RFC 9112 §6 and §7.1): by length, chunked, or until the
 * connection closes. Chunk lines end in CRLF and nothing else; sizes are hex digits, at least one,
 * below 2^63; what stands behind a ';' is skipped, controls in it are refused.
 *
 * Tiny chunks and long extensions cost the peer nothing and us much: each chunk has a credit of 16
 * bytes and twice its data; framing beyond that adds up in section_bytes, up to
 * limits->chunk_overhead. (The rule is that of Go's net/http/internal/chunked.go.)
 */
#include "src/http/message_parts.h"

#include "src/http/percent.h"

#define CHUNK_CREDIT 16

enum fetch_error message__body_begin(struct message_parser *p, uint64_t content_length)
{
	p->section_bytes = p->line_bytes = 0;
	p->chunk_left = 0;
	p->body_left = p->limits->body_bytes;
	switch ((enum message_framing)p->framing) {
	case FRAMING_NONE:
		p->done = true;
		break;
	case FRAMING_LENGTH:
		p->phase = PHASE_LENGTH;
		p->content_length = content_length;
		if (content_length > p->body_left)
			return FETCH_BODY_TOO_LARGE;
		break;
	case FRAMING_CHUNKED:
		p->phase = PHASE_CHUNK_SIZE;
		break;
	case FRAMING_CLOSE:
		p->phase = PHASE_CLOSE;
		break;
	}
	return FETCH_OK;
}

/* Hands on up to len bytes, no more than *left. */
static enum fetch_error deliver(struct message_parser *p, const char *data, size_t len,
				uint64_t *left, size_t *ret_len)
{
	size_t n = len < *left ? len : (size_t)*left;
	*left -= n;
	*ret_len = n;
	return n > 0 ? (enum fetch_error)p->events->on_body(p->user, data, n) : FETCH_OK;
}

static enum fetch_error body_length(struct message_parser *p, const char *data, size_t len,
				    size_t *ret_len)
{
	enum fetch_error e = deliver(p, data, len, &p->content_length, ret_len);
	p->done = e == FETCH_OK && p->content_length == 0;
	return e;
}

static enum fetch_error body_close(struct message_parser *p, const char *data, size_t len,
				   size_t *ret_len)
{
	enum fetch_error e = deliver(p, data, len, &p->body_left, ret_len);
	return e == FETCH_OK && *ret_len < len ? FETCH_BODY_TOO_LARGE : e;
}

static enum fetch_error chunk_data(struct message_parser *p, const char *data, size_t len,
				   size_t *ret_len)
{
	enum fetch_error e = deliver(p, data, len, &p->chunk_left, ret_len);
	if (p->chunk_left == 0)
		p->phase = PHASE_CHUNK_DATA_CR;
	return e;
}

/* A digit of the size; line_bytes is how many bytes the line had before. */
static enum fetch_error chunk_digit(struct message_parser *p, char c)
{
	int digit = percent_hex(c);
	if (digit < 0 || p->chunk_left >= UINT64_C(1) << 59)
		return FETCH_MALFORMED_CHUNK;
	p->chunk_left = p->chunk_left << 4 | (unsigned)digit;
	return FETCH_OK;
}

static enum fetch_error chunk_line_byte(struct message_parser *p, char c)
{
	if (++p->line_bytes > p->limits->chunk_overhead)
		return FETCH_CHUNK_OVERHEAD;
	if (p->phase == PHASE_CHUNK_SIZE && percent_hex(c) >= 0)
		return chunk_digit(p, c);
	if (p->phase == PHASE_CHUNK_SIZE && p->line_bytes == 1)
		return FETCH_MALFORMED_CHUNK;
	if (c == '\r') {
		p->phase = PHASE_CHUNK_LF;
		return FETCH_OK;
	}
	if (p->phase == PHASE_CHUNK_EXTENSION) {
		bool control = ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
		return control ? FETCH_MALFORMED_CHUNK : FETCH_OK;
	}
	if (c != ';' && c != ' ' && c != '\t')
		return FETCH_MALFORMED_CHUNK;
	p->phase = c == ';' ? PHASE_CHUNK_EXTENSION : PHASE_CHUNK_SPACE;
	return FETCH_OK;
}

/* The chunk's line is complete: account for it, then data or trailers follow. */
static enum fetch_error chunk_begin(struct message_parser *p)
{
	uint64_t credit = CHUNK_CREDIT + 2 * p->chunk_left;
	uint64_t excess = (uint64_t)p->section_bytes + p->line_bytes +
			  3; /* this LF, and CRLF behind the data */
	excess = excess > credit ? excess - credit : 0;
	if (excess > p->limits->chunk_overhead)
		return FETCH_CHUNK_OVERHEAD;
	p->section_bytes = (uint32_t)excess;
	p->line_bytes = 0;
	if (p->chunk_left > p->body_left)
		return FETCH_BODY_TOO_LARGE;
	p->body_left -= p->chunk_left;
	p->phase = p->chunk_left > 0 ? PHASE_CHUNK_DATA : PHASE_TRAILER;
	return FETCH_OK;
}

static enum fetch_error chunk_byte(struct message_parser *p, char c)
{
	switch ((enum message_phase)p->phase) {
	case PHASE_CHUNK_LF:
		return c == '\n' ? chunk_begin(p) : FETCH_MALFORMED_CHUNK;
	case PHASE_CHUNK_DATA_CR:
		p->phase = PHASE_CHUNK_DATA_LF;
		return c == '\r' ? FETCH_OK : FETCH_MALFORMED_CHUNK;
	case PHASE_CHUNK_DATA_LF:
		p->phase = PHASE_CHUNK_SIZE;
		return c == '\n' ? FETCH_OK : FETCH_MALFORMED_CHUNK;
	default:
		return chunk_line_byte(p, c);
	}
}

static enum fetch_error body_chunked(struct message_parser *p, const char *data, size_t len,
				     size_t *ret_len)
{
	enum fetch_error e = FETCH_OK;
	size_t at = 0;
	while (e == FETCH_OK && at < len && p->phase != PHASE_TRAILER) {
		size_t n = 1;
		if (p->phase == PHASE_CHUNK_DATA)
			e = chunk_data(p, data + at, len - at, &n);
		else
			e = chunk_byte(p, data[at]);
		at += n;
	}
	*ret_len = at;
	return e;
}

enum fetch_error message__body(struct message_parser *p, const char *data, size_t len,
			       size_t *ret_len)
{
	switch ((enum message_phase)p->phase) {
	case PHASE_LENGTH:
		return body_length(p, data, len, ret_len);
	case PHASE_CLOSE:
		return body_close(p, data, len, ret_len);
	default:
		return body_chunked(p, data, len, ret_len);
	}
}
