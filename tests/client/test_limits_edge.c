/* SPDX-License-Identifier: MIT
 *
 * test_limits_edge: each limit is exact: an answer that just fills it is taken, and one step less room refuses the same
 * answer by the limit's own error. Then the same for the limits that a client has by itself.
 */
#include <stdio.h>

#include "src/common/buf.h"
#include "src/common/cleanup.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

#define OK	"HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define EMPTY	"Content-Length: 0\r\n\r\n"
#define X30	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define GZIPPED_HI \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\xc8\x04\x00\xac\x2a\x93\xd8\x02\x00\x00\x00"
/* Of 16 bytes more framing than such a chunk is allowed. */
#define WORDY                          \
	"1;"                           \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"\r\nx\r\n"

/* --- Limits by request --- */

static const struct edge {
	const char *name;
	struct str text;
	struct fetch_limits fits, fits_not;
	enum fetch_error error;
} edges[] = {
	{ "status line",
	  STR_INIT("HTTP/1.1 200 OK\r\n" EMPTY),
	  { .message.start_line_bytes = 15 },
	  { .message.start_line_bytes = 14 },
	  FETCH_STATUS_LINE_TOO_LONG },
	{ "field line",
	  STR_INIT(OK "A: " X30 "\r\n" EMPTY),
	  { .message.field_bytes = 33 },
	  { .message.field_bytes = 32 },
	  FETCH_FIELD_TOO_LARGE },
	{ "fields",
	  STR_INIT(OK "A: b\r\nC: d\r\n" EMPTY),
	  { .message.field_count = 3 },
	  { .message.field_count = 2 },
	  FETCH_TOO_MANY_FIELDS },
	{ "head",
	  STR_INIT(OK "A: b\r\n" EMPTY),
	  { .message.head_bytes = 17 + 6 + 19 + 2 },
	  { .message.head_bytes = 17 + 6 + 19 + 1 },
	  FETCH_FIELDS_TOO_LARGE },
	{ "head of an interim answer",
	  STR_INIT("HTTP/1.1 103 Hints\r\nA: " X30 "\r\n\r\n" OK EMPTY),
	  { .message.head_bytes = 20 + 35 + 2 },
	  { .message.head_bytes = 20 + 35 + 1 },
	  FETCH_FIELDS_TOO_LARGE },
	{ "interim answers",
	  STR_INIT("HTTP/1.1 102 A\r\n\r\nHTTP/1.1 103 B\r\n\r\n" OK EMPTY),
	  { .message.informational_count = 2 },
	  { .message.informational_count = 1 },
	  FETCH_TOO_MANY_INFORMATIONAL },
	{ "one chunk's line",
	  STR_INIT(CHUNKED "1;" X30 "\r\nx\r\n0\r\n\r\n"),
	  { .message.chunk_overhead = 33 },
	  { .message.chunk_overhead = 32 },
	  FETCH_CHUNK_OVERHEAD },
	{ "framing of all chunks",
	  STR_INIT(CHUNKED WORDY WORDY WORDY "0\r\n\r\n"),
	  { .message.chunk_overhead = 48 },
	  { .message.chunk_overhead = 47 },
	  FETCH_CHUNK_OVERHEAD },
	{ "trailers",
	  STR_INIT(CHUNKED "0\r\nA: b\r\n\r\n"),
	  { .message.trailer_bytes = 8 },
	  { .message.trailer_bytes = 7 },
	  FETCH_TRAILERS_TOO_LARGE },
	{ "fields of trailers",
	  STR_INIT(CHUNKED "0\r\nA: b\r\nC: d\r\n\r\n"),
	  { .message.field_count = 2 },
	  { .message.field_count = 1 },
	  FETCH_TOO_MANY_FIELDS },
	{ "body by length",
	  STR_INIT(OK "Content-Length: 11\r\n\r\nhello world"),
	  { .message.body_bytes = 11 },
	  { .message.body_bytes = 10 },
	  FETCH_BODY_TOO_LARGE },
	{ "body in chunks",
	  STR_INIT(CHUNKED "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"),
	  { .message.body_bytes = 11 },
	  { .message.body_bytes = 10 },
	  FETCH_BODY_TOO_LARGE },
	{ "body until the close",
	  STR_INIT(OK "\r\nhello world"),
	  { .message.body_bytes = 11 },
	  { .message.body_bytes = 10 },
	  FETCH_BODY_TOO_LARGE },
	{ "body decoded",
	  STR_INIT(OK "Content-Encoding: gzip\r\n\r\n" GZIPPED_HI),
	  { .decode.bytes = 2 },
	  { .decode.bytes = 1 },
	  FETCH_DECODE_LIMIT },
	{ "layers of coding",
	  STR_INIT(OK "Content-Encoding: gzip, identity, br\r\nContent-Length: 1\r\n\r\n\x06"),
	  { .decode.layers = 2 },
	  { .decode.layers = 1 },
	  FETCH_DECODE_LIMIT },
	{ "redirects",
	  STR_INIT("HTTP/1.1 302 Found\r\nLocation: /%d\r\n" EMPTY),
	  { .max_redirects = 3 },
	  { .max_redirects = 2 },
	  FETCH_TOO_MANY_REDIRECTS },
};

