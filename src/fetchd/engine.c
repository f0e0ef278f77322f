/* SPDX-License-Identifier: MIT
 *
 * engine: puts the parts together: the dispatcher, submissions, orders, start and stop.
 *
 *	refill -> host queues -> dispatcher -> a goroutine a job -> segments -> batch_run -> store
 *
 * The dispatcher holds a token before it takes a job, so that the job it takes is the one whose
 * turn it is now. Tokens are a channel's elements: a request gives its back when it ends. The
 * requests' errgroup is limited a little above the number of tokens: a ceiling, never what the
 * dispatcher waits on. Nothing here has a lock of its own: the table, the host queues and each
 * batch have theirs.
 *
 * Memory is bounded whatever is submitted: the window's jobs (HELD_BYTES_MAX of lines, and about
 * 300 bytes for each job with its lane and host), REFILL_CACHE chunks (5 MiB), PARKED_MAX runs
 * (16 MiB), BACKLOG_MAX of results and one record for each request in flight, 9 MiB for each
 * submission under way, and about 600 bytes for each batch.
 */
#include "src/fetchd/engine.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/errgroup.h"
#include "runtime/select.h"
#include "runtime/timer.h"
#include "src/common/cleanup.h"
#include "src/common/log.h"
#include "src/fetchd/batch.h"
#include "src/fetchd/fetch.h"
#include "src/fetchd/ingest.h"
#include "src/fetchd/refill.h"
#include "src/fetchd/table.h"

#define BATCH_JOBS_DEFAULT 100000000
#define BATCHES_DEFAULT	   1000
#define LIMIT_SLACK	   64 /* goroutines that gave their token back and are about to end */

struct engine {
	struct engine_options options; /* defaults filled in */
	struct hostq q;
	struct batch_shared shared;
	struct fetch_shared fetch;
	struct refill refill;
	struct context *intake_ctx; /* dispatcher and refill */
	struct errgroup *intake, *requests, *batches;
	struct table table;
};

static void unref_batch(struct batch **b)
{
	if (*b != NULL)
		batch_unref(*b);
}

/* ---- the dispatcher ---- */

/* False when the engine stops. */
static bool take_token(struct engine *e)
{
	enum {
		ON_TOKEN,
		ON_STOP
	};
	if (context_err(e->intake_ctx) != 0)
		return false;
	if (chan_try_recv(e->fetch.tokens, NULL, NULL))
		return true;
	struct select_case cases[] = {
		[ON_TOKEN] = on_recv(e->fetch.tokens, NULL),
		[ON_STOP] = on_recv(context_done(e->intake_ctx), NULL),
	};
	return select_wait(cases) == ON_TOKEN;
}

static struct job *take_job(struct engine *e)
{
	enum {
		ON_WORK,
		ON_STOP
	};
	struct job *job;
	while ((job = hostq_pop(&e->q)) == NULL) {
		struct select_case cases[] = {
			[ON_WORK] = on_recv(e->q.work, NULL),
			[ON_STOP] = on_recv(context_done(e->intake_ctx), NULL),
		};
		if (select_wait(cases) == ON_STOP)
			return NULL;
	}
	return job;
}

static int dispatch(void *engine)
{
	struct engine *e = engine;
	while (take_token(e)) {
		struct fetch_args args = { .shared = &e->fetch, .job = take_job(e) };
		if (args.job == NULL)
			break;
		errgroup_go_copy(e->requests, fetch_run, &args, sizeof(args));
	}
	return 0;
}

/* ---- a batch's run ---- */

struct run_args {
	struct engine *engine;
	struct batch *batch; /* a reference of its own */
};

static int run_batch(void *run_args)
{
	struct run_args *args = run_args;
	struct engine *e = args->engine;
	batch_run(args->batch);
	table_finished(&e->table);
	return 0;
}

/* The batch is in the table, unfinished. */
static void start_batch(struct engine *e, struct batch *b)
{
	struct run_args args = { .engine = e, .batch = batch_ref(b) };
	atomic_fetch_add(&e->shared.unfinished, b->b.jobs - b->b.done);
	if (batch_state(b) == BATCH_CANCELLING)
		batch_cancel(b);
	else
		hostq_add_source(&e->q, &b->source);
	errgroup_go_copy(e->batches, run_batch, &args, sizeof(args));
}

static int add_stored(struct engine *e, struct store_batch *stored)
{
	int err = table_reserve(&e->table, UINT32_MAX);
	if (err)
		return err;
	struct batch *b = batch_new(&e->shared, stored);
	if (b == NULL)
		return -ENOMEM;
	*stored = (struct store_batch){ 0 };
	if (batch_set_options(b, b->b.options) != 0)
		log_warn("batch %llu: its options are not all known: %.*s",
			 (unsigned long long)b->source.batch, STR_ARG(b->b.options));
	table_insert(&e->table, b);
	if (b->b.state != BATCH_DONE)
		start_batch(e, b);
	return 0;
}

