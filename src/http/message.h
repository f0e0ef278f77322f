/* SPDX-License-Identifier: MIT
 *
 * message: an incremental HTTP/1.x parser for answers (client) and requests (server), on llhttp
 * with our own limits and checks. It does no I/O, never parks, allocates one block per head (for
 * the fields; none before the head begins to arrive), and gives the same result however the input
 * is split.
 *
 *	struct message_parser p;
 *	message_parser_init(&p, MESSAGE_RESPONSE, &message_default_limits, &events, user);
 *	do {
 *		n = conn_read_view(c, &data);
 *		e = n > 0 ? message_parser_feed(&p, data, n, &consumed) : message_parser_finish(&p);
 *	} while (e == FETCH_OK && !message_done(&p));
 *	bool again = message_keep_alive(&p) && consumed == n;
 *	message_parser_reset(&p);		// for the next message on this connection
 *	message_parser_done(&p);
 *
 * Below stands what it makes of each odd or malformed shape, the safe side first; tests/client/hostile_heads.c and
 * hostile_bodies.c have a row for each. After any error the connection is to be closed.
 */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/http/error.h"
#include "src/http/fields.h"

/* One choice for each shape that RFC 9112 forbids, or leaves open.
 *
 *	Status line	"HTTP/1.0" or "HTTP/1.1" to the letter, one space, three digits from 200 to 999 (or 1xx), then a
 *			space and a reason of any bytes but controls, or nothing. All else is malformed_status: other
 *			versions, HTTP/0.9's bare body, anything before the line, an empty line too.
 *	Line ends	CRLF. In a head a bare LF will do (§2.2); a CR that no LF follows is an error anywhere. In
 *			chunk lines and trailers only CRLF will do, for there proxies have differed.
 *	Field lines	A name is a token, its colon follows at once. Folding (also a line that begins with a space right
 *			behind the start line), an empty name, no colon, NUL and all controls but tab are malformed_field.
 *			Bytes above 127 may stand in values alone.
 *	Content-Length	Digits and nothing else, below 2^63; zeros before them and spaces around them will do, a tab behind
 *			them won't. The same number in several lines is one; two numbers, or a list in one line ("5, 5"),
 *			are content_length.
 *	Transfer-Encoding   Exactly "chunked", once, without case. Any other coding or list, also "identity", and
 *			Content-Length beside it in either order, are transfer_encoding. In HTTP/1.0 it is read, but the
 *			connection ends with the message (§6.1).
 *	Interim answers	1xx have no body, are counted, and their fields are dropped; 101 is unexpected_upgrade.
 *	204, 304, HEAD	have no body. What follows their head all the same is left over, and so ends the connection; a 204
 *			that promises a body does too, should it come or not. 205 has the body that its fields say.
 *	Chunks		A size is hex digits, at least one, below 2^63, with any number of zeros before them. Spaces may stand
 *			behind it, as some servers pad it. Extensions are skipped, quoted or not: a quote hides no CRLF.
 *	Trailers	are checked as fields are, and dropped: none can change what the head has said. Errors in them are
 *			malformed_chunk.
 *	Left over	Bytes behind a whole message are not consumed: a client takes them for a reason to close, an empty
 *			line too. */

enum message_type {
	MESSAGE_RESPONSE,
	MESSAGE_REQUEST
};

/* How the body's end is found (RFC 9112 §6.3). */
enum message_framing {
	FRAMING_NONE, /* no body */
	FRAMING_LENGTH,
	FRAMING_CHUNKED,
	FRAMING_CLOSE, /* the connection's; over TLS the caller insists on a close_notify */
};

struct message_limits {
	uint32_t start_line_bytes;    /* status line or request line */
	uint32_t field_bytes;	      /* one field line */
	uint32_t field_count;	      /* fields in head and trailers each */
	uint32_t head_bytes;	      /* one whole head */
	uint32_t informational_count; /* 1xx answers before the final one */
	uint32_t chunk_overhead;      /* chunk framing beyond 16 bytes a chunk and twice its data */
	uint32_t trailer_bytes;
	uint64_t body_bytes; /* body without framing; UINT64_MAX = no limit */
};

/* 8 KiB, 32 KiB, 256, 64 KiB, 16, 16 KiB, 16 KiB, none. */
extern const struct message_limits message_default_limits;

