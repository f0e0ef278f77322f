/* SPDX-License-Identifier: MIT
 *
 * fuzz_head: heads of answers under libFuzzer, with limits of the input's choosing: seven bytes choose
 * them, one says how many of the bytes behind it are lengths of pieces, the rest is what the server says.
 * Played whole, in those pieces and byte by byte it must give the same. What was taken as a head is read
 * once more, line by line, by a reader that has all of it before it: status and fields must be the same,
 * and none of the limits passed.
 */
#include <stdlib.h>
#include <string.h>

#include "src/common/buf.h"
#include "src/http/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMITS 7

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static struct message_limits choose(const uint8_t bytes[LIMITS])
{
	return (struct message_limits){
		.start_line_bytes = 12 + bytes[0],
		.field_bytes = 1 + bytes[1],
		.field_count = bytes[2] % 32u,
		.head_bytes = 16 + 4u * bytes[3],
		.informational_count = bytes[4] % 8u,
		.chunk_overhead = 32 + bytes[5],
		.trailer_bytes = 2 + bytes[5],
		.body_bytes = bytes[6],
	};
}

/* --- The parser --- */

struct outcome {
	struct buf fields; /* "name: value\n", as they were understood */
	struct buf informational;
	int status, minor;
	uint64_t body;
	uint32_t field_count, informational_count;
	size_t consumed;
	enum message_framing framing;
	enum fetch_error error;
	bool done;
};

static int on_head(void *user, const struct message_head *head)
{
	struct outcome *o = user;
	struct field f;
	insist(o->status == 0);
	o->status = head->status;
	o->minor = head->minor;
	o->framing = head->framing;
	o->field_count = head->fields->count;
	for (uint32_t at = 0; fields_next(head->fields, &at, &f);) {
		insist(field_name_valid(f.name) && field_value_valid(f.value));
		buf_append_str(&o->fields, f.name);
		buf_append_str(&o->fields, STR(": "));
		buf_append_str(&o->fields, f.value);
		buf_append_char(&o->fields, '\n');
	}
	return 0;
}

static int on_body(void *user, const char *data, size_t len)
{
	struct outcome *o = user;
	(void)data;
	o->body += len;
	return 0;
}

static int on_informational(void *user, int status)
{
	struct outcome *o = user;
	insist(status >= 100 && status < 200 && status != 101 && o->status == 0);
	o->informational_count++;
	buf_append_i64(&o->informational, status);
	return 0;
}

static struct outcome play(const struct message_limits *limits, struct str input, struct str pieces)
{
	static const struct message_events events = { on_head, on_body, on_informational };
	struct outcome o = { 0 };
	struct message_parser p;
	message_parser_init(&p, MESSAGE_RESPONSE, limits, &events, &o);
	for (size_t i = 0; o.error == FETCH_OK && o.consumed < input.len && !message_done(&p);
	     i++) {
		size_t n = pieces.len ? (unsigned char)pieces.data[i % pieces.len] + 1u : SIZE_MAX;
		struct str piece = str_slice(input, o.consumed, n);
		size_t consumed;
		o.error = message_parser_feed(&p, piece.data, piece.len, &consumed);
		insist(consumed == piece.len || o.error != FETCH_OK || message_done(&p));
		o.consumed += consumed;
	}
	if (o.error == FETCH_OK)
		o.error = message_parser_finish(&p);
	o.done = message_done(&p);
	insist(o.done == (o.error == FETCH_OK));
	message_parser_done(&p);
	return o;
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
	insist(a->error == b->error && a->done == b->done && a->status == b->status &&
	       a->minor == b->minor && a->framing == b->framing && a->body == b->body);
	insist(str_eq(buf_str(&a->fields), buf_str(&b->fields)));
	insist(str_eq(buf_str(&a->informational), buf_str(&b->informational)));
	insist(!a->done || a->consumed == b->consumed);
}

/* --- The reader --- */

/* A line without its end off *rest. */
static bool take_line(struct str *rest, struct str *ret)
{
	if (!str_cut(*rest, '\n', ret, rest))
		return false;
	if (ret->len > 0 && ret->data[ret->len - 1] == '\r')
		ret->len--;
	return true;
}

static int status_of(struct str line)
{
	insist(line.len >= 12 && str_starts(line, STR("HTTP/1.")));
	return (line.data[9] - '0') * 100 + (line.data[10] - '0') * 10 + (line.data[11] - '0');
}

/* One head off *rest. */
static int read_head(struct str *rest, const struct message_limits *l, struct buf *fields)
{
	struct str line, name, value;
	size_t before = rest->len;
	uint32_t count = 0;
	insist(take_line(rest, &line) && line.len <= l->start_line_bytes);
	int status = status_of(line);
	while (insist(take_line(rest, &line)), line.len > 0) {
		insist(line.len <= l->field_bytes);
		insist(++count <= l->field_count);
		insist(str_cut(line, ':', &name, &value));
		value = str_trim(value);
		buf_append_str(fields, name);
		buf_append_str(fields, STR(": "));
		buf_append_str(fields, value);
		buf_append_char(fields, '\n');
	}
	insist(before - rest->len <= l->head_bytes + 2); /* its last end counts or not */
	return status;
}

static void check_against_reader(const struct outcome *o, const struct message_limits *l,
				 struct str input)
{
	struct buf fields = { 0 };
	int status;
	if (o->status == 0)
		return;
	do {
		buf_clear(&fields);
		status = read_head(&input, l, &fields);
	} while (status < 200);
	insist(status == o->status);
	insist(str_eq(buf_str(&fields), buf_str(&o->fields)));
	insist(o->informational_count <= l->informational_count);
	insist(o->body <= l->body_bytes);
	buf_done(&fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < LIMITS + 1 || size < LIMITS + 1u + data[LIMITS] % 16u)
		return -1;
	struct message_limits limits = choose(data);
	struct str pieces = str_make((const char *)data + LIMITS + 1, data[LIMITS] % 16u);
	struct str input = str_make(pieces.data + pieces.len, size - LIMITS - 1 - pieces.len);
	struct outcome whole = play(&limits, input, (struct str){ 0 });
	struct outcome cut = play(&limits, input, pieces), bytes = play(&limits, input, STR("\0"));
	check_same(&whole, &cut);
	check_same(&whole, &bytes);
	check_against_reader(&whole, &limits, input);
	struct outcome *all[] = { &whole, &cut, &bytes };
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		buf_done(&all[i]->fields);
		buf_done(&all[i]->informational);
	}
	return 0;
}
