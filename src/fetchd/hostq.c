/* SPDX-License-Identifier: MIT
 *
 * hostq: what may start now. The hosts' table, the rings, and the dispatcher's side.
 *
 * Every change happens under q->lock and ends with hostq__update of the host it touched, which puts
 * the host where it belongs, and hostq__unlock, which looks at the whole and wakes the dispatcher
 * or refill when what they wait for has come about. So no caller has to think of a wake-up. The
 * lock is held for some tens of instructions; tokens are sent behind it.
 */
#include "src/fetchd/hostq.h"

#include <stdlib.h>

#include "runtime/rand.h"

#define DEPTH_MIN   16 /* jobs queued for a host, whatever its limit */
#define BUCKETS_MIN 64

static bool may_start(const struct hostq *q, const struct host *h)
{
	return h->queued > 0 && h->in_flight < q->max_per_host;
}

/* ---- the hosts' table ---- */

/* FNV-1a, begun at a seed that a stranger doesn't know. */
static uint64_t hash_origin(const struct hostq *q, struct str origin)
{
	uint64_t h = q->seed;
	for (size_t i = 0; i < origin.len; i++)
		h = (h ^ (unsigned char)origin.data[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

static void grow_table(struct hostq *q)
{
	size_t len = q->buckets_len ? 2 * q->buckets_len : BUCKETS_MIN;
	struct host **buckets = calloc(len, sizeof(struct host *));
	if (buckets == NULL)
		return; /* longer chains, then */
	for (size_t i = 0; i < q->buckets_len; i++) {
		for (struct host *h = q->buckets[i], *next; h != NULL; h = next) {
			next = h->chain;
			h->chain = buckets[h->hash & (len - 1)];
			buckets[h->hash & (len - 1)] = h;
		}
	}
	free(q->buckets);
	q->buckets = buckets;
	q->buckets_len = len;
}

static struct host *make_host(struct hostq *q, struct str origin, uint64_t hash)
{
	if (q->hosts_len >= q->buckets_len)
		grow_table(q);
	struct host *h = q->buckets_len ? malloc(sizeof(*h) + origin.len) : NULL;
	if (h == NULL)
		return NULL;
	*h = (struct host){ .hash = hash, .origin_len = (uint32_t)origin.len };
	memcpy(h->origin, origin.data, origin.len);
	list_init(&h->ready_node);
	list_init(&h->hungry_node);
	list_init(&h->lanes);
	list_init(&h->ready);
	list_init(&h->waiting);
	struct host **bucket = &q->buckets[hash & (q->buckets_len - 1)];
	h->chain = *bucket;
	*bucket = h;
	q->hosts_len++;
	return h;
}

struct host *hostq__host(struct hostq *q, struct str origin)
{
	uint64_t hash = hash_origin(q, origin);
	struct host *h = q->buckets_len ? q->buckets[hash & (q->buckets_len - 1)] : NULL;
	for (; h != NULL; h = h->chain)
		if (h->hash == hash && str_eq(str_make(h->origin, h->origin_len), origin))
			return h;
	return make_host(q, origin, hash);
}

void hostq__forget(struct hostq *q, struct host *h)
{
	if (h->in_flight > 0 || !list_empty(&h->lanes))
		return;
	struct host **at = &q->buckets[h->hash & (q->buckets_len - 1)];
	while (*at != h)
		at = &(*at)->chain;
	*at = h->chain;
	q->hosts_len--;
	free(h);
}

/* ---- the rings ---- */

/* In the ring or not, as wanted; true when it wasn't and is now. */
static bool set_member(struct list *ring, struct list *node, bool wanted)
{
	if (wanted == list_linked(node))
		return false;
	if (wanted)
		list_push_back(ring, node);
	else
		list_remove(node);
	return wanted;
}

void hostq__update(struct hostq *q, struct host *h)
{
	set_member(&q->ready, &h->ready_node, may_start(q, h));
	bool was_hungry = list_linked(&h->hungry_node);
	bool hungry = !list_empty(&h->waiting) && h->queued <= q->depth / 2;
	if (set_member(&q->hungry, &h->hungry_node, hungry))
		q->news = true;
	if (hungry != was_hungry)
		q->hungry_len += hungry ? 1 : -1U;
	hostq__forget(q, h);
}

void hostq__lane_update(struct lane *lane)
{
	set_member(&lane->host->ready, &lane->ready, lane->jobs_len > 0);
	set_member(&lane->host->waiting, &lane->waiting, lane->parked_len > 0);
	if (lane->jobs_len == 0 && lane->parked_len == 0 && lane->pins == 0) {
		list_remove(&lane->of_host);
		list_remove(&lane->of_source);
		free(lane);
	}
}

static bool backlogged(const struct hostq *q)
{
	return atomic_load(&q->backlog) > BACKLOG_MAX;
}

/* Refill is worth its while: something new came and a sixteenth of the window is free, or as many
 * jobs as it asked for are gone. */
static bool worth_refilling(const struct hostq *q)
{
	uint32_t held = q->queued + q->in_flight;
	uint32_t step = q->window / 16 > 0 ? q->window / 16 : 1;
	if (q->news && held + step <= q->window)
		return true;
	return held <= q->wake_at && (!list_empty(&q->sources) || !list_empty(&q->hungry));
}

void hostq__unlock(struct hostq *q)
{
	bool work = q->dispatcher_waits && !list_empty(&q->ready) && !backlogged(q);
	bool room = q->refill_waits && worth_refilling(q);
	if (work)
		q->dispatcher_waits = false;
	if (room)
		q->refill_waits = false;
	lock_release(&q->lock);
	if (work)
		(void)chan_try_send(q->work, NOTHING);
	if (room)
		(void)chan_try_send(q->room, NOTHING);
}

/* ---- the dispatcher's side ---- */

/* The host's next job; its lanes take turns. */
static struct job *take_job(struct hostq *q, struct host *h)
{
	struct lane *lane = CONTAINER_OF(list_pop_front(&h->ready), struct lane, ready);
	struct job *job = CONTAINER_OF(list_pop_front(&lane->jobs), struct job, node);
	lane->jobs_len--;
	lane->bytes -= job->len;
	h->queued--;
	h->in_flight++;
	q->queued--;
	q->in_flight++;
	job->source->queued--;
	job->source->in_flight++;
	hostq__lane_update(lane);
	return job;
}

struct job *hostq_pop(struct hostq *q)
{
	lock_acquire(&q->lock);
	struct list *node = backlogged(q) ? NULL : list_pop_front(&q->ready);
	if (node == NULL) {
		q->dispatcher_waits = true;
		lock_release(&q->lock);
		return NULL;
	}
	struct host *h = CONTAINER_OF(node, struct host, ready_node);
	struct job *job = take_job(q, h);
	source_ref(job->source);
	hostq__update(q, h);
	hostq__unlock(q);
	return job;
}

static bool settled(const struct source *s)
{
	return s->stopped && s->in_flight == 0 && s->pins == 0;
}

void hostq_finish(struct hostq *q, struct job *job)
{
	struct source *s = job->source;
	lock_acquire(&q->lock);
	job->host->in_flight--;
	q->in_flight--;
	q->held_bytes -= job->len;
	s->in_flight--;
	bool tell = settled(s);
	hostq__update(q, job->host);
	hostq__unlock(q);
	free(job);
	if (tell)
		s->settled(s);
	source_unref(s);
}

void hostq_backlog_add(struct hostq *q, size_t bytes)
{
	atomic_fetch_add(&q->backlog, bytes);
}

void hostq_backlog_sub(struct hostq *q, size_t bytes)
{
	atomic_fetch_sub(&q->backlog, bytes);
	lock_acquire(&q->lock);
	hostq__unlock(q);
}

bool hostq_settled(struct hostq *q, struct source *s)
{
	lock_acquire(&q->lock);
	bool yes = settled(s);
	lock_release(&q->lock);
	return yes;
}

/* ---- the whole ---- */

static uint32_t depth_of(uint32_t max_per_host, uint32_t window)
{
	uint32_t depth =
		max_per_host == 0 || max_per_host > window / 2 ? window / 2 : 2 * max_per_host;
	depth = depth < DEPTH_MIN ? DEPTH_MIN : depth;
	return depth < window ? depth : window;
}

void hostq_init(struct hostq *q, uint32_t max_per_host, uint32_t window)
{
	*q = (struct hostq){
		.max_per_host = max_per_host ? max_per_host : UINT32_MAX,
		.depth = depth_of(max_per_host, window),
		.window = window,
		.seed = rand_u64(),
		.work = chan_make(done_chan, 1),
		.room = chan_make(done_chan, 1),
	};
	list_init(&q->ready);
	list_init(&q->hungry);
	list_init(&q->sources);
}

void hostq_done(struct hostq *q)
{
	if (q->hosts_len > 0)
		panic("hostq: freed with %zu hosts in use", q->hosts_len);
	free(q->buckets);
	chan_unref(q->work);
	chan_unref(q->room);
}

void hostq_stats(struct hostq *q, struct hostq_stats *ret_stats)
{
	lock_acquire(&q->lock);
	*ret_stats = (struct hostq_stats){
		.queued = q->queued,
		.in_flight = q->in_flight,
		.starved = q->queued > 0 && list_empty(&q->ready),
	};
	lock_release(&q->lock);
}
