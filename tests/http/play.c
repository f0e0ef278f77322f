/* SPDX-License-Identifier: MIT
 *
 * play: see play.h.
 */
#include "tests/http/play.h"

#include <stdlib.h>

#include "tests/harness.h"

struct scene {
	const struct play *play;
	struct buf line, body;
};

static int on_head(void *user, const struct message_head *head)
{
	static const char *const framings[] = { "none", "length", "chunked", "close" };
	struct scene *s = user;
	struct field f;
	if (head->status)
		buf_printf(&s->line, "%d ", head->status);
	else
		buf_printf(&s->line, "%.*s %.*s ", STR_ARG(head->method), STR_ARG(head->target));
	buf_printf(&s->line, "1.%d %s", head->minor, framings[head->framing]);
	if (head->framing == FRAMING_LENGTH)
		buf_printf(&s->line, "=%llu", (unsigned long long)head->content_length);
	if (head->expect_continue)
		buf_append_str(&s->line, STR(" expect"));
	buf_append_str(&s->line, STR(" ["));
	for (uint32_t at = 0, n = 0; fields_next(head->fields, &at, &f); n++)
		buf_printf(&s->line, "%s%.*s: %.*s", n ? "; " : "", STR_ARG(f.name),
			   STR_ARG(f.value));
	buf_append_str(&s->line, STR("] "));
	return s->play->bodiless ? MESSAGE_BODILESS : 0;
}

static int on_body(void *user, const char *data, size_t len)
{
	struct scene *s = user;
	CHECK(len > 0);
	buf_append(&s->body, data, len);
	return s->play->body_fails;
}

static int on_informational(void *user, int status)
{
	struct scene *s = user;
	buf_printf(&s->line, "%d ", status);
	return 0;
}

static const struct message_events events = {
	.on_head = on_head,
	.on_body = on_body,
	.on_informational = on_informational,
};

/* Each piece in a block of its own, so that ASan sees a read past its end. */
static enum fetch_error feed_piece(struct message_parser *p, const char *data, size_t len,
				   size_t *ret_consumed)
{
	char *copy = malloc(len ? len : 1);
	memcpy(copy, data, len);
	enum fetch_error e = message_parser_feed(p, copy, len, ret_consumed);
	free(copy);
	return e;
}

static struct buf shown;

const char *play_once(const struct play *play, struct str input, size_t first_piece, size_t piece)
{
	struct scene s = { .play = play };
	struct message_parser p;
	enum fetch_error e = FETCH_OK;
	size_t at = 0;
	message_parser_init(&p, play->type, &play->limits, &events, &s);
	for (size_t n = first_piece; e == FETCH_OK && at < input.len && !message_done(&p);
	     n = piece) {
		size_t consumed = 0;
		if (n > input.len - at)
			n = input.len - at;
		e = feed_piece(&p, input.data + at, n, &consumed);
		CHECK(consumed <= n);
		CHECK(consumed == n || message_done(&p) || e != FETCH_OK);
		at += consumed;
	}
	if (e == FETCH_OK && play->end)
		e = message_parser_finish(&p);
	if (s.body.len > 0)
		buf_printf(&s.line, "'%.*s' ", (int)s.body.len, s.body.data);
	if (message_keep_alive(&p))
		buf_append_str(&s.line, STR("keep "));
	buf_append_str(&s.line, e		   ? str_of(fetch_error_name(e))
				: message_done(&p) ? STR("done")
						   : STR("more"));
	if (e == FETCH_OK && at < input.len)
		buf_printf(&s.line, " left=%zu", input.len - at);
	CHECK_EQ(message_done(&p) && e != FETCH_OK, false);
	message_parser_done(&p);
	buf_done(&s.body);
	buf_done(&shown);
	shown = s.line;
	return buf_cstr(&shown);
}

const char *play(const struct play *play, struct str input)
{
	char *whole = str_dup(str_of(play_once(play, input, input.len, input.len)));
	CHECK_STR(play_once(play, input, 1, 1), whole);
	for (size_t cut = 1; cut < input.len && cut < 2000; cut++)
		CHECK_STR(play_once(play, input, cut, input.len), whole);
	free(whole);
	return play_once(play, input, input.len, input.len);
}

static const char *play_default(enum message_type type, const char *input)
{
	struct play p = { .type = type, .limits = message_default_limits, .end = true };
	return play(&p, str_of(input));
}

const char *response(const char *input)
{
	return play_default(MESSAGE_RESPONSE, input);
}

const char *request(const char *input)
{
	return play_default(MESSAGE_REQUEST, input);
}

void truncated_everywhere(const char *input)
{
	struct play p = { .type = MESSAGE_RESPONSE, .limits = message_default_limits, .end = true };
	struct str whole = str_of(input);
	const char *head_end = strstr(input, "\r\n\r\n");
	size_t head_len = (size_t)(head_end - input) + 4;
	for (size_t n = 0; n < whole.len; n++) {
		struct str line = str_of(play_once(&p, str_slice(whole, 0, n), n, n));
		if (!str_ends(line, n < head_len ? STR("closed_early") : STR("truncated")))
			test_fail("cut at %zu: %s", n, line.data);
	}
	CHECK(str_ends(str_of(play_once(&p, whole, whole.len, whole.len)), STR("done")));
}
