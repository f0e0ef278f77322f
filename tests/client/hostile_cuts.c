/* SPDX-License-Identifier: MIT
 *
 * hostile_cuts: good answers that end behind each of their bytes, by a close, a reset, over TLS with its own word for the end
 * and without. Which beginnings are whole answers is said once for each answer, and never guessed by the client.
 */
#include <stdio.h>
#include <stdlib.h>

#include "src/common/str.h"
#include "tests/client/hostile.h"
#include "tests/harness.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define GZIPPED_HI                                                                         \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\xc8\x04\x00\xac\x2a\x93\xd8\x02\x00" \
	"\x00\x00"

static const struct cut {
	const char *name;
	struct str head, body;
	bool open; /* the body ends with the connection: each beginning of it looks whole */
	bool coded;
} cuts[] = {
	{ "length", TEXT(OK "Content-Length: 2\r\n\r\n"), TEXT("hi"), false, false },
	{ "chunks", TEXT(OK "Transfer-Encoding: chunked\r\n\r\n"),
	  TEXT("1;a=b\r\nh\r\n1\r\ni\r\n0\r\nA: b\r\n\r\n"), false, false },
	{ "gzip", TEXT(OK "Content-Encoding: gzip\r\nContent-Length: 22\r\n\r\n"), TEXT(GZIPPED_HI),
	  false, true },
	{ "interim", TEXT("HTTP/1.1 103 Hints\r\nA: b\r\n\r\n" OK "Content-Length: 2\r\n\r\n"),
	  TEXT("hi"), false, false },
	{ "close", TEXT(OK "\r\n"), TEXT("hello"), true, false },
	{ "gzip until the close", TEXT(OK "Content-Encoding: gzip\r\n\r\n"), TEXT(GZIPPED_HI), true,
	  true },
};

/* tls NULL = plain. */
struct ending {
	const char *name;
	enum then then;
	const struct cert *tls;
};

static const struct ending endings[] = {
	{ "closed", THEN_CLOSE, NULL },
	{ "reset", THEN_RESET, NULL },
	{ "close_notify", THEN_CLOSE, &(struct cert){ 0 } },
	{ "no close_notify", THEN_CUT, &(struct cert){ 0 } },
};

/* What is left of an answer of which only `len` bytes come. */
static enum fetch_error verdict(const struct cut *c, const struct ending *e, size_t len)
{
	bool whole = len == c->head.len + c->body.len, in_body = len >= c->head.len;
	if (e->then == THEN_RESET)
		return FETCH_RESET;
	if (!in_body)
		return FETCH_CLOSED_EARLY;
	if (!c->open)
		return FETCH_TRUNCATED;
	if (e->then == THEN_CUT)
		return FETCH_TRUNCATED;
	return whole || !c->coded || len == c->head.len ? FETCH_OK : FETCH_DECODE_FAILED;
}

static struct hostile row_of(const struct cut *c, const struct ending *e, size_t len)
{
	size_t whole = c->head.len + c->body.len;
	char *text = malloc(whole + 1), name[128];
	memcpy(text, c->head.data, c->head.len);
	memcpy(text + c->head.len, c->body.data, c->body.len);
	snprintf(name, sizeof(name), "%s, %s behind %zu of %zu bytes", c->name, e->name, len,
		 whole);
	return (struct hostile){ .name = strdup(name),
				 .text = str_make(text, len),
				 .then = e->then,
				 .cert = e->tls,
				 .error = verdict(c, e, len),
				 .status = len >= c->head.len ? 200 : 0 };
}

struct hostile_table hostile_cuts(void)
{
	size_t most = 0, n = 0;
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
		most += (cuts[i].head.len + cuts[i].body.len + 1) * ARRAY_LEN(endings);
	struct hostile *rows = calloc(most, sizeof(*rows));
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
		for (size_t j = 0; j < ARRAY_LEN(endings); j++) {
			/* A message that is whole by its own framing is whole however the connection ends. */
			size_t len = cuts[i].head.len + cuts[i].body.len + (cuts[i].open ? 1 : 0);
			while (len-- > 0)
				rows[n++] = row_of(&cuts[i], &endings[j], len);
		}
	return (struct hostile_table){ .name = "hostile_cuts", .rows = rows, .len = n };
}

void hostile_cuts_free(struct hostile_table *t)
{
	for (size_t i = 0; i < t->len; i++) {
		free((void *)(uintptr_t)t->rows[i].name);
		free((void *)(uintptr_t)t->rows[i].text.data);
	}
	free((void *)(uintptr_t)t->rows);
}
