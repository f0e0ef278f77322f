/* SPDX-License-Identifier: MIT
 *
 * message: puts the parts together. A head or trailer section goes through the scanner
 * (message_check.c) and then to llhttp, which gives names, values and the start line to the
 * callbacks below; at the head's end llhttp is stopped and the body is ours (message_body.c).
 *
 * llhttp's own judgement of framing is switched off by clearing its flags after each field: it
 * differs between versions, refuses repeated equal lengths, and takes "chunked, gzip". A trailer
 * section is parsed as the fields of a made-up answer, so that one grammar serves both. A field
 * arrives in pieces; `record` and `name_len` say where in the fields' block the present one begins.
 */
#include "src/http/message.h"

#include <errno.h>
#include <llhttp/llhttp.h>

#include "runtime/base.h"
#include "src/http/fields_build.h"
#include "src/http/message_parts.h"

#define NO_RECORD      UINT32_MAX
#define KEEP_BLOCK_MAX 8192 /* a larger block isn't kept for the next head */

_Static_assert(sizeof(llhttp_t) <= sizeof(((struct message_parser *)NULL)->machine),
	       "llhttp's state has outgrown its place");
_Static_assert(LLHTTP_VERSION_MAJOR == 8 || LLHTTP_VERSION_MAJOR == 9,
	       "llhttp 8.1 to 9.x is wanted");

const struct message_limits message_default_limits = {
	.start_line_bytes = 8 << 10,
	.field_bytes = 32 << 10,
	.field_count = 256,
	.head_bytes = 64 << 10,
	.informational_count = 16,
	.chunk_overhead = 16 << 10,
	.trailer_bytes = 16 << 10,
	.body_bytes = UINT64_MAX,
};

static llhttp_t *machine_of(struct message_parser *p)
{
	return (llhttp_t *)(void *)p->machine;
}

static struct message_parser *parser_of(llhttp_t *machine)
{
	return machine->data;
}

/* What a callback returns after an error: llhttp stops, p->stop says why. */
static int stop(struct message_parser *p, enum fetch_error e)
{
	p->stop = (uint8_t)e;
	return HPE_USER;
}

static int stored(struct message_parser *p, int err)
{
	return err == 0 ? 0
			: stop(p, err == -ENOMEM ? FETCH_OUT_OF_MEMORY : FETCH_FIELDS_TOO_LARGE);
}

/* RFC 9112 §3.2: no whitespace, no controls; we take no bytes above ASCII either. */
static int on_target(llhttp_t *machine, const char *data, size_t len)
{
	struct message_parser *p = parser_of(machine);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)data[i] <= ' ' || (unsigned char)data[i] >= 0x7f)
			return stop(p, FETCH_MALFORMED_STATUS);
	int err = fields__append(&p->fields, data, len);
	p->fields.start = p->fields.len;
	return stored(p, err);
}

static int on_name(llhttp_t *machine, const char *data, size_t len)
{
	struct message_parser *p = parser_of(machine);
	int err = 0;
	if (p->phase == PHASE_TRAILER)
		return 0;
	if (p->record == NO_RECORD) {
		p->record = p->fields.len;
		p->name_len = 0;
		err = fields__open(&p->fields);
	}
	if (err == 0)
		err = fields__append(&p->fields, data, len);
	p->name_len += (uint32_t)len;
	return stored(p, err);
}

static int on_value(llhttp_t *machine, const char *data, size_t len)
{
	struct message_parser *p = parser_of(machine);
	return p->phase == PHASE_TRAILER ? 0 : stored(p, fields__append(&p->fields, data, len));
}

static int on_value_complete(llhttp_t *machine)
{
	struct message_parser *p = parser_of(machine);
	machine->flags &= (uint16_t) ~(F_CONTENT_LENGTH | F_TRANSFER_ENCODING | F_CHUNKED);
	machine->content_length = 0;
	if (p->phase == PHASE_TRAILER)
		return 0;
	int err = fields__close(&p->fields, p->record, p->name_len);
	p->record = NO_RECORD;
	return stored(p, err);
}