struct message_head {
	int status;	   /* of an answer: 200..999; 0 in a request */
	struct str method; /* of a request; static */
	struct str target; /* of a request; lives as long as the fields */
	int minor;	   /* HTTP/1.minor: 0 or 1 */
	enum message_framing framing;
	uint64_t content_length; /* with FRAMING_LENGTH */
	bool keep_alive;	 /* as far as the head says */
	bool expect_continue;	 /* a request with Expect: 100-continue */
	const struct fields *fields;
};

/* What on_head may return beside 0 and an error: this message has no body whatever its head says
 * (the answer to HEAD or CONNECT). */
#define MESSAGE_BODILESS (-1)

/* None of these may park or touch the parser but for message_take_fields. Returning an enum
 * fetch_error stops the parser for good, and feed returns it. Slices are valid during the call. */
struct message_events {
	/* The final head; its framing is as if it had a body, see above. */
	int (*on_head)(void *user, const struct message_head *head);
	/* len > 0 */
	int (*on_body)(void *user, const char *data, size_t len);
	/* May be NULL: a 1xx other than 101 came. */
	int (*on_informational)(void *user, int status);
};

struct message_parser {
	_Alignas(8) unsigned char machine[112]; /* llhttp's state; message.c checks that it fits */
	const struct message_limits *limits;	/* borrowed, as are the next two */
	const struct message_events *events;
	void *user;
	struct fields fields;	 /* grows while the head arrives */
	uint64_t content_length; /* UINT64_MAX: not given; later the bytes of body to come */
	uint64_t body_left;	 /* until limits->body_bytes */
	uint64_t chunk_left;	 /* bytes of data to come in the present chunk */
	uint32_t line_bytes;	 /* of the present line, its end not counted */
	uint32_t section_bytes;	 /* of the present head or trailers; of excessive chunk framing */
	uint32_t record;	 /* offset in the fields' block of the field that is arriving */
	uint32_t name_len;	 /* of that field */
	uint32_t field_count;	 /* in the present section */
	uint32_t informational;	 /* 1xx heads seen */
	uint8_t type;		 /* enum message_type */
	uint8_t phase, scan;	 /* of message_parts.h and message_check.c */
	uint8_t framing;	 /* enum message_framing */
	uint8_t stop;		 /* enum fetch_error: what ended it */
	bool started, head_done, done, keep_alive, coding_seen;
};

/* Nothing is allocated. limits, events and user are borrowed until done. */
void message_parser_init(struct message_parser *p, enum message_type type,
			 const struct message_limits *limits, const struct message_events *events,
			 void *user);

/* Parses up to the end of one message; *ret_consumed says how far it got (all of len, unless the
 * message ended or failed before). An error is final. len 0 does nothing. */
enum fetch_error message_parser_feed(struct message_parser *p, const char *data, size_t len,
				     size_t *ret_consumed) MUST_USE;

/* The stream has ended: FETCH_OK when the message is complete, by framing or because the end of the
 * stream ends it (FRAMING_CLOSE); FETCH_CLOSED_EARLY before the head was complete, FETCH_TRUNCATED
 * within the body. */
enum fetch_error message_parser_finish(struct message_parser *p) MUST_USE;

/* Ready for the next message of the same connection. The fields' block is kept unless it was taken
 * or is large. */
void message_parser_reset(struct message_parser *p);
/* Frees what it holds. */
void message_parser_done(struct message_parser *p);

/* At least one byte of a message came: "no response byte" of the retry rule is its opposite. */
static inline bool message_started(const struct message_parser *p)
{
	return p->started;
}

/* The final head is complete. */
static inline bool message_head_done(const struct message_parser *p)
{
	return p->head_done;
}

/* The whole message is complete. */
static inline bool message_done(const struct message_parser *p)
{
	return p->done;
}

static inline enum message_framing message_framing(const struct message_parser *p)
{
	return (enum message_framing)p->framing;
}

/* True when the message is complete and its connection may carry another (RFC 9112 §9.3). Bytes
 * that feed did not consume are for the caller to judge: to a client they mean "close", to a server
 * they are the next request. */
static inline bool message_keep_alive(const struct message_parser *p)
{
	return p->done && p->keep_alive;
}

/* The head's fields become the caller's (fields_done). Allowed from on_head on; head->fields is
 * empty after that. */
struct fields message_take_fields(struct message_parser *p);
/* The reverse, before a head begins: its fields are built in f's block, unless that is large. What
 * was in it is gone. Owns f. */
void message_give_fields(struct message_parser *p, struct fields f);

#endif