/* The row's text; "/3" ends a chain of redirects. */
static void play_edge(struct peer *p)
{
	const struct edge *e = p->origin->options.user;
	char text[512];
	int hop = 0;
	while (peer_read_head(p)) {
		(void)sscanf(p->request, "GET /%d", &hop);
		if (!strstr(e->text.data, "%d"))
			peer_write(p, e->text.data, e->text.len);
		else if (hop == 3)
			peer_say(p, OK EMPTY);
		else if (snprintf(text, sizeof(text),
				  "HTTP/1.1 302 Found\r\nLocation: /%d\r\n" EMPTY, hop + 1) > 0)
			peer_say(p, text);
		if (!strstr(e->text.data, "Content-Length:") &&
		    !strstr(e->text.data, "Transfer-Encoding:"))
			return;
	}
}

static void check_edge(struct rig *rig, struct origin *o, const struct edge *e,
		       const struct fetch_limits *limits, enum fetch_error want)
{
	struct fetch_request req = { .method = STR("GET"), .limits = *limits };
	struct fetched *f = fetched_new();
	fetched_run(f, rig, context_background(), &req, origin_url(o, "/0"));
	if (f->error != want)
		test_fail("%s: want %s, got %s (%s)", e->name, fetch_error_name(want),
			  fetch_error_name(f->error), f->resp->detail);
	fetched_free(f);
}

TEST_GO(limits_are_exact)
{
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
		const struct edge *e = &edges[i];
		struct origin *o = origin_open(&(struct origin_options){
			.play = play_edge, .user = (void *)(uintptr_t)e });
		check_edge(rig, o, e, &e->fits, FETCH_OK);
		check_edge(rig, o, e, &e->fits_not, e->error);
		origin_close(o);
	}
	rig_close(rig);
}

/* --- Limits by default --- */

/* So many letters, as a C string. */
static const char *letters(struct buf *b, size_t n)
{
	buf_clear(b);
	while (b->len < n)
		buf_append_str(b, STR("x"));
	return buf_cstr(b);
}

static void check_default(const char *text, enum fetch_error want)
{
	struct reply replies[] = { REPLY("/", text), NO_MORE_REPLIES };
	struct origin *o = origin_open(&(struct origin_options){ .replies = replies });
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct fetched *f = rig_get(rig, origin_url(o, "/"));
	CHECK_ERROR(f, want);
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

/* format has "%s" where `fits` letters are just right. */
static void check_default_bytes(const char *before, size_t fits, const char *behind,
				enum fetch_error error)
{
	cleanup(buf_done) struct buf b = { 0 }, text = { 0 };
	for (size_t more = 0; more < 2; more++) {
		buf_clear(&text);
		buf_append_str(&text, str_of(before));
		buf_append_str(&text, str_of(letters(&b, fits + more)));
		buf_append_str(&text, str_of(behind));
		check_default(buf_cstr(&text), more ? error : FETCH_OK);
	}
}

static void check_default_count(const char *before, const char *one, size_t fits,
				const char *behind, enum fetch_error error)
{
	cleanup(buf_done) struct buf text = { 0 };
	for (size_t more = 0; more < 2; more++) {
		buf_clear(&text);
		buf_append_str(&text, str_of(before));
		for (size_t i = 0; i < fits + more; i++)
			buf_append_str(&text, str_of(one));
		buf_append_str(&text, str_of(behind));
		check_default(buf_cstr(&text), more ? error : FETCH_OK);
	}
}

TEST_GO(limits_by_default_are_exact_too)
{
	check_default_bytes("HTTP/1.1 200 ", (8 << 10) - 13, "\r\n" EMPTY,
			    FETCH_STATUS_LINE_TOO_LONG);
	check_default_bytes(OK "A: ", (32 << 10) - 3, "\r\n" EMPTY, FETCH_FIELD_TOO_LARGE);
	check_default_count(OK, "A: b\r\n", 255, EMPTY, FETCH_TOO_MANY_FIELDS);
	check_default_count("", "HTTP/1.1 102 Wait\r\n\r\n", 16, OK EMPTY,
			    FETCH_TOO_MANY_INFORMATIONAL);
	check_default_bytes(CHUNKED "0\r\nA: ", (16 << 10) - 3 - 4, "\r\n\r\n",
			    FETCH_TRAILERS_TOO_LARGE);
	check_default_bytes(CHUNKED "1;", (16 << 10) - 3, "\r\nx\r\n0\r\n\r\n",
			    FETCH_CHUNK_OVERHEAD);
	check_default(OK "Content-Encoding: gzip, gzip, gzip\r\nContent-Length: 1\r\n\r\nx",
		      FETCH_DECODE_FAILED);
	check_default(OK "Content-Encoding: gzip, gzip, gzip, gzip\r\nContent-Length: 1\r\n\r\nx",
		      FETCH_DECODE_LIMIT);
	check_default(OK "Content-Length: 104857601\r\n\r\n", FETCH_BODY_TOO_LARGE);
}
