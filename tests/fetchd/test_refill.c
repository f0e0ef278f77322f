/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/errgroup.h"
#include "runtime/goroutine.h"
#include "src/fetchd/refill.h"
#include "tests/harness.h"

/* ---- a store of chunks in memory ---- */

struct memory {
	struct store store;
	struct store_chunk *chunks;
	uint32_t len;
	_Atomic uint32_t reads, data_reads;
};

static int copy_chunk(const struct store_chunk *from, bool want_data, struct store_chunk *to)
{
	*to = (struct store_chunk){ .batch = from->batch,
				    .chunk = from->chunk,
				    .jobs = from->jobs };
	buf_append_str(&to->runs, buf_str(&from->runs));
	buf_append_str(&to->done, buf_str(&from->done));
	if (want_data)
		buf_append_str(&to->data, buf_str(&from->data));
	return 0;
}

static int memory_read(struct store *s, uint64_t batch, uint32_t chunk, bool want_data,
		       struct store_chunk *ret_chunk)
{
	struct memory *m = CONTAINER_OF(s, struct memory, store);
	atomic_fetch_add(want_data ? &m->data_reads : &m->reads, 1);
	goroutine_yield();
	for (uint32_t i = 0; i < m->len; i++)
		if (m->chunks[i].batch == batch && m->chunks[i].chunk == chunk)
			return copy_chunk(&m->chunks[i], want_data, ret_chunk);
	return -ENOENT;
}

static const struct store_ops memory_ops = { .chunk_read = memory_read };

static struct store_chunk *memory_chunk(struct memory *m, uint64_t batch, uint32_t chunk)
{
	m->chunks = realloc(m->chunks, (m->len + 1) * sizeof(*m->chunks));
	struct store_chunk *c = &m->chunks[m->len++];
	*c = (struct store_chunk){ .batch = batch, .chunk = chunk };
	return c;
}

static void add_run(struct store_chunk *c, const char *origin, uint32_t jobs)
{
	struct store_run run = { .origin = str_of(origin),
				 .first = c->jobs,
				 .count = jobs,
				 .offset = (uint32_t)c->data.len };
	CHECK_OK(store_runs_add(&c->runs, &run));
	for (uint32_t i = 0; i < jobs; i++, c->jobs++)
		buf_printf(&c->data, "%u/%u\n", c->chunk, c->jobs);
	while (c->done.len < (c->jobs + 7) / 8)
		buf_append_char(&c->done, 0);
}

static void memory_done(struct memory *m)
{
	for (uint32_t i = 0; i < m->len; i++)
		store_chunk_done(&m->chunks[i]);
	free(m->chunks);
}

/* ---- a refill at work ---- */

struct work {
	struct memory memory;
	struct hostq q;
	struct refill refill;
	struct source sources[2];
	struct context *ctx;
	struct errgroup *group;
};

static void no_free(struct source *s)
{
	(void)s;
}

static void work_begin(struct work *w, uint32_t max_per_host, uint32_t window)
{
	w->memory.store.ops = &memory_ops;
	hostq_init(&w->q, max_per_host, window);
	w->ctx = context_with_cancel(context_background());
	w->group = errgroup_new(w->ctx);
	w->refill = (struct refill){ .q = &w->q, .store = &w->memory.store, .ctx = w->ctx };
	errgroup_go(w->group, refill_run, &w->refill);
}

static void work_add(struct work *w, int i, uint64_t batch)
{
	w->sources[i] = (struct source){ .batch = batch, .free = no_free, .settled = no_free };
	source_init(&w->sources[i]);
	hostq_add_source(&w->q, &w->sources[i]);
}

static void work_end(struct work *w, int sources)
{
	context_cancel(w->ctx);
	CHECK_EQ(errgroup_wait(w->group), 0);
	for (int i = 0; i < sources; i++)
		hostq_stop_source(&w->q, &w->sources[i]);
	CHECK_EQ(w->q.parked, 0);
	hostq_done(&w->q);
	context_unref(w->ctx);
	memory_done(&w->memory);
}

/* The next job, waiting for refill. */
static struct job *next_job(struct work *w)
{
	struct job *job;
	while ((job = hostq_pop(&w->q)) == NULL)
		chan_recv(w->q.work, NULL);
	return job;
}

static struct str origin_of(const struct job *job)
{
	return str_make(job->host->origin, job->host->origin_len);
}

