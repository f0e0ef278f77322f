/* SPDX-License-Identifier: MIT
 *
 * fetch: see fetch.h. Order at the end: record to the batch, then hostq_finish, then the token:
 * whoever sees no request in flight sees all records, and whoever has a token finds the host queues
 * up to date.
 *
 * When memory is too short for the record, the goroutine keeps job and token and tries again: fewer
 * requests run until there is memory.
 */
#include "src/fetchd/fetch.h"

#include <errno.h>

#include "runtime/goroutine.h"
#include "src/common/cleanup.h"
#include "src/common/json.h"
#include "src/common/log.h"

#define RECORD_BYTES 768 /* what most records need at most */
#define RETRY_NS     (100 * MILLISECOND)

/* ---- the body's digest ---- */

struct digest {
	struct body_sink sink;
	EVP_MD_CTX *ctx; /* NULL: not wanted */
	EVP_MD *md;
	unsigned char sum[SHA256_BYTES];
};

static struct digest *digest_of(struct body_sink *s)
{
	return CONTAINER_OF(s, struct digest, sink);
}

static int digest_begin(struct body_sink *s, uint16_t status, const struct fields *fields)
{
	struct digest *d = digest_of(s);
	(void)status, (void)fields;
	return EVP_DigestInit_ex2(d->ctx, d->md, NULL) == 1 ? 0 : -ENOMEM;
}

static int digest_write(struct body_sink *s, const char *data, size_t len)
{
	struct digest *d = digest_of(s);
	return EVP_DigestUpdate(d->ctx, data, len) == 1 ? 0 : -EIO;
}

static int digest_open(struct digest *d, EVP_MD *md)
{
	d->sink.begin = digest_begin;
	d->sink.write = digest_write;
	d->md = md;
	d->ctx = EVP_MD_CTX_new();
	return d->ctx ? digest_begin(&d->sink, 0, NULL) : -ENOMEM;
}

static bool digest_end(struct digest *d)
{
	return d->ctx != NULL && EVP_DigestFinal_ex(d->ctx, d->sum, NULL) == 1;
}

static void digest_done(struct digest *d)
{
	EVP_MD_CTX_free(d->ctx);
}

static void response_free(struct fetch_response **resp)
{
	fetch_response_free(*resp);
}

/* ---- the record ---- */

static int make_record(struct batch *b, const struct job *job, const struct record *r)
{
	cleanup(buf_done) struct buf line = { 0 };
	buf_reserve(&line, RECORD_BYTES);
	int err = record_write(&line, r);
	return err ? err : batch_add(b, job, buf_str(&line), record_outcome(r->error));
}

static void keep_record(struct fetch_shared *shared, const struct job *job, const struct record *r)
{
	struct batch *b = batch_of(job->source);
	if (r->error != FETCH_OK && context_err(shared->ctx) != 0)
		return; /* given up, whatever it looks like */
	if (r->response != NULL)
		atomic_fetch_add_explicit(&b->shared->bytes_total, r->response->size_download,
					  memory_order_relaxed);
	while (make_record(b, job, r) != 0 && context_err(shared->ctx) == 0)
		goroutine_sleep(RETRY_NS);
}

/* ---- the request ---- */

static enum fetch_error request(struct fetch_shared *shared, const struct job_line *line,
				const struct url *url, struct digest *d,
				struct fetch_response *resp)
{
	const struct fetch_request req = {
		.method = line->method,
		.url = url,
		.sink = d->ctx ? &d->sink : NULL,
	};
	return client_fetch(shared->client, shared->ctx, &req, resp);
}

static void run_parsed(struct fetch_shared *shared, const struct job *job,
		       const struct job_line *line, struct str url_text)
{
	cleanup(url_done) struct url url = { 0 };
	cleanup(response_free) struct fetch_response *resp = NULL;
	cleanup(digest_done) struct digest digest = { 0 };
	struct record r = { .batch = job->source->batch, .job = line, .url = url_text };
	int err = url_parse(url_text, NULL, &url, NULL);
	if (!err && ((resp = fetch_response_new()) == NULL ||
		     (batch_of(job->source)->sha256 && digest_open(&digest, shared->sha256) != 0)))
		err = -ENOMEM;
	if (err) {
		r.error = url_fetch_error(err);
	} else {
		r.error = request(shared, line, &url, &digest, resp);
		r.response = resp;
		if (r.error == FETCH_OK && digest_end(&digest))
			r.sha256 = digest.sum;
	}
	keep_record(shared, job, &r);
}

/* The URL's text without JSON's escapes: within the line, or in b. */
static int url_text(const struct job_line *line, struct buf *b, struct str *ret_url)
{
	*ret_url = line->url;
	if (str_index(line->url, '\\') < 0)
		return 0;
	int err = json_unescape(line->url, b);
	*ret_url = buf_str(b);
	return err;
}

static void run_job(struct fetch_shared *shared, const struct job *job)
{
	cleanup(buf_done) struct buf unescaped = { 0 };
	struct job_line line;
	struct str url;
	int err = job_read(str_make(job->line, job->len), &line);
	if (!err)
		err = url_text(&line, &unescaped, &url);
	if (!err) {
		run_parsed(shared, job, &line, url);
		return;
	}
	if (err != -ENOMEM)
		log_err("batch %llu, chunk %u, place %u: the job's line is damaged",
			(unsigned long long)job->source->batch, job->chunk, job->place);
	keep_record(
		shared, job,
		&(struct record){ .batch = job->source->batch,
				  .job = &line,
				  .error = err == -ENOMEM ? FETCH_OUT_OF_MEMORY : FETCH_INTERNAL });
}

int fetch_run(void *fetch_args)
{
	struct fetch_args *args = fetch_args;
	struct fetch_shared *shared = args->shared;
	run_job(shared, args->job);
	hostq_finish(shared->q, args->job);
	chan_send(shared->tokens, NOTHING);
	return 0;
}