static int load_batches(struct engine *e)
{
	struct store_batch *stored;
	size_t len;
	int err = e->shared.store->ops->batches(e->shared.store, &stored, &len);
	if (err)
		return err;
	for (size_t i = 0; i < len && !err; i++)
		err = add_stored(e, &stored[i]);
	for (size_t i = 0; i < len; i++)
		store_batch_done(&stored[i]);
	free(stored);
	uint32_t unfinished = table_unfinished(&e->table);
	if (!err && unfinished > 0)
		log_info("resuming %u batches, %llu URLs to go", unfinished,
			 (unsigned long long)atomic_load(&e->shared.unfinished));
	return err;
}

/* ---- start and stop ---- */

static struct engine_options with_defaults(const struct engine_options *o)
{
	struct engine_options full = *o;
	if (full.max_in_flight == 0)
		full.max_in_flight = 1;
	if (full.window == 0)
		full.window = 4 * full.max_in_flight;
	if (full.max_batch_jobs == 0 || full.max_batch_jobs > UINT32_MAX)
		full.max_batch_jobs = BATCH_JOBS_DEFAULT;
	if (full.max_batches == 0)
		full.max_batches = BATCHES_DEFAULT;
	return full;
}

static void make_parts(struct engine *e, struct store *store, struct client *client)
{
	const struct engine_options *o = &e->options;
	hostq_init(&e->q, o->max_per_host, o->window);
	e->shared.store = store;
	e->shared.q = &e->q;
	e->shared.ctx = context_with_cancel(context_background());
	e->fetch.client = client;
	e->fetch.q = &e->q;
	e->fetch.ctx = context_with_cancel(context_background());
	e->fetch.tokens = chan_make(token_chan, o->max_in_flight);
	for (uint32_t i = 0; i < o->max_in_flight; i++)
		chan_send(e->fetch.tokens, NOTHING);
	e->intake_ctx = context_with_cancel(context_background());
	e->refill = (struct refill){ .q = &e->q, .store = store, .ctx = e->intake_ctx };
	e->intake = errgroup_new(NULL);
	e->requests = errgroup_new(NULL);
	e->batches = errgroup_new(NULL);
	errgroup_set_limit(e->requests, (int)o->max_in_flight + LIMIT_SLACK);
	errgroup_go(e->intake, refill_run, &e->refill);
	errgroup_go(e->intake, dispatch, e);
}

int engine_open(const struct engine_options *o, struct store *store, struct client *client,
		struct engine **ret_engine)
{
	struct engine *e = xcalloc(1, sizeof(*e));
	e->options = with_defaults(o);
	e->fetch.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (e->fetch.sha256 == NULL) {
		free(e);
		return -ENOSYS;
	}
	make_parts(e, store, client);
	int err = load_batches(e);
	if (err) {
		engine_close(e, 0);
		return err;
	}
	*ret_engine = e;
	return 0;
}

struct grace {
	struct timer timer;
	struct context *ctx; /* the requests' */
};

static void grace_over(struct timer *t)
{
	context_cancel(CONTAINER_OF(t, struct grace, timer)->ctx);
}

static void wait_group(struct errgroup *g)
{
	if (errgroup_wait(g) != 0)
		panic("engine: a part of it returned an error");
}

/* Requests end by themselves, or at the end of the grace. */
static void wait_requests(struct engine *e, int64_t grace_ns)
{
	struct grace grace = { .ctx = e->fetch.ctx };
	timer_init(&grace.timer, grace_over);
	if (grace_ns > 0)
		timer_set(&grace.timer, clock_now() + grace_ns);
	else
		context_cancel(e->fetch.ctx);
	wait_group(e->requests);
	timer_stop(&grace.timer);
}

static void free_parts(struct engine *e)
{
	for (size_t i = 0; i < e->table.len; i++)
		hostq_stop_source(&e->q, &e->table.batches[i]->source);
	table_done(&e->table);
	hostq_done(&e->q);
	context_unref(e->intake_ctx);
	context_unref(e->fetch.ctx);
	context_unref(e->shared.ctx);
	chan_unref(e->fetch.tokens);
	EVP_MD_free(e->fetch.sha256);
	free(e);
}

void engine_close(struct engine *e, int64_t grace_ns)
{
	context_cancel(e->intake_ctx);
	wait_group(e->intake);
	wait_requests(e, grace_ns);
	context_cancel(e->shared.ctx);
	wait_group(e->batches);
	free_parts(e);
}

/* ---- a submission ---- */

/* The batch is made before the submission is accepted, so that a lack of memory can't come after
 * its commit. */
static struct batch *make_owner(struct engine *e, struct str options, int *ret_err)
{
	char *copy = str_dup(options);
	struct store_batch stored = { .options = { .data = copy, .len = options.len } };
	struct batch *b = copy ? batch_new(&e->shared, &stored) : NULL;
	if (b == NULL) {
		free(copy);
		*ret_err = -ENOMEM;
		return NULL;
	}
	*ret_err = batch_set_options(b, options);
	if (*ret_err) {
		batch_unref(b);
		return NULL;
	}
	return b;
}

