/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"
#include "src/fetchd/hostq.h"
#include "tests/harness.h"

/* ---- helpers ---- */

struct feed {
	struct source source;
	uint32_t next; /* place of the next job */
	bool settled, freed;
};

static void feed_freed(struct source *s)
{
	CONTAINER_OF(s, struct feed, source)->freed = true;
}

static void feed_settled(struct source *s)
{
	CONTAINER_OF(s, struct feed, source)->settled = true;
}

static void feed_init(struct hostq *q, struct feed *f, uint64_t batch)
{
	*f = (struct feed){ .source = {
				    .batch = batch, .free = feed_freed, .settled = feed_settled } };
	source_init(&f->source);
	hostq_add_source(q, &f->source);
}

static void feed_done(struct hostq *q, struct feed *f)
{
	hostq_stop_source(q, &f->source);
	CHECK(hostq_settled(q, &f->source));
	source_unref(&f->source);
	CHECK(f->freed);
}

static struct job *new_job(uint32_t place)
{
	struct job *job = malloc(sizeof(*job) + 10);
	*job = (struct job){ .place = place, .len = 10 };
	return job;
}

static void put_into(struct hostq *q, struct feed *f, struct lane *lane, uint32_t n,
		     struct parked *rest, bool first)
{
	struct fill fill;
	fill_init(&fill);
	for (uint32_t i = 0; i < n; i++, fill.len++, fill.bytes += 10)
		list_push_back(&fill.jobs, &new_job(f->next++)->node);
	hostq_put(q, lane, &fill, rest, first);
}

/* As many of n jobs for origin as there is room for; parks the rest as one run. How many. */
static uint32_t put(struct hostq *q, struct feed *f, struct str origin, uint32_t n)
{
	uint32_t room;
	struct lane *lane = hostq_offer(q, &f->source, origin, &room);
	CHECK(lane != NULL);
	uint32_t fits = n < room ? n : room;
	struct parked *rest = NULL;
	if (fits < n) {
		rest = malloc(sizeof(*rest));
		*rest = (struct parked){ .place = f->next + fits, .count = n - fits };
	}
	put_into(q, f, lane, fits, rest, false);
	return fits;
}

static bool popped_from(const struct job *job, struct str origin)
{
	return str_eq(str_make(job->host->origin, job->host->origin_len), origin);
}

static bool has_token(done_chan c)
{
	return chan_try_recv(c, NULL, NULL);
}

static void finish_all(struct hostq *q)
{
	for (struct job *job; (job = hostq_pop(q)) != NULL;)
		hostq_finish(q, job);
}

static const struct str a = STR_INIT("http://a:80"), b = STR_INIT("http://b:80");

/* ---- what starts when ---- */

TEST_GO(hostq_hosts_take_turns)
{
	struct hostq q;
	struct feed f;
	hostq_init(&q, 0, 100);
	feed_init(&q, &f, 1);
	CHECK_EQ(put(&q, &f, a, 10), 10);
	CHECK_EQ(put(&q, &f, b, 2), 2);
	struct job *jobs[6];
	for (int i = 0; i < 6; i++) {
		jobs[i] = hostq_pop(&q);
		CHECK(popped_from(jobs[i], i == 1 || i == 3 ? b : a));
	}
	CHECK_EQ(jobs[0]->place, 0);
	CHECK_EQ(jobs[2]->place, 1);
	CHECK_EQ(jobs[5]->place, 3);
	for (int i = 0; i < 6; i++)
		hostq_finish(&q, jobs[i]);
	finish_all(&q);
	feed_done(&q, &f);
	CHECK_EQ(q.hosts_len, 0);
	hostq_done(&q);
}

TEST_GO(hostq_limits_what_is_in_flight_at_a_host)
{
	struct hostq q;
	struct feed f;
	hostq_init(&q, 2, 100);
	feed_init(&q, &f, 1);
	CHECK_EQ(put(&q, &f, a, 5), 5);
	struct job *one = hostq_pop(&q), *two = hostq_pop(&q);
	CHECK(one != NULL && two != NULL);
	CHECK(hostq_pop(&q) == NULL);
	CHECK(!has_token(q.work));
	struct hostq_stats stats;
	hostq_stats(&q, &stats);
	CHECK(stats.starved);
	CHECK_EQ(stats.queued, 3);
	CHECK_EQ(stats.in_flight, 2);
	hostq_finish(&q, one);
	CHECK(has_token(q.work)); /* the dispatcher is told */
	one = hostq_pop(&q);
	CHECK_EQ(one->place, 2);
	hostq_finish(&q, one);
	hostq_finish(&q, two);
	finish_all(&q);
	feed_done(&q, &f);
	hostq_done(&q);
}

TEST_GO(hostq_slow_host_does_not_hold_up_the_others)
{
	struct hostq q;
	struct feed f;
	hostq_init(&q, 1, 1000);
	feed_init(&q, &f, 1);
	CHECK_LE(put(&q, &f, a, 10000), 16);
	struct job *slow = hostq_pop(&q);
	CHECK_EQ(put(&q, &f, b, 3), 3);
	for (int i = 0; i < 3; i++) {
		struct job *job = hostq_pop(&q);
		CHECK(popped_from(job, b));
		hostq_finish(&q, job);
	}
	CHECK(hostq_pop(&q) == NULL);
	hostq_finish(&q, slow);
	finish_all(&q);
	feed_done(&q, &f);
	hostq_done(&q);
}

