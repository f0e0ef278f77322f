/* SPDX-License-Identifier: MIT
 *
 * message_parts: what the three files of the message parser share. message.c owns the order of
 * things and llhttp, message_check.c the lines of heads and trailers and what a head means,
 * message_body.c the body's framing. Each function looks at bytes once, in order, and keeps its
 * state in the parser: so the result doesn't depend on how the input is split. For src/http alone.
 */
#ifndef HTTP_MESSAGE_PARTS_H
#define HTTP_MESSAGE_PARTS_H

#include "src/http/message.h"

enum message_phase {
	PHASE_HEAD,
	PHASE_LENGTH, /* body, content_length bytes left */
	PHASE_CLOSE,  /* body until the connection ends */
	PHASE_CHUNK_SIZE,
	PHASE_CHUNK_SPACE, /* spaces between size and extension or CR */
	PHASE_CHUNK_EXTENSION,
	PHASE_CHUNK_LF,
	PHASE_CHUNK_DATA,
	PHASE_CHUNK_DATA_CR,
	PHASE_CHUNK_DATA_LF,
	PHASE_TRAILER,
};

/* What the scanner found after the bytes that it passed. */
enum scan_result {
	SCAN_MORE,    /* the input ended */
	SCAN_END,     /* the empty line: head or trailers are complete */
	SCAN_BARE_LF, /* the byte behind those passed is an LF without CR: to count as CRLF */
	SCAN_ERROR,   /* the byte behind those passed is an error: p->stop says which */
};

/* Begins a head (with start line) or a trailer section. */
void message__scan_begin(struct message_parser *p, bool trailer);

/* Passes bytes that are sound as lines; *ret_len is how many. After SCAN_BARE_LF,
 * message__scan_bare_lf says whether the section ended. */
enum scan_result message__scan(struct message_parser *p, const char *data, size_t len,
			       size_t *ret_len);
bool message__scan_bare_lf(struct message_parser *p);

/* Reads framing and keep-alive off the complete head (RFC 9112 §6.3, §9.3). content_length and the
 * rest of *head are set. */
enum fetch_error message__check_head(struct message_parser *p, struct message_head *head);

/* Begins the body that p->framing says. */
enum fetch_error message__body_begin(struct message_parser *p, uint64_t content_length);

/* Takes body bytes up to the body's end; sets p->done, or PHASE_TRAILER, when it is reached. */
enum fetch_error message__body(struct message_parser *p, const char *data, size_t len,
			       size_t *ret_len);

#endif
