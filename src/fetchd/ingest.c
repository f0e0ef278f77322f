/* SPDX-License-Identifier: MIT
 *
 * ingest: see ingest.h. One goroutine at a time uses a struct ingest; feed and finish park when a
 * block goes to the store.
 *
 * Lines that lie whole in the caller's buffer are taken from there; only one that is cut by its end
 * is copied. The first bad line ends the submission: nothing is half accepted, and the error names
 * line, value and what is wrong with it.
 */
#define _GNU_SOURCE /* strerrordesc_np */
#include "src/fetchd/ingest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "src/common/cleanup.h"
#include "src/common/log.h"

#define QUOTED_MAX 80 /* bytes of a bad value that an error shows */

/* ---- errors for people ---- */

/* The longest part of s, at most max bytes, that doesn't end within a UTF-8 sequence. */
static struct str cut_text(struct str s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 0 && ((unsigned char)s.data[max] & 0xc0) == 0x80)
		max--;
	return str_make(s.data, max);
}

/* Control characters as '?'. */
static void append_quoted(struct buf *b, struct str value)
{
	struct str shown = cut_text(value, QUOTED_MAX);
	buf_append_char(b, '"');
	buf_append_str(b, shown);
	buf_append_str(b, shown.len < value.len ? STR("…\"") : STR("\""));
}