TEST_GO(hostq_batches_take_turns_at_a_host)
{
	struct hostq q;
	struct feed large, small;
	hostq_init(&q, 0, 100);
	feed_init(&q, &large, 1);
	feed_init(&q, &small, 2);
	CHECK_EQ(put(&q, &large, a, 20), 20);
	CHECK_EQ(put(&q, &small, a, 1), 1);
	struct job *first = hostq_pop(&q), *second = hostq_pop(&q);
	CHECK_EQ(first->source->batch, 1);
	CHECK_EQ(second->source->batch, 2);
	hostq_finish(&q, first);
	hostq_finish(&q, second);
	finish_all(&q);
	feed_done(&q, &large);
	feed_done(&q, &small);
	hostq_done(&q);
}

TEST_GO(hostq_starts_nothing_while_results_pile_up)
{
	struct hostq q;
	struct feed f;
	hostq_init(&q, 0, 100);
	feed_init(&q, &f, 1);
	hostq_backlog_add(&q, BACKLOG_MAX + 1);
	CHECK_EQ(put(&q, &f, a, 1), 1);
	CHECK(hostq_pop(&q) == NULL);
	CHECK(!has_token(q.work));
	hostq_backlog_sub(&q, 1);
	CHECK(has_token(q.work));
	struct job *job = hostq_pop(&q);
	CHECK(job != NULL);
	hostq_finish(&q, job);
	feed_done(&q, &f);
	hostq_done(&q);
}

/* ---- bounds ---- */

TEST_GO(hostq_window_and_share_bound_what_is_held)
{
	struct hostq q;
	struct feed f, g;
	hostq_init(&q, 0, 100);
	feed_init(&q, &f, 1);
	CHECK_EQ(put(&q, &f, a, 1000), 50); /* a host gets half of it */
	CHECK_EQ(put(&q, &f, b, 1000), 50);
	CHECK(!hostq_has_room(&q, &f.source));
	feed_init(&q, &g, 2);
	CHECK(!hostq_has_room(&q, &g.source));
	for (int i = 0; i < 60; i++)
		hostq_finish(&q, hostq_pop(&q));
	CHECK(hostq_has_room(&q, &f.source)); /* 40 held, its share is 50 */
	CHECK_EQ(put(&q, &f, STR("http://c:80"), 1000), 10);
	CHECK_EQ(put(&q, &g, STR("http://d:80"), 1000), 50);
	hostq_stop_source(&q, &g.source);
	CHECK(hostq_has_room(&q, &f.source)); /* all of it is f's again */
	feed_done(&q, &g);
	feed_done(&q, &f);
	CHECK_EQ(q.held_bytes, 0);
	CHECK_EQ(q.parked, 0);
	hostq_done(&q);
}

TEST_GO(hostq_host_depth_follows_its_limit)
{
	struct hostq q;
	struct feed f;
	hostq_init(&q, 30, 1000);
	feed_init(&q, &f, 1);
	CHECK_EQ(put(&q, &f, a, 1000), 60);
	CHECK_EQ(put(&q, &f, a, 1000), 0);
	CHECK_EQ(q.parked, 2);
	feed_done(&q, &f);
	hostq_done(&q);
}

/* ---- parked runs ---- */

TEST_GO(hostq_calls_for_parked_runs_when_a_host_has_worked_off_half)
{
	struct hostq q;
	struct feed f;
	hostq_init(&q, 10, 1000);
	feed_init(&q, &f, 1);
	CHECK_EQ(put(&q, &f, a, 100), 20);
	while (has_token(q.room))
		;
	hostq_refill_arm(&q);
	for (int i = 0; i < 9; i++)
		hostq_finish(&q, hostq_pop(&q));
	CHECK_EQ(hostq_hungry(&q), 0);
	hostq_finish(&q, hostq_pop(&q));
	CHECK_EQ(hostq_hungry(&q), 1);
	CHECK(has_token(q.room));
	uint32_t turns = 1, room;
	struct parked *run;
	struct lane *lane = hostq_claim(&q, &turns, &room, &run);
	CHECK(lane != NULL);
	CHECK_EQ(room, 10);
	CHECK_EQ(run->place, 20);
	CHECK_EQ(run->count, 80);
	run->place += 10;
	run->count -= 10;
	put_into(&q, &f, lane, 10, run, true);
	CHECK_EQ(hostq_hungry(&q), 0);
	feed_done(&q, &f);
	hostq_done(&q);
}

