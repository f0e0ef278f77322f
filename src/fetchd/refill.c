/* SPDX-License-Identifier: MIT
 *
 * refill: which job comes into memory next.
 *
 * First what hungry hosts have parked, then, source after source in turn, the next chunks in order.
 * Of a chunk only the run directory and the bitmap are read at first; its lines only when a host of
 * it has room. A run goes as far as its host, the source's share and the window have room; what is
 * left of it is parked: 40 bytes that say where it lies. So each chunk is looked at once, a host
 * with a million jobs costs a few of them at a time, and those behind it are reached at once.
 *
 * Positions only go forward: a job behind a run's place was never loaded by this process, so a set
 * bit in however old a copy of the bitmap means done, and a clear one means not yet. Errors of the
 * store are told once and tried again every second; they hold up the chunk they came from, nothing
 * else.
 */
#define _GNU_SOURCE /* strerrordesc_np */
#include "src/fetchd/refill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/select.h"
#include "runtime/ticker.h"
#include "src/common/log.h"

#define RETRY_NS SECOND

/* ---- chunks with their lines ---- */

static void cache_drop(struct cached_chunk *c)
{
	store_chunk_done(&c->chunk);
	*c = (struct cached_chunk){ 0 };
}

static struct cached_chunk *cache_find(struct refill *r, uint64_t batch, uint32_t chunk)
{
	struct cached_chunk *oldest = &r->cache[0];
	for (size_t i = 0; i < REFILL_CACHE; i++) {
		struct cached_chunk *c = &r->cache[i];
		if (c->chunk.batch == batch && c->chunk.chunk == chunk)
			return c;
		if (c->used < oldest->used)
			oldest = c;
	}
	return oldest;
}

/* The chunk with its lines, valid until the next call. */
static int cache_get(struct refill *r, uint64_t batch, uint32_t chunk,
		     const struct store_chunk **ret_chunk)
{
	struct cached_chunk *c = cache_find(r, batch, chunk);
	if (c->chunk.batch != batch || c->chunk.chunk != chunk) {
		cache_drop(c);
		int err = r->store->ops->chunk_read(r->store, batch, chunk, true, &c->chunk);
		if (err)
			return err;
	}
	c->used = ++r->turn;
	*ret_chunk = &c->chunk;
	return 0;
}

static void cache_clear(struct refill *r)
{
	for (size_t i = 0; i < REFILL_CACHE; i++)
		cache_drop(&r->cache[i]);
}

/* ---- lines into jobs ---- */

static bool is_done(const struct store_chunk *c, uint32_t place)
{
	return (unsigned char)c->done.data[place / 8] & 1U << place % 8;
}

static struct job *make_job(const struct store_chunk *c, uint32_t place, const char *line,
			    size_t len)
{
	struct job *job = malloc(sizeof(*job) + len);
	if (job == NULL)
		return NULL;
	*job = (struct job){ .chunk = c->chunk, .place = place, .len = (uint32_t)len };
	memcpy(job->line, line, len);
	return job;
}

/* Moves run forward over its jobs until room of them are in f. */
static int read_run(const struct store_chunk *c, struct parked *run, uint32_t room, struct fill *f)
{
	while (run->count > 0 && f->len < room) {
		const char *line = c->data.data + run->offset;
		const char *end = run->offset < c->data.len
					  ? memchr(line, '\n', c->data.len - run->offset)
					  : NULL;
		if (end == NULL || run->place >= c->jobs)
			return -EIO; /* the directory doesn't fit the lines */
		size_t len = (size_t)(end - line);
		if (!is_done(c, run->place)) {
			struct job *job = make_job(c, run->place, line, len);
			if (job == NULL)
				return -ENOMEM;
			list_push_back(&f->jobs, &job->node);
			f->len++;
			f->bytes += len;
		}
		run->place++;
		run->count--;
		run->offset += (uint32_t)len + 1;
	}
	return 0;
}

/* Takes what fits of the run to the lane; parks what is left. Owns run. */
static int fill_lane(struct refill *r, struct lane *lane, uint64_t batch, uint32_t room,
		     struct parked *run, bool first)
{
	struct fill f;
	fill_init(&f);
	int err = 0;
	if (room > 0) {
		const struct store_chunk *c;
		err = cache_get(r, batch, run->chunk, &c);
		if (!err)
			err = read_run(c, run, room, &f);
	}
	if (run->count == 0) {
		free(run);
		run = NULL;
	}
	hostq_put(r->q, lane, &f, run, first);
	return err;
}

/* ---- hungry hosts ---- */