/* Takes n jobs and marks them in seen; fails on one that was seen before. */
static void take(struct work *w, uint32_t n, unsigned char *seen)
{
	for (uint32_t i = 0; i < n; i++) {
		struct job *job = next_job(w);
		uint32_t at = job->chunk * STORE_CHUNK_JOBS + job->place;
		char want[32];
		int len = snprintf(want, sizeof(want), "%u/%u", job->chunk, job->place);
		CHECK(str_eq(str_make(job->line, job->len), str_make(want, (size_t)len)));
		CHECK_EQ(seen[at], 0);
		seen[at] = 1;
		hostq_finish(&w->q, job);
	}
}

TEST_GO(refill_loads_every_job_once_and_in_bounds)
{
	static struct work w;
	work_begin(&w, 4, 64);
	for (uint32_t i = 0; i < 20; i++) {
		struct store_chunk *c = memory_chunk(&w.memory, 1, i);
		add_run(c, "http://a:80", 100);
		add_run(c, "http://b:80", 30);
		add_run(c, "http://c:80", 1);
	}
	unsigned char *seen = calloc(20, STORE_CHUNK_JOBS);
	work_add(&w, 0, 1);
	for (int i = 0; i < 131; i++) {
		take(&w, 20, seen);
		struct hostq_stats stats;
		hostq_stats(&w.q, &stats);
		CHECK_LE(stats.queued + stats.in_flight, 64);
	}
	CHECK(hostq_pop(&w.q) == NULL);
	CHECK(!hostq_loading(&w.q));
	free(seen);
	work_end(&w, 1);
}

TEST_GO(refill_skips_jobs_that_are_done)
{
	static struct work w;
	work_begin(&w, 0, 64);
	struct store_chunk *c = memory_chunk(&w.memory, 1, 0);
	add_run(c, "http://a:80", 3000);
	memset(c->done.data, 0xff, c->done.len);
	c = memory_chunk(&w.memory, 1, 1);
	add_run(c, "http://a:80", 10);
	c->done.data[0] = (char)0xfe; /* all but place 0 of the first eight */
	work_add(&w, 0, 1);
	unsigned char *seen = calloc(2, STORE_CHUNK_JOBS);
	take(&w, 3, seen);
	CHECK_EQ(seen[STORE_CHUNK_JOBS + 0] + seen[STORE_CHUNK_JOBS + 8] +
			 seen[STORE_CHUNK_JOBS + 9],
		 3);
	CHECK_EQ(atomic_load(&w.memory.data_reads), 1); /* the first chunk's lines were not read */
	free(seen);
	work_end(&w, 1);
}

TEST_GO(refill_reaches_hosts_behind_a_slow_one)
{
	static struct work w;
	work_begin(&w, 1, 64);
	for (uint32_t i = 0; i < 50; i++)
		add_run(memory_chunk(&w.memory, 1, i), "http://slow:80", 8000);
	add_run(memory_chunk(&w.memory, 1, 50), "http://fast:80", 10);
	work_add(&w, 0, 1);
	struct job *slow = next_job(&w);
	CHECK(str_eq(origin_of(slow), STR("http://slow:80")));
	for (int i = 0; i < 10; i++) {
		struct job *job = next_job(&w);
		CHECK(str_eq(origin_of(job), STR("http://fast:80")));
		hostq_finish(&w.q, job);
	}
	CHECK_LE(atomic_load(&w.memory.data_reads), 3);
	hostq_finish(&w.q, slow);
	work_end(&w, 1);
}

TEST_GO(refill_shares_the_window_between_batches)
{
	static struct work w;
	work_begin(&w, 0, 100);
	for (uint32_t i = 0; i < 10; i++)
		add_run(memory_chunk(&w.memory, 1, i), i % 2 ? "http://a:80" : "http://b:80", 1000);
	add_run(memory_chunk(&w.memory, 2, 0), "http://c:80", 1000);
	work_add(&w, 0, 1);
	uint32_t queued = 0, in_flight = 0;
	while (queued < 100) {
		hostq_source_counts(&w.q, &w.sources[0], &queued, &in_flight);
		goroutine_yield();
	}
	work_add(&w, 1, 2);
	/* Its half is 50, short of what refill lets go before it looks again: an eighth of the window. */
	do {
		hostq_finish(&w.q, next_job(&w));
		hostq_source_counts(&w.q, &w.sources[1], &queued, &in_flight);
	} while (queued < 40);
	work_end(&w, 2);
}

TEST_GO(refill_reads_a_chunk_once_for_many_small_steps)
{
	static struct work w;
	work_begin(&w, 1, 1000);
	add_run(memory_chunk(&w.memory, 1, 0), "http://a:80", 8000);
	unsigned char *seen = calloc(1, STORE_CHUNK_JOBS);
	work_add(&w, 0, 1);
	take(&w, 8000, seen);
	CHECK_EQ(atomic_load(&w.memory.data_reads), 1);
	free(seen);
	work_end(&w, 1);
}