/* What of the input is quoted in it must not command somebody's terminal. */
static int fail(const struct ingest *in, struct ingest_error *ret_error, int err, struct buf *text)
{
	struct str shown = text->failed ? STR("out of memory")
					: cut_text(buf_str(text), sizeof(ret_error->text) - 1);
	ret_error->line = in->line;
	for (size_t i = 0; i < shown.len; i++) {
		unsigned char c = (unsigned char)shown.data[i];
		ret_error->text[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	ret_error->text[shown.len] = '\0';
	return err;
}

static int fail_with(const struct ingest *in, struct ingest_error *ret_error, int err,
		     struct str why)
{
	cleanup(buf_done) struct buf text = { 0 };
	buf_append_str(&text, why);
	return fail(in, ret_error, err, &text);
}

static int fail_memory(const struct ingest *in, struct ingest_error *ret_error)
{
	return fail_with(in, ret_error, -ENOMEM, STR("out of memory"));
}

/* Not a line's fault. */
static int fail_store(const struct ingest *in, struct ingest_error *ret_error, int err)
{
	cleanup(buf_done) struct buf text = { 0 };
	if (err == -ENOSPC)
		buf_append_str(&text,
			       STR("the disk of the state folder is full: nothing was accepted"));
	else
		buf_printf(&text, "the store failed: %s: nothing was accepted",
			   strerrordesc_np(-err));
	fail(in, ret_error, err, &text);
	ret_error->line = 0;
	return err;
}

static int fail_url(const struct ingest *in, struct ingest_error *ret_error, struct str url,
		    int err, const char *reason)
{
	if (err == -ENOMEM)
		return fail_memory(in, ret_error);
	cleanup(buf_done) struct buf text = { 0 };
	append_quoted(&text, url);
	buf_append_str(&text, STR(": "));
	struct str scheme;
	if (err == -EPROTONOSUPPORT && str_cut(url, ':', &scheme, NULL)) {
		buf_append_str(&text, STR("unsupported scheme "));
		append_quoted(&text, scheme);
		buf_append_str(&text, STR(" (http and https are)"));
	} else {
		buf_append_str(&text, str_of(reason));
	}
	return fail(in, ret_error, -EINVAL, &text);
}

static int fail_jobs(const struct ingest *in, struct ingest_error *ret_error)
{
	cleanup(buf_done) struct buf text = { 0 };
	buf_printf(&text, "more than %llu URLs in one submission ([fetch] max_batch_jobs)",
		   (unsigned long long)in->max_jobs);
	return fail(in, ret_error, -EINVAL, &text);
}

static int fail_length(struct ingest *in, struct ingest_error *ret_error)
{
	cleanup(buf_done) struct buf text = { 0 };
	buf_printf(&text, "the line is longer than %d bytes", INGEST_LINE_BYTES);
	in->line++;
	return fail(in, ret_error, -EINVAL, &text);
}

/* ---- jobs ---- */

static int flush(struct ingest *in, struct ingest_error *ret_error)
{
	int err = 0;
	if (in->id == 0) {
		in->created_wall = clock_wall();
		err = in->store->ops->batch_begin(in->store, buf_str(&in->options), &in->id);
	}
	if (!err)
		err = block_flush(&in->block, in->store, in->id, &in->chunk);
	return err ? fail_store(in, ret_error, err) : 0;
}

static int add_job(struct ingest *in, const struct job_text *job, struct ingest_error *ret_error)
{
	cleanup(url_done) struct url u = { 0 };
	const char *reason = "";
	int err = url_parse(job->url, NULL, &u, &reason);
	if (err)
		return fail_url(in, ret_error, job->url, err, reason);
	if (in->jobs == in->max_jobs)
		return fail_jobs(in, ret_error);
	if (block_add(&in->block, &u, job) != 0)
		return fail_memory(in, ret_error);
	in->jobs++;
	return block_full(&in->block) ? flush(in, ret_error) : 0;
}

static int take_json(struct ingest *in, struct str line, struct ingest_error *ret_error)
{
	cleanup(ingest_job_done) struct ingest_job parsed = { 0 };
	cleanup(buf_done) struct buf why = { 0 };
	int err = ingest__parse_json(line, &parsed, &why);
	if (err == -EINVAL)
		return fail(in, ret_error, err, &why);
	if (err)
		return fail_memory(in, ret_error);
	return add_job(in,
		       &(struct job_text){
			       .index = in->jobs,
			       .url = buf_str(&parsed.url),
			       .tag = parsed.has_tag
					      ? str_make(parsed.tag.data ? parsed.tag.data : "",
							 parsed.tag.len)
					      : (struct str){ 0 },
			       .method = parsed.method.len ? buf_str(&parsed.method) : STR("GET"),
		       },
		       ret_error);
}

static int take_line(struct ingest *in, struct str line, struct ingest_error *ret_error)
{
	in->line++;
	if (in->line == 1 && str_starts(line, STR("\xef\xbb\xbf")))
		line = str_slice(line, 3, SIZE_MAX); /* a byte order mark */
	line = str_trim(line);
	if (line.len == 0 || (in->format == INGEST_TEXT && line.data[0] == '#'))
		return 0;
	if (in->format == INGEST_NDJSON)
		return take_json(in, line, ret_error);
	if (ingest__check_utf8(line) != 0)
		return fail_with(in, ret_error, -EINVAL, STR("the line is no valid UTF-8"));
	return add_job(in,
		       &(struct job_text){ .index = in->jobs, .url = line, .method = STR("GET") },
		       ret_error);
}

/* ---- bytes ---- */

/* A part of a line, its end or not. */
static int take_part(struct ingest *in, struct str part, bool ends, struct ingest_error *ret_error)
{
	if (in->partial.len + part.len > INGEST_LINE_BYTES)
		return fail_length(in, ret_error);
	if (ends && in->partial.len == 0)
		return take_line(in, part, ret_error);
	if (buf_append_str(&in->partial, part) != 0)
		return fail_memory(in, ret_error);
	if (!ends)
		return 0;
	int err = take_line(in, buf_str(&in->partial), ret_error);
	buf_clear(&in->partial);
	return err;
}

int ingest_feed(struct ingest *in, const char *data, size_t len, struct ingest_error *ret_error)
{
	struct str rest = str_make(data, len);
	int err = 0;
	while (rest.len > 0 && !err) {
		struct str part, after;
		bool ends = str_cut(rest, '\n', &part, &after);
		err = take_part(in, part, ends, ret_error);
		rest = after;
	}
	return err;
}

int ingest__finish(struct ingest *in, struct ingest_error *ret_error)
{
	int err = in->partial.len > 0 ? take_line(in, buf_str(&in->partial), ret_error) : 0;
	if (!err)
		err = flush(in, ret_error);
	if (err)
		return err;
	err = in->store->ops->batch_commit(in->store, in->id, in->jobs);
	if (err)
		return fail_store(in, ret_error, err);
	in->committed = true;
	return 0;
}

struct ingest *ingest__new(struct store *store, enum ingest_format format, struct str options,
			   uint64_t max_jobs)
{
	struct ingest *in = calloc(1, sizeof(*in));
	if (in == NULL)
		return NULL;
	in->store = store;
	in->format = format;
	in->max_jobs = max_jobs;
	if (buf_append_str(&in->options, options) != 0) {
		ingest__free(in);
		return NULL;
	}
	return in;
}

void ingest__free(struct ingest *in)
{
	/* Should the abort fail, the next start drops the batch. */
	if (in->id != 0 && !in->committed && in->store->ops->batch_abort(in->store, in->id) != 0)
		log_warn("batch %llu was not accepted; its jobs go at the next start",
			 (unsigned long long)in->id);
	buf_done(&in->options);
	buf_done(&in->partial);
	block_done(&in->block);
	free(in);
}
