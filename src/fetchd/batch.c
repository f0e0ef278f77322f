/* SPDX-License-Identifier: MIT
 *
 * batch: see batch.h. b->lock is held for a copy of a record at most, never across a park.
 *
 * Who kicks batch_run: batch_add (the first record of a segment, a full one, the batch's last), a
 * cancel, and the host queue when the last request of a stopped batch has ended. The channel holds
 * one token, so a kick is never lost and never waits.
 */
#include "src/fetchd/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/select.h"
#include "runtime/ticker.h"
#include "src/common/json.h"

#define LINGER_NS (25 * MILLISECOND) /* how long a record waits for others to share its commit */

static void kick(struct batch *b)
{
	(void)chan_try_send(b->kick, NOTHING);
}

/* ---- birth and end ---- */

static void batch_free(struct source *s)
{
	struct batch *b = batch_of(s);
	for (struct list *node; (node = list_pop_front(&b->segments)) != NULL;)
		segment__free(CONTAINER_OF(node, struct segment, node));
	chan_unref(b->kick);
	chan_unref(b->changed);
	store_batch_done(&b->b);
	free(b);
}

static void batch_settled(struct source *s)
{
	kick(batch_of(s));
}

struct batch *batch_new(struct batch_shared *shared, struct store_batch *b)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	if (batch == NULL)
		return NULL;
	batch->shared = shared;
	batch->b = *b;
	batch->source.batch = b->id;
	batch->source.free = batch_free;
	batch->source.settled = batch_settled;
	source_init(&batch->source);
	list_init(&batch->segments);
	batch->kick = chan_make(done_chan, 1);
	return batch;
}

int batch_set_options(struct batch *b, struct str options)
{
	struct json_reader r;
	struct json_item item;
	if (options.len == 0)
		return 0;
	int err = json_reader_init(&r, options);
	while (!err && (err = json_next(&r, &item)) > 0) {
		bool none = str_eq(item.raw, STR("none"));
		if (!json_key_is(&item, "digest") || item.type != JSON_IS_STRING ||
		    !(none || str_eq(item.raw, STR("sha256"))))
			return -EINVAL;
		b->sha256 = !none;
		err = 0;
	}
	return err;
}

struct batch *batch_ref(struct batch *b)
{
	source_ref(&b->source);
	return b;
}

void batch_unref(struct batch *b)
{
	source_unref(&b->source);
}

/* ---- records ---- */

static struct segment *last_segment(struct batch *b)
{
	return list_empty(&b->segments) ? NULL
					: CONTAINER_OF(b->segments.prev, struct segment, node);
}

static struct segment *segment_with_room(struct batch *b)
{
	struct segment *s = last_segment(b);
	if (s != NULL && s->data.len < STORE_CHUNK_BYTES)
		return s;
	s = calloc(1, sizeof(*s));
	if (s != NULL)
		list_push_back(&b->segments, &s->node);
	return s;
}

/* There is reason not to wait for more records. */
static bool is_urgent(const struct batch *b)
{
	const struct segment *first =
		list_empty(&b->segments) ? NULL
					 : CONTAINER_OF(b->segments.next, struct segment, node);
	return (first != NULL && first->data.len >= STORE_CHUNK_BYTES) ||
	       b->b.done + b->pending == b->b.jobs || b->b.state == BATCH_CANCELLING;
}

int batch_add(struct batch *b, const struct job *job, struct str record, enum outcome outcome)
{
	struct store_mark mark = { .chunk = job->chunk, .place = job->place };
	hostq_backlog_add(b->shared->q, record.len);
	lock_acquire(&b->lock);
	struct segment *s = segment_with_room(b);
	int err = s ? segment__add(s, mark, record, outcome) : -ENOMEM;
	bool wake = false;
	if (!err) {
		b->pending++;
		wake = s->len == 1 || is_urgent(b);
	}
	lock_release(&b->lock);
	if (err) {
		hostq_backlog_sub(b->shared->q, record.len);
		return err;
	}
	atomic_fetch_sub(&b->shared->unfinished, 1);
	if (wake)
		kick(b);
	return 0;
}

/* The first segment that has records, taken out. */
static struct segment *take_segment(struct batch *b)
{
	lock_acquire(&b->lock);
	struct list *node = list_pop_front(&b->segments);
	lock_release(&b->lock);
	return node ? CONTAINER_OF(node, struct segment, node) : NULL;
}

/* ---- the batch's goroutine ---- */

/* False when the daemon stops first. */
static bool wait_kick(struct batch *b, int64_t timeout_ns)
{
	enum {
		ON_KICK,
		ON_TIME,
		ON_STOP
	};
	time_chan time = timeout_ns ? time_after(timeout_ns) : (time_chan){ 0 };
	struct select_case cases[] = {
		[ON_KICK] = on_recv(b->kick, NULL),
		[ON_TIME] = on_recv(time, NULL),
		[ON_STOP] = on_recv(context_done(b->shared->ctx), NULL),
	};
	bool stop = select_wait(cases) == ON_STOP;
	chan_unref(time);
	return !stop;
}

