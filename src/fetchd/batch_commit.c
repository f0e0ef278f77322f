/* SPDX-License-Identifier: MIT
 *
 * batch_commit: segments into the store, and the records of a cancelled batch. Only the batch's own
 * goroutine comes here.
 *
 * A full or failing disk loses nothing: the segment stays in memory and is tried again every
 * second; the host queues start nothing once too much waits (BACKLOG_MAX). An answer of the store
 * that says "this job has a result already" is a defect that must not be passed over: the process
 * ends, and the next one starts from what is committed.
 */
#define _GNU_SOURCE /* strerrordesc_np */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/select.h"
#include "runtime/ticker.h"
#include "src/common/cleanup.h"
#include "src/common/json.h"
#include "src/common/log.h"
#include "src/fetchd/batch.h"

#define RETRY_NS SECOND

/* ---- segments ---- */

void segment__free(struct segment *s)
{
	if (s == NULL)
		return;
	buf_done(&s->data);
	free(s->marks);
	free(s);
}

int segment__add(struct segment *s, struct store_mark mark, struct str record, enum outcome outcome)
{
	if (s->len == s->cap) {
		uint32_t cap = s->cap ? 2 * s->cap : 16;
		struct store_mark *marks = reallocarray(s->marks, cap, sizeof(*marks));
		if (marks == NULL)
			return -ENOMEM;
		s->marks = marks;
		s->cap = cap;
	}
	int err = buf_append_str(&s->data, record);
	if (err) {
		s->data.failed = 0; /* it holds what it held; the caller tries again later */
		return err;
	}
	s->marks[s->len++] = mark;
	s->outcomes[outcome]++;
	return 0;
}

/* ---- a commit ---- */

static void tell(struct batch *b, int err)
{
	struct batch_shared *shared = b->shared;
	if (err)
		atomic_fetch_add(&shared->commit_errors_total, 1);
	lock_acquire(&b->lock);
	b->trouble = err;
	lock_release(&b->lock);
	int before = atomic_exchange(&shared->trouble, err);
	if (err && before != err)
		log_err("results can't be committed: %s; they are kept in memory, new requests "
			"wait once "
			"%zu MiB are, tried again every second",
			strerrordesc_np(-err), BACKLOG_MAX >> 20);
	else if (!err && before)
		log_info("results are committed again");
}

/* False when the daemon stops. */
static bool wait_retry(struct batch *b)
{
	enum {
		ON_RETRY,
		ON_STOP
	};
	time_chan retry = time_after(RETRY_NS);
	struct select_case cases[] = {
		[ON_RETRY] = on_recv(retry, NULL),
		[ON_STOP] = on_recv(context_done(b->shared->ctx), NULL),
	};
	bool again = select_wait(cases) == ON_RETRY;
	chan_unref(retry);
	return again;
}

static bool may_pass(int err)
{
	return err == -ENOSPC || err == -EIO || err == -ENOMEM;
}

/* Shows what is committed now, and wakes who waits for it. */
static void publish(struct batch *b, const struct store_results *r, bool pending)
{
	lock_acquire(&b->lock);
	b->pending -= pending ? r->len : 0;
	b->b.done += r->len;
	b->b.fetched += r->fetched;
	b->b.failed += r->failed;
	b->b.cancelled += r->cancelled;
	b->b.expired += r->expired;
	if (r->finishes) {
		b->b.state = BATCH_DONE;
		b->b.finished_wall = clock_wall();
	}
	rate_add(&b->rate, clock_now(), r->len);
	done_chan changed = b->changed;
	b->changed = (done_chan){ 0 };
	lock_release(&b->lock);
	if (changed.chan_ != NULL)
		chan_close(changed);
	chan_unref(changed);
}

static void count(struct batch_shared *shared, const struct store_results *r)
{
	atomic_fetch_add(&shared->commits_total, 1);
	atomic_fetch_add(&shared->results_total, r->len);
	atomic_fetch_add(&shared->fetched_total, r->fetched);
	atomic_fetch_add(&shared->failed_total, r->failed);
}