static int feed_hungry(struct refill *r, bool *ret_did)
{
	uint32_t turns = hostq_hungry(r->q), room;
	struct parked *run;
	struct lane *lane;
	int err = 0;
	while ((lane = hostq_claim(r->q, &turns, &room, &run)) != NULL) {
		int result = fill_lane(r, lane, lane->source->batch, room, run, true);
		if (result)
			err = result;
		*ret_did = true;
	}
	return err;
}

/* ---- the next chunks ---- */

static bool all_done(const struct store_chunk *c, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!is_done(c, first + i))
			return false;
	return true;
}

/* The run is taken, all of it, unless r->spare is still there. */
static int fill_run(struct refill *r, struct source *s, uint32_t chunk, const struct store_run *run)
{
	uint32_t room;
	struct lane *lane = hostq_offer(r->q, s, run->origin, &room);
	if (lane == NULL)
		return -ENOMEM;
	struct parked *left = r->spare;
	r->spare = NULL;
	*left = (struct parked){
		.chunk = chunk,
		.place = run->first,
		.count = run->count,
		.offset = run->offset,
	};
	return fill_lane(r, lane, s->batch, room, left, false);
}

/* The directory's runs from s->cursor on, until the window is full. */
static int fill_chunk(struct refill *r, struct source *s, const struct store_chunk *c,
		      bool *ret_did)
{
	struct store_run run;
	for (size_t next = s->cursor; store_runs_next(&c->runs, &next, &run); s->cursor = next) {
		if ((uint64_t)run.first + run.count > c->jobs)
			return -EIO;
		if (all_done(c, run.first, run.count))
			continue;
		if (!hostq_has_room(r->q, s))
			return 0;
		if (r->spare == NULL && (r->spare = malloc(sizeof(*r->spare))) == NULL)
			return -ENOMEM;
		int err = fill_run(r, s, c->chunk, &run);
		if (r->spare != NULL)
			return err;
		*ret_did = true;
		if (err) {
			s->cursor = next; /* what wasn't read of it is parked */
			return err;
		}
	}
	s->chunk++;
	s->cursor = 0;
	*ret_did = true;
	return 0;
}

/* -ENOENT: all chunks of s were looked at. */
static int scan_source(struct refill *r, struct source *s, bool *ret_did)
{
	if (!hostq_has_room(r->q, s))
		return 0;
	struct store_chunk c = { 0 };
	int err = r->store->ops->chunk_read(r->store, s->batch, s->chunk, false, &c);
	if (!err)
		err = fill_chunk(r, s, &c, ret_did);
	store_chunk_done(&c);
	return err;
}

static int scan_sources(struct refill *r, bool *ret_did)
{
	uint32_t turns = hostq_turns(r->q);
	struct source *s;
	int err = 0;
	while ((s = hostq_take_source(r->q, &turns)) != NULL) {
		int result = scan_source(r, s, ret_did);
		if (result != 0 && result != -ENOENT)
			err = result;
		hostq_give_source(r->q, s, result == -ENOENT);
	}
	return err;
}

/* ---- the loop ---- */

static void tell(struct refill *r, int err)
{
	if (err && err != r->err)
		log_err("jobs can't be read from the store: %s; trying again every second",
			strerrordesc_np(-err));
	if (!err && r->err)
		log_info("jobs can be read from the store again");
	r->err = err;
}

/* Parks until there is something to do, or for a second after an error. */
static void wait_for_work(struct refill *r, int err)
{
	enum {
		ON_ROOM,
		ON_RETRY,
		ON_STOP
	};
	time_chan retry = err ? time_after(RETRY_NS) : (time_chan){ 0 };
	struct select_case cases[] = {
		[ON_ROOM] = on_recv(err ? (done_chan){ 0 } : r->q->room, NULL),
		[ON_RETRY] = on_recv(retry, NULL),
		[ON_STOP] = on_recv(context_done(r->ctx), NULL),
	};
	select_wait(cases);
	chan_unref(retry);
}

int refill_run(void *refill)
{
	struct refill *r = refill;
	while (context_err(r->ctx) == 0) {
		hostq_refill_arm(r->q);
		bool did = false;
		int hungry = feed_hungry(r, &did);
		int scan = scan_sources(r, &did);
		int err = hungry ? hungry : scan;
		tell(r, err);
		if (did && !err)
			continue;
		if (!hostq_loading(r->q))
			cache_clear(r);
		wait_for_work(r, err);
	}
	cache_clear(r);
	free(r->spare);
	return 0;
}
