/* SPDX-License-Identifier: MIT
 *
 * fuzz_message: the message parser under libFuzzer. The first byte says answer or request, and
 * whether on_head calls it bodiless; the second how long the pieces are. Played whole and in
 * pieces, the input must give the same body, fields, result and end; and a complete message never
 * claims more bytes than came.
 */
#include <stdlib.h>

#include "src/common/buf.h"
#include "src/http/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	struct buf seen; /* heads and body, as they came */
	size_t consumed;
	enum fetch_error error;
	bool done, keep_alive, bodiless;
};

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static int on_head(void *user, const struct message_head *head)
{
	struct outcome *o = user;
	struct field f;
	buf_printf(&o->seen, "%d %d %d %llu\n", head->status, head->minor, (int)head->framing,
		   (unsigned long long)head->content_length);
	buf_append_str(&o->seen, head->target);
	for (uint32_t at = 0; fields_next(head->fields, &at, &f);) {
		insist(field_name_valid(f.name) && field_value_valid(f.value));
		buf_append_str(&o->seen, f.name);
		buf_append_str(&o->seen, f.value);
	}
	return o->bodiless ? MESSAGE_BODILESS : 0;
}

static int on_body(void *user, const char *data, size_t len)
{
	struct outcome *o = user;
	insist(len > 0);
	buf_append(&o->seen, data, len);
	return 0;
}

static int on_informational(void *user, int status)
{
	struct outcome *o = user;
	insist(status >= 100 && status < 200);
	buf_append_u64(&o->seen, (uint64_t)status);
	return 0;
}

static struct outcome play(enum message_type type, bool bodiless, struct str input, size_t piece)
{
	static const struct message_limits limits = {
		.start_line_bytes = 64,
		.field_bytes = 128,
		.field_count = 8,
		.head_bytes = 512,
		.informational_count = 2,
		.chunk_overhead = 64,
		.trailer_bytes = 64,
		.body_bytes = 1000,
	};
	static const struct message_events events = { on_head, on_body, on_informational };
	struct outcome o = { .bodiless = bodiless };
	struct message_parser p;
	message_parser_init(&p, type, &limits, &events, &o);
	while (o.error == FETCH_OK && o.consumed < input.len && !message_done(&p)) {
		size_t n = input.len - o.consumed < piece ? input.len - o.consumed : piece,
		       consumed = 0;
		o.error = message_parser_feed(&p, input.data + o.consumed, n, &consumed);
		insist(consumed <= n && (consumed == n || o.error != FETCH_OK || message_done(&p)));
		o.consumed += consumed;
	}
	if (o.error == FETCH_OK)
		o.error = message_parser_finish(&p);
	o.done = message_done(&p);
	o.keep_alive = message_keep_alive(&p);
	insist(o.done == (o.error == FETCH_OK));
	message_parser_done(&p);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return -1;
	enum message_type type = data[0] & 1 ? MESSAGE_REQUEST : MESSAGE_RESPONSE;
	bool bodiless = data[0] & 2;
	struct str input = str_make((const char *)data + 2, size - 2);
	struct outcome whole = play(type, bodiless, input, SIZE_MAX);
	struct outcome pieces = play(type, bodiless, input, 1 + data[1] % 32u);
	insist(whole.error == pieces.error && whole.done == pieces.done &&
	       whole.keep_alive == pieces.keep_alive);
	insist(!whole.done || whole.consumed == pieces.consumed);
	insist(str_eq(buf_str(&whole.seen), buf_str(&pieces.seen)));
	buf_done(&whole.seen);
	buf_done(&pieces.seen);
	return 0;
}