int engine_ingest_begin(struct engine *e, enum ingest_format format, struct str options,
			struct ingest **ret_ingest)
{
	int err = table_reserve(&e->table, e->options.max_batches);
	if (err)
		return err;
	struct batch *owner = make_owner(e, options, &err);
	struct ingest *in =
		owner ? ingest__new(e->shared.store, format, options, e->options.max_batch_jobs)
		      : NULL;
	if (in == NULL) {
		table_unreserve(&e->table);
		if (owner != NULL)
			batch_unref(owner);
		return err ? err : -ENOMEM;
	}
	in->engine = e;
	in->owner = owner;
	*ret_ingest = in;
	return 0;
}

void ingest_abort(struct ingest *in)
{
	table_unreserve(&in->engine->table);
	batch_unref(in->owner);
	ingest__free(in);
}

/* The owner takes its place: as the store has it. */
static void adopt(struct engine *e, struct ingest *in)
{
	struct batch *b = in->owner;
	b->source.batch = in->id;
	b->b.id = in->id;
	b->b.jobs = in->jobs;
	b->b.created_wall = in->created_wall;
	b->b.finished_wall = in->jobs == 0 ? in->created_wall : 0;
	b->b.state = in->jobs == 0 ? BATCH_DONE : BATCH_RUNNING;
	table_insert(&e->table, batch_ref(b));
	if (in->jobs > 0)
		start_batch(e, b);
	batch_unref(b);
}

int ingest_commit(struct ingest *in, uint64_t *ret_id, uint64_t *ret_jobs,
		  struct ingest_error *ret_error)
{
	int err = ingest__finish(in, ret_error);
	if (err) {
		ingest_abort(in);
		return err;
	}
	*ret_id = in->id;
	*ret_jobs = in->jobs;
	adopt(in->engine, in);
	ingest__free(in);
	return 0;
}

/* ---- batches ---- */

int engine_batch_status(struct engine *e, uint64_t id, struct batch_status *ret_status)
{
	cleanup(unref_batch) struct batch *b = table_find(&e->table, id);
	return b ? batch_status(b, ret_status) : -ENOENT;
}

void batch_status_done(struct batch_status *s)
{
	store_batch_done(&s->b);
}

int engine_batch_ids(struct engine *e, uint64_t **ret_ids, size_t *ret_len)
{
	return table_ids(&e->table, ret_ids, ret_len);
}

int engine_results_read(struct engine *e, uint64_t id, uint64_t after, size_t max_bytes,
			struct buf *out, uint64_t *ret_lines)
{
	return e->shared.store->ops->results_read(e->shared.store, id, after, max_bytes, out,
						  ret_lines);
}

int engine_results_wait(struct engine *e, uint64_t id, uint64_t after, struct context *ctx)
{
	cleanup(unref_batch) struct batch *b = table_find(&e->table, id);
	return b ? batch_wait(b, after, ctx) : -ENOENT;
}

int engine_batch_cancel(struct engine *e, uint64_t id)
{
	cleanup(unref_batch) struct batch *b = table_find(&e->table, id);
	if (b == NULL)
		return -ENOENT;
	int err = e->shared.store->ops->batch_set_state(e->shared.store, id, BATCH_CANCELLING);
	if (err == -ENOENT)
		return 0; /* it isn't running any more, or was cancelled before */
	if (!err)
		batch_cancel(b);
	return err;
}

int engine_batch_delete(struct engine *e, uint64_t id)
{
	cleanup(unref_batch) struct batch *b = table_find(&e->table, id);
	if (b == NULL)
		return -ENOENT;
	if (batch_state(b) != BATCH_DONE)
		return -EBUSY;
	int err = e->shared.store->ops->batch_delete(e->shared.store, id);
	if (err)
		return err;
	hostq_stop_source(&e->q, &b->source);
	batch_set_deleted(b);
	return table_remove(&e->table, b) ? 0 : -ENOENT;
}

/* ---- metrics ---- */

void engine_stats(struct engine *e, struct engine_stats *ret_stats)
{
	struct batch_shared *s = &e->shared;
	struct hostq_stats q;
	hostq_stats(&e->q, &q);
	uint64_t unfinished = atomic_load(&s->unfinished);
	*ret_stats = (struct engine_stats){
		.in_flight = q.in_flight,
		.queued = unfinished > q.in_flight ? unfinished - q.in_flight : 0,
		.batches = table_unfinished(&e->table),
		.results_total = atomic_load(&s->results_total),
		.fetched_total = atomic_load(&s->fetched_total),
		.failed_total = atomic_load(&s->failed_total),
		.bytes_total = atomic_load(&s->bytes_total),
		.commits_total = atomic_load(&s->commits_total),
		.commit_errors_total = atomic_load(&s->commit_errors_total),
	};
}