bool batch__commit(struct batch *b, const struct segment *s, bool pending)
{
	const struct store_results r = {
		.batch = b->source.batch,
		.data = s->data,
		.marks = s->marks,
		.len = s->len,
		.fetched = s->outcomes[OUTCOME_FETCHED],
		.failed = s->outcomes[OUTCOME_FAILED],
		.cancelled = s->outcomes[OUTCOME_CANCELLED],
		.expired = s->outcomes[OUTCOME_EXPIRED],
		.finishes = b->b.done + s->len ==
			    b->b.jobs, /* done is changed by this goroutine alone */
	};
	struct store *store = b->shared->store;
	int err;
	while ((err = store->ops->results_add(store, &r)) != 0) {
		if (!may_pass(err))
			panic("batch %llu: the store refuses results: %s",
			      (unsigned long long)r.batch, strerrordesc_np(-err));
		tell(b, err);
		if (!wait_retry(b))
			return false;
	}
	tell(b, 0);
	count(b->shared, &r);
	publish(b, &r, pending);
	return true;
}

/* ---- what a cancelled batch has left ---- */

static bool is_done(const struct store_chunk *c, uint32_t place)
{
	return (unsigned char)c->done.data[place / 8] & 1U << place % 8;
}

static bool has_undone(const struct store_chunk *c)
{
	for (uint32_t i = 0; i < c->jobs; i++)
		if (!is_done(c, i))
			return true;
	return false;
}

static int add_cancelled(struct batch *b, struct segment *s, const struct store_chunk *c,
			 uint32_t place, struct str line)
{
	cleanup(buf_done) struct buf record = { 0 };
	struct job_line job;
	if (job_read(line, &job) != 0)
		log_err("batch %llu, chunk %u, place %u: the job's line is damaged",
			(unsigned long long)c->batch, c->chunk, place);
	int err = record_write(&record, &(struct record){
						.batch = b->source.batch,
						.job = &job,
						.error = FETCH_CANCELLED,
					});
	if (err)
		return err;
	struct store_mark mark = { .chunk = c->chunk, .place = place };
	return segment__add(s, mark, buf_str(&record), OUTCOME_CANCELLED);
}

static void segment_release(struct segment *s)
{
	buf_done(&s->data);
	free(s->marks);
	*s = (struct segment){ 0 };
}

/* *ret_go false: the daemon stops. */
static int cancel_lines(struct batch *b, const struct store_chunk *c, bool *ret_go)
{
	cleanup(segment_release) struct segment s = { 0 };
	struct str rest = buf_str(&c->data), line;
	for (uint32_t place = 0; place < c->jobs; place++) {
		if (!str_cut(rest, '\n', &line, &rest))
			return -EIO;
		int err = is_done(c, place) ? 0 : add_cancelled(b, &s, c, place, line);
		if (err)
			return err;
		if (s.data.len >= STORE_CHUNK_BYTES) {
			*ret_go = batch__commit(b, &s, false);
			if (!*ret_go)
				return 0;
			segment_release(&s);
		}
	}
	if (s.len > 0)
		*ret_go = batch__commit(b, &s, false);
	return 0;
}

static int cancel_chunk(struct batch *b, uint32_t chunk, bool *ret_go)
{
	struct store *store = b->shared->store;
	cleanup(store_chunk_done) struct store_chunk directory = { 0 }, whole = { 0 };
	int err = store->ops->chunk_read(store, b->source.batch, chunk, false, &directory);
	if (err || !has_undone(&directory))
		return err;
	err = store->ops->chunk_read(store, b->source.batch, chunk, true, &whole);
	return err ? err : cancel_lines(b, &whole, ret_go);
}

bool batch__cancel_rest(struct batch *b)
{
	bool go = true;
	for (uint32_t chunk = 0; go;) {
		int err = cancel_chunk(b, chunk, &go);
		if (err == -ENOENT)
			break;
		if (err == 0) {
			chunk++;
			continue;
		}
		tell(b, err);
		go = wait_retry(b);
	}
	if (go && batch_state(b) != BATCH_DONE)
		log_err("batch %llu: %llu jobs are not in its chunks",
			(unsigned long long)b->source.batch,
			(unsigned long long)(b->b.jobs - b->b.done));
	return go;
}