TEST_GO(hostq_parked_runs_of_two_batches_take_turns)
{
	struct hostq q;
	struct feed f, g;
	hostq_init(&q, 10, 1000);
	feed_init(&q, &f, 1);
	feed_init(&q, &g, 2);
	CHECK_EQ(put(&q, &f, a, 30), 20);
	CHECK_EQ(put(&q, &f, a, 30), 0);
	CHECK_EQ(put(&q, &g, a, 30), 0);
	uint64_t order[3];
	for (int i = 0; i < 3; i++) {
		finish_all(&q);
		uint32_t turns = 1, room;
		struct parked *run;
		struct lane *lane = hostq_claim(&q, &turns, &room, &run);
		order[i] = lane->source->batch;
		put_into(&q, i == 1 ? &g : &f, lane, run->count < room ? run->count : room, NULL,
			 true);
		free(run);
	}
	CHECK_EQ(order[0], 1);
	CHECK_EQ(order[1], 2);
	CHECK_EQ(order[2], 1);
	feed_done(&q, &f);
	feed_done(&q, &g);
	hostq_done(&q);
}

/* ---- stopping a batch ---- */

TEST_GO(hostq_stopped_batch_settles_when_its_last_request_ends)
{
	struct hostq q;
	struct feed f;
	hostq_init(&q, 0, 100);
	feed_init(&q, &f, 1);
	CHECK_EQ(put(&q, &f, a, 200), 50);
	struct job *one = hostq_pop(&q), *two = hostq_pop(&q);
	hostq_stop_source(&q, &f.source);
	CHECK(hostq_pop(&q) == NULL);
	hostq_finish(&q, one);
	CHECK(!f.settled);
	hostq_finish(&q, two);
	CHECK(f.settled);
	feed_done(&q, &f);
	CHECK_EQ(q.hosts_len, 0);
	CHECK_EQ(q.queued, 0);
	CHECK_EQ(q.parked, 0);
	hostq_done(&q);
}

TEST_GO(hostq_stopped_batch_waits_for_refill_and_takes_nothing_from_it)
{
	struct hostq q;
	struct feed f;
	hostq_init(&q, 0, 100);
	feed_init(&q, &f, 1);
	uint32_t room;
	struct lane *lane = hostq_offer(&q, &f.source, a, &room);
	hostq_stop_source(&q, &f.source);
	CHECK(!hostq_settled(&q, &f.source));
	put_into(&q, &f, lane, 3, calloc(1, sizeof(struct parked)), false);
	CHECK(f.settled);
	CHECK(hostq_pop(&q) == NULL);
	feed_done(&q, &f);
	hostq_done(&q);
}

TEST_GO(hostq_request_may_outlive_its_batch)
{
	struct hostq q;
	struct feed f;
	hostq_init(&q, 0, 100);
	feed_init(&q, &f, 1);
	CHECK_EQ(put(&q, &f, a, 1), 1);
	struct job *job = hostq_pop(&q);
	hostq_stop_source(&q, &f.source);
	source_unref(&f.source); /* deleted */
	CHECK(!f.freed);
	hostq_finish(&q, job);
	CHECK(f.freed);
	hostq_done(&q);
}

/* ---- all at once ---- */

#define STRESS_JOBS 20000

struct stress {
	struct hostq q;
	struct feed feeds[3];
	struct waitgroup wg;
	_Atomic uint32_t finished;
};

static void stress_finish(void *arg)
{
	struct stress *s = arg;
	for (;;) {
		struct job *job = hostq_pop(&s->q);
		if (job == NULL) {
			if (atomic_load(&s->finished) == 3 * STRESS_JOBS)
				break;
			goroutine_yield();
			continue;
		}
		goroutine_yield();
		hostq_finish(&s->q, job);
		atomic_fetch_add(&s->finished, 1);
	}
	waitgroup_done(&s->wg);
}

/* One refill goroutine; every job is put once, in order, whoever stops in between. */
static void stress_fill(void *arg)
{
	struct stress *s = arg;
	char origin[] = "http://h0:80";
	for (uint32_t left = 3 * STRESS_JOBS; left > 0;) {
		struct feed *f = &s->feeds[left % 3];
		uint32_t room, n = 0;
		origin[8] = (char)('0' + left % 7);
		struct lane *lane = hostq_offer(&s->q, &f->source, str_of(origin), &room);
		while (n < room && n < 5 && n < left)
			n++;
		put_into(&s->q, f, lane, n, NULL, false);
		left -= n;
		if (n == 0)
			goroutine_yield();
	}
	waitgroup_done(&s->wg);
}

TEST_GO(hostq_counts_add_up_under_load)
{
	static struct stress s;
	hostq_init(&s.q, 4, 200);
	for (int i = 0; i < 3; i++)
		feed_init(&s.q, &s.feeds[i], (uint64_t)i + 1);
	waitgroup_add(&s.wg, 9);
	for (int i = 0; i < 8; i++)
		go(stress_finish, &s);
	go(stress_fill, &s);
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.q.queued, 0);
	CHECK_EQ(s.q.in_flight, 0);
	CHECK_EQ(s.q.held_bytes, 0);
	CHECK_EQ(s.q.hosts_len, 0);
	for (int i = 0; i < 3; i++)
		feed_done(&s.q, &s.feeds[i]);
	hostq_done(&s.q);
}