static void linger(struct batch *b)
{
	lock_acquire(&b->lock);
	bool now = is_urgent(b) || list_empty(&b->segments);
	lock_release(&b->lock);
	if (!now)
		(void)wait_kick(b, LINGER_NS);
}

/* Commits a segment whose records came by batch_add. */
static bool commit_pending(struct batch *b, struct segment *s)
{
	bool did = s->len == 0 || batch__commit(b, s, true);
	hostq_backlog_sub(b->shared->q, s->data.len);
	segment__free(s);
	return did;
}

/* All that is there; false when the daemon stops before it is committed. */
static bool commit_all(struct batch *b)
{
	for (struct segment *s; (s = take_segment(b)) != NULL;)
		if (!commit_pending(b, s))
			return false;
	return true;
}

static bool has_rest_to_cancel(struct batch *b)
{
	/* settled first: once it is, every record that will come by batch_add has come */
	if (batch_state(b) != BATCH_CANCELLING || !hostq_settled(b->shared->q, &b->source))
		return false;
	lock_acquire(&b->lock);
	bool yes = list_empty(&b->segments);
	lock_release(&b->lock);
	return yes;
}

int batch_run(void *batch)
{
	struct batch *b = batch;
	bool go = true;
	while (go && batch_state(b) != BATCH_DONE) {
		go = wait_kick(b, 0);
		if (go)
			linger(b);
		go = commit_all(b) && go;
		if (go && has_rest_to_cancel(b))
			go = batch__cancel_rest(b);
	}
	batch_unref(b);
	return 0;
}

void batch_cancel(struct batch *b)
{
	lock_acquire(&b->lock);
	if (b->b.state == BATCH_RUNNING)
		b->b.state = BATCH_CANCELLING;
	lock_release(&b->lock);
	hostq_stop_source(b->shared->q, &b->source);
	kick(b);
}

/* ---- readers ---- */

enum batch_state batch_state(struct batch *b)
{
	lock_acquire(&b->lock);
	enum batch_state state = b->b.state;
	lock_release(&b->lock);
	return state;
}

void batch_set_deleted(struct batch *b)
{
	lock_acquire(&b->lock);
	b->deleted = true;
	done_chan changed = b->changed;
	b->changed = (done_chan){ 0 };
	lock_release(&b->lock);
	if (changed.chan_ != NULL)
		chan_close(changed);
	chan_unref(changed);
}

static const char *what_it_waits_for(struct batch *b, const struct batch_status *s, int trouble)
{
	struct hostq_stats q;
	if (s->b.state == BATCH_DONE)
		return "";
	if (trouble)
		return trouble == -ENOSPC   ? "disk space"
		       : trouble == -ENOMEM ? "memory"
					    : "the disk";
	if (s->b.state == BATCH_CANCELLING)
		return s->in_flight > 0 ? "running requests" : "";
	hostq_stats(b->shared->q, &q);
	if (s->queued == 0)
		return "";
	return q.queued == 0 ? "" : q.starved ? "host limits" : "free request slots";
}

int batch_status(struct batch *b, struct batch_status *ret_status)
{
	struct batch_status s = { 0 };
	uint32_t queued, in_flight;
	hostq_source_counts(b->shared->q, &b->source, &queued, &in_flight);
	lock_acquire(&b->lock);
	s.b = b->b;
	uint64_t recorded = b->b.done + b->pending;
	int trouble = b->trouble;
	s.rate = b->b.state == BATCH_DONE ? 0 : rate_get(&b->rate, clock_now());
	lock_release(&b->lock);
	char *options = str_dup(s.b.options); /* they never change */
	if (options == NULL)
		return -ENOMEM;
	s.b.options.data = options;
	s.in_flight = in_flight;
	s.queued = s.b.jobs > recorded + in_flight ? s.b.jobs - recorded - in_flight : 0;
	s.waits_for = what_it_waits_for(b, &s, trouble);
	*ret_status = s;
	return 0;
}

/* 1, 0 or -ENOENT as batch_wait; -EAGAIN with a channel that will be closed at the next change. */
static int look(struct batch *b, uint64_t after, done_chan *ret_changed)
{
	int result = -EAGAIN;
	lock_acquire(&b->lock);
	if (b->deleted) {
		result = -ENOENT;
	} else if (b->b.done > after) {
		result = 1;
	} else if (b->b.state == BATCH_DONE) {
		result = 0;
	} else {
		if (b->changed.chan_ == NULL)
			b->changed = chan_make(done_chan, 0);
		*ret_changed = chan_ref(b->changed);
	}
	lock_release(&b->lock);
	return result;
}

int batch_wait(struct batch *b, uint64_t after, struct context *ctx)
{
	enum {
		ON_CHANGE,
		ON_END
	};
	for (;;) {
		done_chan changed;
		int result = look(b, after, &changed);
		if (result != -EAGAIN)
			return result;
		struct select_case cases[] = {
			[ON_CHANGE] = on_recv(changed, NULL),
			[ON_END] = on_recv(context_done(ctx), NULL),
		};
		int which = select_wait(cases);
		chan_unref(changed);
		if (which == ON_END)
			return context_err(ctx);
	}
}