/* Stops llhttp right behind the head: what follows is not its business. */
static int on_fields_complete(llhttp_t *machine)
{
	(void)machine;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_target,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_fields_complete,
};

static void machine_begin(struct message_parser *p)
{
	llhttp_t *machine = machine_of(p);
	llhttp_init(machine, p->type == MESSAGE_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	machine->data = p;
}

static enum fetch_error grammar_error(const struct message_parser *p, llhttp_errno_t code)
{
	if (p->phase == PHASE_TRAILER)
		return FETCH_MALFORMED_CHUNK;
	switch (code) {
	case HPE_INVALID_METHOD:
	case HPE_INVALID_URL:
	case HPE_INVALID_CONSTANT:
	case HPE_INVALID_VERSION:
	case HPE_INVALID_STATUS:
	case HPE_PAUSED_H2_UPGRADE:
		return FETCH_MALFORMED_STATUS;
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_UNEXPECTED_CONTENT_LENGTH:
		return FETCH_CONTENT_LENGTH;
	case HPE_INVALID_TRANSFER_ENCODING:
		return FETCH_TRANSFER_ENCODING;
	default:
		return FETCH_MALFORMED_FIELD;
	}
}

/* Gives bytes to llhttp; *ret_ended when it saw the end of the fields. */
static enum fetch_error machine_feed(struct message_parser *p, const char *data, size_t len,
				     bool *ret_ended)
{
	*ret_ended = false;
	if (len == 0)
		return FETCH_OK;
	llhttp_errno_t code = llhttp_execute(machine_of(p), data, len);
	*ret_ended = code == HPE_PAUSED;
	if (code == HPE_OK || code == HPE_PAUSED)
		return FETCH_OK;
	return p->stop ? (enum fetch_error)p->stop : grammar_error(p, code);
}

static void head_begin(struct message_parser *p)
{
	p->phase = PHASE_HEAD;
	p->record = NO_RECORD;
	fields_clear(&p->fields);
	machine_begin(p);
	message__scan_begin(p, false);
}

static enum fetch_error trailer_begin(struct message_parser *p)
{
	static const char pretended[] = "HTTP/1.1 200 OK\r\n";
	bool ended;
	llhttp_t *machine = machine_of(p);
	llhttp_init(machine, HTTP_RESPONSE, &settings);
	machine->data = p;
	message__scan_begin(p, true);
	return machine_feed(p, pretended, sizeof(pretended) - 1, &ended);
}

/* A 1xx answer (RFC 9110 §15.2): told, counted, and the next head begins. */
static enum fetch_error informational(struct message_parser *p, int status)
{
	if (status == 101)
		return FETCH_UNEXPECTED_UPGRADE;
	if (p->informational++ >= p->limits->informational_count)
		return FETCH_TOO_MANY_INFORMATIONAL;
	enum fetch_error e = FETCH_OK;
	if (p->events->on_informational)
		e = (enum fetch_error)p->events->on_informational(p->user, status);
	head_begin(p);
	return e;
}

static struct message_head head_of(struct message_parser *p)
{
	llhttp_t *machine = machine_of(p);
	struct message_head head = {
		.minor = machine->http_minor,
		.fields = &p->fields,
	};
	if (p->type == MESSAGE_REQUEST) {
		head.method = str_of(llhttp_method_name((llhttp_method_t)machine->method));
		head.target = str_make(p->fields.block, p->fields.start);
	} else {
		head.status = machine->status_code;
	}
	return head;
}

static enum fetch_error head_end(struct message_parser *p)
{
	struct message_head head = head_of(p);
	if (machine_of(p)->http_major != 1 || head.minor > 1)
		return FETCH_MALFORMED_STATUS;
	if (p->type == MESSAGE_RESPONSE && head.status < 100)
		return FETCH_MALFORMED_STATUS;
	if (p->type == MESSAGE_RESPONSE && head.status < 200)
		return informational(p, head.status);
	enum fetch_error e = message__check_head(p, &head);
	if (e != FETCH_OK)
		return e;
	p->head_done = true;
	int verdict = p->events->on_head(p->user, &head);
	if (verdict > 0)
		return (enum fetch_error)verdict;
	p->framing = verdict == MESSAGE_BODILESS ? FRAMING_NONE : head.framing;
	p->keep_alive = head.keep_alive && p->framing != FRAMING_CLOSE;
	return message__body_begin(p, head.content_length);
}

/* Up to the end of the head or trailer section. */
static enum fetch_error feed_section(struct message_parser *p, const char *data, size_t len,
				     size_t *ret_len)
{
	bool ended = false;
	size_t at = 0;
	enum scan_result found = SCAN_MORE;
	while (at < len && found != SCAN_END) {
		size_t n;
		found = message__scan(p, data + at, len - at, &n);
		enum fetch_error scanned = (enum fetch_error)p->stop;
		p->stop = FETCH_OK;
		enum fetch_error e = machine_feed(p, data + at, n, &ended);
		at += n;
		if (e == FETCH_OK && found == SCAN_ERROR)
			e = scanned;
		if (e == FETCH_OK && found == SCAN_BARE_LF) {
			e = machine_feed(p, "\r\n", 2, &ended);
			at++;
			if (message__scan_bare_lf(p))
				found = SCAN_END;
		}
		*ret_len = at;
		if (e != FETCH_OK)
			return e;
		if (ended != (found == SCAN_END)) /* the two readings differ: believe none */
			return p->phase == PHASE_TRAILER ? FETCH_MALFORMED_CHUNK
							 : FETCH_MALFORMED_STATUS;
	}
	if (found != SCAN_END)
		return FETCH_OK;
	if (p->phase == PHASE_TRAILER) {
		p->done = true;
		return FETCH_OK;
	}
	return head_end(p);
}

static enum fetch_error feed_body(struct message_parser *p, const char *data, size_t len,
				  size_t *ret_len)
{
	enum fetch_error e = message__body(p, data, len, ret_len);
	return e == FETCH_OK && p->phase == PHASE_TRAILER ? trailer_begin(p) : e;
}

void message_parser_init(struct message_parser *p, enum message_type type,
			 const struct message_limits *limits, const struct message_events *events,
			 void *user)
{
	*p = (struct message_parser){
		.type = (uint8_t)type, .limits = limits, .events = events, .user = user
	};
	head_begin(p);
}

enum fetch_error message_parser_feed(struct message_parser *p, const char *data, size_t len,
				     size_t *ret_consumed)
{
	size_t at = 0;
	enum fetch_error e = (enum fetch_error)p->stop;
	p->started |= len > 0;
	while (e == FETCH_OK && at < len && !p->done) {
		size_t n = 0;
		if (p->phase == PHASE_HEAD || p->phase == PHASE_TRAILER)
			e = feed_section(p, data + at, len - at, &n);
		else
			e = feed_body(p, data + at, len - at, &n);
		at += n;
	}
	p->stop = (uint8_t)e;
	if (e != FETCH_OK)
		p->done = p->keep_alive = false;
	*ret_consumed = at;
	return e;
}

enum fetch_error message_parser_finish(struct message_parser *p)
{
	if (p->stop != FETCH_OK || p->done)
		return (enum fetch_error)p->stop;
	if (p->phase == PHASE_CLOSE) {
		p->done = true;
		return FETCH_OK;
	}
	p->stop = p->head_done ? FETCH_TRUNCATED : FETCH_CLOSED_EARLY;
	return (enum fetch_error)p->stop;
}

void message_parser_reset(struct message_parser *p)
{
	struct fields kept = fields_take(&p->fields);
	message_parser_init(p, (enum message_type)p->type, p->limits, p->events, p->user);
	message_give_fields(p, kept);
}

void message_parser_done(struct message_parser *p)
{
	fields_done(&p->fields);
}

struct fields message_take_fields(struct message_parser *p)
{
	return fields_take(&p->fields);
}

void message_give_fields(struct message_parser *p, struct fields f)
{
	if (f.cap > KEEP_BLOCK_MAX)
		fields_done(&f);
	fields_done(&p->fields);
	fields_clear(&f);
	p->fields = f;
}
