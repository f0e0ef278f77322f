/* SPDX-License-Identifier: MIT
 *
 * fuzz_chunked: chunked bodies under libFuzzer. The first byte says how many of the bytes behind it are
 * lengths of pieces; the rest is what follows the head. Played whole, in those pieces and byte by byte it
 * must give the same, and what a reader gives who knows RFC 9112 §7.1 and no states: it has the whole body
 * before it.
 */
#include <stdlib.h>
#include <string.h>

#include "src/common/buf.h"
#include "src/http/message.h"
#include "src/http/percent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void insist(bool holds)
{
	if (!holds)
		abort();
}

/* --- The parser --- */

struct outcome {
	struct buf body;
	size_t consumed;
	enum fetch_error error;
	bool done;
};

static int on_head(void *user, const struct message_head *head)
{
	(void)user;
	insist(head->framing == FRAMING_CHUNKED);
	return 0;
}

static int on_body(void *user, const char *data, size_t len)
{
	struct outcome *o = user;
	insist(len > 0);
	buf_append(&o->body, data, len);
	return 0;
}

/* pieces: lengths less one, over and over. */
static struct outcome play(struct str input, struct str pieces)
{
	static const struct message_limits limits = { .start_line_bytes = 100,
						      .field_bytes = 1 << 20,
						      .field_count = 1000,
						      .head_bytes = 1 << 20,
						      .chunk_overhead = 1 << 20,
						      .trailer_bytes = 1 << 20,
						      .body_bytes = UINT64_MAX };
	static const struct message_events events = { .on_head = on_head, .on_body = on_body };
	struct outcome o = { 0 };
	struct message_parser p;
	size_t consumed;
	message_parser_init(&p, MESSAGE_RESPONSE, &limits, &events, &o);
	insist(message_parser_feed(&p, HEAD, strlen(HEAD), &consumed) == FETCH_OK);
	insist(consumed == strlen(HEAD) && !message_done(&p));
	for (size_t i = 0; o.error == FETCH_OK && o.consumed < input.len && !message_done(&p);
	     i++) {
		size_t n = pieces.len ? (unsigned char)pieces.data[i % pieces.len] + 1u : SIZE_MAX;
		struct str piece = str_slice(input, o.consumed, n);
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

/* --- The reader --- */

/* A line without its CRLF off *rest; false when there is none. */
static bool take_line(struct str *rest, struct str *ret)
{
	const char *end = rest->len ? memmem(rest->data, rest->len, "\r\n", 2) : NULL;
	if (!end)
		return false;
	*ret = str_make(rest->data, (size_t)(end - rest->data));
	*rest = str_slice(*rest, ret->len + 2, SIZE_MAX);
	return true;
}

/* size [ blanks ] [ ";" anything but controls ] */
static bool read_size(struct str line, uint64_t *ret)
{
	size_t i = 0;
	for (*ret = 0; i < line.len && percent_hex(line.data[i]) >= 0; i++) {
		if (*ret >> 59)
			return false;
		*ret = *ret * 16 + (unsigned)percent_hex(line.data[i]);
	}
	if (i == 0)
		return false;
	while (i < line.len && (line.data[i] == ' ' || line.data[i] == '\t'))
		i++;
	if (i < line.len && line.data[i] != ';')
		return false;
	for (; i < line.len; i++) {
		unsigned char c = (unsigned char)line.data[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* The data before the last chunk. *ret_rest: the trailers. False: it isn't whole, or not well formed. */
static bool read_chunks(struct str input, struct buf *data, struct str *ret_rest)
{
	struct str line;
	uint64_t size;
	while (take_line(&input, &line) && read_size(line, &size)) {
		if (size == 0) {
			*ret_rest = input;
			return true;
		}
		if (size + 2 > input.len || memcmp(input.data + size, "\r\n", 2) != 0)
			return false;
		buf_append(data, input.data, size);
		input = str_slice(input, size + 2, SIZE_MAX);
	}
	return false;
}

static void check_against_reader(const struct outcome *o, struct str input)
{
	struct buf data = { 0 };
	struct str rest = { 0 };
	bool whole = read_chunks(input, &data, &rest);
	if (!whole)
		insist(!o->done);
	if (whole)
		insist(str_eq(buf_str(&data), buf_str(&o->body)));
	if (whole && rest.len >= 2 && memcmp(rest.data, "\r\n", 2) == 0)
		insist(o->done && o->consumed == input.len - rest.len + 2);
	if (o->done && o->consumed >= 4)
		insist(memcmp(input.data + o->consumed - 4, "\r\n\r\n", 4) == 0 ||
		       o->consumed == input.len - rest.len + 2);
	buf_done(&data);
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
	insist(a->error == b->error && a->done == b->done);
	insist(str_eq(buf_str(&a->body), buf_str(&b->body)));
	insist(!a->done || a->consumed == b->consumed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size < 1u + data[0] % 16u)
		return -1;
	struct str pieces = str_make((const char *)data + 1, data[0] % 16u);
	struct str input = str_make(pieces.data + pieces.len, size - 1 - pieces.len);
	struct outcome whole = play(input, (struct str){ 0 });
	struct outcome cut = play(input, pieces), bytes = play(input, STR("\0"));
	check_same(&whole, &cut);
	check_same(&whole, &bytes);
	check_against_reader(&whole, input);
	buf_done(&whole.body);
	buf_done(&cut.body);
	buf_done(&bytes.body);
	return 0;
}
