/* SPDX-License-Identifier: MIT
 *
 * origin, the answers: routes, and the body's bytes.
 *
 *	/d/<delay_ms>/<bytes>	200 after the delay		/b/<bytes>	200 at once
 *	/status/<code>		that status, 16 bytes
 *	/redirect/<n>		302 to /redirect/<n-1>; 200 when n is 0
 *	anything else		404
 *
 * A body is the line "0123456789abcde\n" again and again, cut at its length, so that a test can
 * make the same bytes (yes 0123456789abcde | head -c N). The pattern is written once before the
 * runtime starts and only read after that.
 */
#include "bench/fetch/origin.h"

#include <stdio.h>

#include "runtime/goroutine.h"
#include "src/http/response.h"

#define PATTERN_BYTES (256 * 1024)
#define LINE	      "0123456789abcde\n"
#define LINE_BYTES    (sizeof(LINE) - 1)
#define MAX_DELAY_MS  3600000

static char pattern[PATTERN_BYTES];

void answer_init(void)
{
	for (size_t i = 0; i < PATTERN_BYTES; i += LINE_BYTES)
		memcpy(pattern + i, LINE, LINE_BYTES);
}

/* A number that ends at the next slash or the end of *rest; takes it off. */
static bool take_number(struct str *rest, uint64_t max, uint64_t *ret)
{
	struct str digits, after;
	str_cut(*rest, '/', &digits, &after);
	if (str_parse_u64(digits, max, ret) != 0)
		return false;
	*rest = after;
	return true;
}

/* True, and the prefix taken off, when *rest begins with it. */
static bool take_prefix(struct str *rest, struct str prefix)
{
	if (!str_starts(*rest, prefix))
		return false;
	*rest = str_slice(*rest, prefix.len, rest->len);
	return true;
}

static bool route(struct str path, struct answer *a)
{
	uint64_t n;
	if (take_prefix(&path, STR("/d/"))) {
		if (!take_number(&path, MAX_DELAY_MS, &n))
			return false;
		a->delay_ns = (int64_t)n * MILLISECOND;
		return take_number(&path, INT64_MAX, &a->bytes) && path.len == 0;
	}
	if (take_prefix(&path, STR("/b/")))
		return take_number(&path, INT64_MAX, &a->bytes) && path.len == 0;
	if (take_prefix(&path, STR("/status/"))) {
		if (!take_number(&path, 599, &n) || n < 200 || path.len)
			return false;
		a->status = (int)n;
		a->bytes = n == 204 || n == 304 ? 0 : LINE_BYTES;
		return true;
	}
	if (take_prefix(&path, STR("/redirect/"))) {
		if (!take_number(&path, 1000, &n) || path.len)
			return false;
		a->status = n ? 302 : 200;
		a->redirects = n ? n - 1 : 0;
		return true;
	}
	return false;
}

void answer_for(const struct message_head *head, struct answer *ret)
{
	struct answer a = { .status = 200 };
	struct str path;
	str_cut(head->target, '?', &path, NULL);
	if (!route(path, &a))
		a = (struct answer){ .status = 404 };
	a.head_only = str_eq(head->method, STR("HEAD"));
	a.close = !head->keep_alive;
	*ret = a;
}

/* Appends the answer's head. */
static int write_head(const struct answer *a, struct buf *b)
{
	char location[40];
	struct field fields[2] = { { STR("Content-Type"), STR("application/octet-stream") } };
	struct response_head head = {
		.status = a->status,
		.fields = fields,
		.field_count = 1,
		.content_length = (int64_t)a->bytes,
		.close = a->close,
	};
	if (a->status == 204 || a->status == 304)
		head.content_length = RESPONSE_NO_LENGTH;
	if (a->status == 302) {
		int n = snprintf(location, sizeof(location), "/redirect/%llu",
				 (unsigned long long)a->redirects);
		fields[head.field_count++] =
			(struct field){ STR("Location"), str_make(location, (size_t)n) };
	}
	return response_write_head(b, &head);
}

/* The head goes in one call with the body's first piece: a small answer is one segment. */
int answer_send(const struct answer *a, struct conn *c, struct buf *scratch)
{
	if (a->delay_ns)
		goroutine_sleep(a->delay_ns);
	buf_clear(scratch);
	int err = write_head(a, scratch);
	if (err)
		return err;
	uint64_t left = a->head_only ? 0 : a->bytes;
	size_t piece = left < PATTERN_BYTES ? (size_t)left : PATTERN_BYTES;
	struct iovec iov[2] = { { scratch->data, scratch->len }, { pattern, piece } };
	ssize_t n = conn_writev(c, iov, piece ? 2 : 1);
	for (left -= piece; n >= 0 && left > 0; left -= piece) {
		piece = left < PATTERN_BYTES ? (size_t)left : PATTERN_BYTES;
		n = conn_write(c, pattern, piece);
	}
	return n < 0 ? (int)n : 0;
}
