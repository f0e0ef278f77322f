/* SPDX-License-Identifier: MIT
 *
 * hostq_fill: how jobs come into the queues: sources, offers, claims. One refill goroutine calls
 * most of it; the lock is hostq.c's.
 *
 * Between an offer (or claim) and its put, refill reads the store and may park. Meanwhile the lane
 * is pinned, so that it and its host stay; the source is pinned too, so that a cancelled batch
 * knows that nothing of it is under way before it writes records for what is left. A source that
 * was stopped meanwhile gets nothing: put frees what it was given.
 */
#include <stdlib.h>

#include "src/fetchd/hostq.h"

#define CLAIM_LOOKS 256

/* ---- sources ---- */

void source_init(struct source *s)
{
	*s = (struct source){
		.batch = s->batch, .free = s->free, .settled = s->settled, .refs = 1
	};
	list_init(&s->node);
	list_init(&s->lanes);
}

struct source *source_ref(struct source *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void source_unref(struct source *s)
{
	if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		s->free(s);
}

/* Keeps count of the sources that have something to load: the window is shared by them. */
static void source_update(struct hostq *q, struct source *s)
{
	bool loading = !s->stopped && (s->scanning || s->parked > 0);
	if (loading != s->loading)
		q->loading_len += loading ? 1 : -1U;
	s->loading = loading;
}

void hostq_add_source(struct hostq *q, struct source *s)
{
	lock_acquire(&q->lock);
	if (!s->stopped) { /* a cancel may have come first */
		source_ref(s);
		s->scanning = true;
		list_push_back(&q->sources, &s->node);
		q->sources_len++;
		q->news = true;
		source_update(q, s);
	}
	hostq__unlock(q);
}

/* True when the ring's reference is the caller's to drop. */
static bool end_scan(struct hostq *q, struct source *s)
{
	if (!s->scanning)
		return false;
	s->scanning = false;
	list_remove(&s->node);
	q->sources_len--;
	source_update(q, s);
	return true;
}

static void move_all(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->prev->next = to;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	to->prev = from->prev;
	list_init(from);
}

static void empty_lane(struct hostq *q, struct lane *lane, struct list *jobs, struct list *runs)
{
	struct host *h = lane->host;
	struct source *s = lane->source;
	move_all(jobs, &lane->jobs);
	move_all(runs, &lane->parked);
	h->queued -= lane->jobs_len;
	q->queued -= lane->jobs_len;
	q->held_bytes -= lane->bytes;
	q->parked -= lane->parked_len;
	s->queued -= lane->jobs_len;
	s->parked -= lane->parked_len;
	lane->jobs_len = lane->parked_len = 0;
	lane->bytes = 0;
	hostq__lane_update(lane);
	hostq__update(q, h);
}

/* Empties up to 64 lanes; false when all are. A pinned one stays, empty. */
static bool empty_some(struct hostq *q, struct source *s, struct list *jobs, struct list *runs)
{
	int budget = 64;
	list_for_each_safe (node, tmp, &s->lanes) {
		struct lane *lane = CONTAINER_OF(node, struct lane, of_source);
		if (lane->jobs_len == 0 && lane->parked_len == 0)
			continue;
		if (budget-- == 0)
			return true;
		empty_lane(q, lane, jobs, runs);
	}
	return false;
}

static void free_jobs(struct list *jobs)
{
	for (struct list *node; (node = list_pop_front(jobs)) != NULL;)
		free(CONTAINER_OF(node, struct job, node));
}

static void free_runs(struct list *runs)
{
	for (struct list *node; (node = list_pop_front(runs)) != NULL;)
		free(CONTAINER_OF(node, struct parked, node));
}

void hostq_stop_source(struct hostq *q, struct source *s)
{
	struct list jobs, runs;
	list_init(&jobs);
	list_init(&runs);
	lock_acquire(&q->lock);
	s->stopped = true;
	bool drop = end_scan(q, s);
	while (empty_some(q, s, &jobs, &runs)) {
		hostq__unlock(q);
		lock_acquire(&q->lock);
	}
	source_update(q, s);
	hostq__unlock(q);
	free_jobs(&jobs);
	free_runs(&runs);
	if (drop)
		source_unref(s);
}

void hostq_source_counts(struct hostq *q, struct source *s, uint32_t *ret_queued,
			 uint32_t *ret_in_flight)
{
	lock_acquire(&q->lock);
	*ret_queued = s->queued;
	*ret_in_flight = s->in_flight;
	lock_release(&q->lock);
}

/* ---- refill's turns ---- */

void hostq_refill_arm(struct hostq *q)
{
	lock_acquire(&q->lock);
	q->refill_waits = true;
	q->news = false;
	q->wake_at = (uint32_t)((uint64_t)(q->queued + q->in_flight) * 7 / 8);
	lock_release(&q->lock);
}

uint32_t hostq_turns(struct hostq *q)
{
	lock_acquire(&q->lock);
	uint32_t turns = q->sources_len;
	lock_release(&q->lock);
	return turns;
}

uint32_t hostq_hungry(struct hostq *q)
{
	lock_acquire(&q->lock);
	uint32_t turns = q->hungry_len;
	lock_release(&q->lock);
	return turns;
}

bool hostq_loading(struct hostq *q)
{
	lock_acquire(&q->lock);
	bool loading = q->loading_len > 0;
	lock_release(&q->lock);
	return loading;
}

static void pin(struct source *s)
{
	s->pins++;
	source_ref(s);
}

/* Behind the lock: the last that refill does with s. */
static void unpinned(struct source *s, bool tell)
{
	if (tell)
		s->settled(s);
	source_unref(s);
}

static bool unpin(struct source *s)
{
	return --s->pins == 0 && s->stopped && s->in_flight == 0;
}

struct source *hostq_take_source(struct hostq *q, uint32_t *turns)
{
	struct source *s = NULL;
	lock_acquire(&q->lock);
	struct list *node = *turns > 0 ? list_pop_front(&q->sources) : NULL;
	if (node != NULL) {
		(*turns)--;
		list_push_back(&q->sources, node);
		s = CONTAINER_OF(node, struct source, node);
		pin(s);
	}
	lock_release(&q->lock);
	return s;
}

void hostq_give_source(struct hostq *q, struct source *s, bool scanned)
{
	lock_acquire(&q->lock);
	bool drop = scanned && end_scan(q, s);
	bool tell = unpin(s);
	hostq__unlock(q);
	if (drop)
		source_unref(s);
	unpinned(s, tell);
}

/* ---- room ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t left(uint32_t limit, uint32_t used)
{
	return limit > used ? limit - used : 0;
}

static uint32_t window_room(const struct hostq *q, const struct source *s)
{
	if (q->held_bytes >= HELD_BYTES_MAX || s->stopped)
		return 0;
	uint32_t share = q->loading_len > 1 ? q->window / q->loading_len : q->window;
	return least(left(q->window, q->queued + q->in_flight),
		     left(share ? share : 1, s->queued + s->in_flight));
}

static uint32_t lane_room(const struct hostq *q, const struct lane *lane)
{
	return least(window_room(q, lane->source), left(q->depth, lane->host->queued));
}

bool hostq_has_room(struct hostq *q, struct source *s)
{
	lock_acquire(&q->lock);
	bool room = window_room(q, s) > 0 && q->parked < PARKED_MAX;
	lock_release(&q->lock);
	return room;
}

/* ---- lanes ---- */

static struct lane *find_lane(struct host *h, struct source *s)
{
	list_for_each (node, &h->lanes) {
		struct lane *lane = CONTAINER_OF(node, struct lane, of_host);
		if (lane->source == s)
			return lane;
	}
	return NULL;
}

static struct lane *make_lane(struct host *h, struct source *s)
{
	struct lane *lane = malloc(sizeof(*lane));
	if (lane == NULL)
		return NULL;
	*lane = (struct lane){ .host = h, .source = s };
	list_init(&lane->ready);
	list_init(&lane->waiting);
	list_init(&lane->jobs);
	list_init(&lane->parked);
	list_push_back(&h->lanes, &lane->of_host);
	list_push_back(&s->lanes, &lane->of_source);
	return lane;
}

struct lane *hostq_offer(struct hostq *q, struct source *s, struct str origin, uint32_t *ret_room)
{
	struct lane *lane = NULL;
	lock_acquire(&q->lock);
	struct host *h = hostq__host(q, origin);
	if (h != NULL) {
		lane = find_lane(h, s);
		if (lane == NULL)
			lane = make_lane(h, s);
	}
	if (lane != NULL) {
		lane->pins++;
		pin(s);
		*ret_room = lane_room(q, lane);
	} else if (h != NULL) {
		hostq__forget(q, h);
	}
	lock_release(&q->lock);
	return lane;
}

/* The lane whose turn it is at a hungry host. */
static struct lane *next_waiting(struct host *h)
{
	struct list *node = list_pop_front(&h->waiting);
	list_push_back(&h->waiting, node);
	return CONTAINER_OF(node, struct lane, waiting);
}

static struct parked *take_run(struct hostq *q, struct lane *lane)
{
	struct parked *run = CONTAINER_OF(list_pop_front(&lane->parked), struct parked, node);
	lane->parked_len--;
	lane->source->parked--;
	q->parked--;
	return run;
}

/* The next lane with room. The lock isn't held for a long look: after CLAIM_LOOKS this pass ends,
 * and news call for another. */
static struct lane *find_claim(struct hostq *q, uint32_t *turns, uint32_t *ret_room)
{
	for (int looks = 0; *turns > 0 && !list_empty(&q->hungry); looks++) {
		if (looks == CLAIM_LOOKS) {
			q->news = true;
			*turns = 0;
			break;
		}
		(*turns)--;
		struct list *node = list_pop_front(&q->hungry);
		list_push_back(&q->hungry, node);
		struct lane *lane = next_waiting(CONTAINER_OF(node, struct host, hungry_node));
		*ret_room = lane_room(q, lane);
		if (*ret_room > 0)
			return lane;
	}
	return NULL;
}

struct lane *hostq_claim(struct hostq *q, uint32_t *turns, uint32_t *ret_room,
			 struct parked **ret_run)
{
	lock_acquire(&q->lock);
	struct lane *lane = find_claim(q, turns, ret_room);
	if (lane != NULL) {
		lane->pins++;
		pin(lane->source);
		*ret_run = take_run(q, lane);
		hostq__lane_update(lane);
		hostq__update(q, lane->host);
	}
	lock_release(&q->lock);
	return lane;
}

void fill_init(struct fill *f)
{
	*f = (struct fill){ 0 };
	list_init(&f->jobs);
}

static void add_jobs(struct hostq *q, struct lane *lane, struct fill *f)
{
	list_for_each (node, &f->jobs) {
		struct job *job = CONTAINER_OF(node, struct job, node);
		job->source = lane->source;
		job->host = lane->host;
	}
	move_all(&lane->jobs, &f->jobs);
	lane->jobs_len += f->len;
	lane->bytes += f->bytes;
	lane->host->queued += f->len;
	lane->source->queued += f->len;
	q->queued += f->len;
	q->held_bytes += f->bytes;
}

static void add_run(struct hostq *q, struct lane *lane, struct parked *run, bool first)
{
	if (first)
		list_push_front(&lane->parked, &run->node);
	else
		list_push_back(&lane->parked, &run->node);
	lane->parked_len++;
	lane->source->parked++;
	q->parked++;
}

void hostq_put(struct hostq *q, struct lane *lane, struct fill *f, struct parked *rest, bool first)
{
	struct source *s = lane->source;
	struct host *h = lane->host;
	lock_acquire(&q->lock);
	bool refused = s->stopped;
	if (!refused) {
		add_jobs(q, lane, f);
		if (rest != NULL)
			add_run(q, lane, rest, first);
	}
	lane->pins--;
	source_update(q, s);
	hostq__lane_update(lane);
	hostq__update(q, h);
	bool tell = unpin(s);
	hostq__unlock(q);
	if (refused) {
		free_jobs(&f->jobs);
		free(rest);
	}
	unpinned(s, tell);
}
