/* SPDX-License-Identifier: MIT
 *
 * test_pool_line: who waits for a connection at the limit, and in which order they are served.
 */
#include <stdlib.h>

#include "runtime/rand.h"
#include "tests/client/pool_rig.h"

TEST_GO(pool_at_the_limit_those_who_wait_are_served_in_order)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	struct httpconn *h = get(w, "a");
	struct conn *conn = h->conn;
	struct asker a[3] = { { .w = w, .host = "a" },
			      { .w = w, .host = "a" },
			      { .w = w, .host = "a" } };
	for (int i = 0; i < 3; i++)
		asker_start(&a[i]);
	CHECK_EQ(waiting(w), 3);
	put(w, h);
	CHECK_EQ(asker_end(&a[0]), FETCH_OK);
	CHECK(a[0].got->conn == conn && a[0].got->kept);
	pool_discard(w->pool, a[0].got); /* its right passes on */
	CHECK_EQ(asker_end(&a[1]), FETCH_OK);
	CHECK(!a[1].got->kept);
	CHECK_EQ(waiting(w), 1);
	CHECK_EQ(conns(w), 1);
	pool_discard(w->pool, a[1].got);
	CHECK_EQ(asker_end(&a[2]), FETCH_OK);
	CHECK_EQ(a[2].order, 4); /* after get's */
	pool_discard(w->pool, a[2].got);
	CHECK_EQ(conns(w), 0);
	world_close(w);
}

TEST_GO(pool_who_gives_up_waiting_leaves_the_line)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	struct context *ctx = context_with_cancel(context_background());
	struct asker a = { .w = w, .host = "a", .ctx = ctx }, b = { .w = w, .host = "a" };
	struct httpconn *h = get(w, "a");
	asker_start(&a);
	asker_start(&b);
	context_cancel(ctx);
	CHECK_EQ(asker_end(&a), FETCH_CANCELLED);
	put(w, h);
	CHECK_EQ(asker_end(&b), FETCH_OK);
	put(w, b.got);
	CHECK_EQ(w->dials, 1);
	context_unref(ctx);
	world_close(w);
}

/* Cancelled before or after it was served, or at that moment. */
TEST_GO(pool_what_reaches_one_who_gives_up_goes_to_the_next, .timeout_s = 60)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	for (int i = 0; i < 300; i++) {
		struct context *ctx = context_with_cancel(context_background());
		struct asker a = { .w = w, .host = "a", .ctx = ctx };
		struct asker b = { .w = w, .host = "a" };
		struct httpconn *h = get(w, "a");
		asker_start(&a);
		asker_start(&b);
		if (i % 2)
			put(w, h);
		context_cancel(ctx);
		if (i % 2 == 0)
			put(w, h);
		if (asker_end(&a) == FETCH_OK)
			put(w, a.got);
		CHECK_EQ(asker_end(&b), FETCH_OK);
		put(w, b.got);
		context_unref(ctx);
	}
	CHECK_EQ(w->dials, 1);
	CHECK_EQ(conns(w), 1);
	world_close(w);
}

/* The line gives a connection to one who has just been cancelled, while its peer closes it. */
TEST_GO(pool_who_gives_up_drops_what_died_on_the_way, .timeout_s = 60)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	for (int i = 0; i < 300; i++) {
		struct context *ctx = context_with_cancel(context_background());
		struct asker a = { .w = w, .host = "a", .ctx = ctx };
		struct httpconn *h = get(w, "a");
		asker_start(&a);
		tell(h, "q");
		for (int64_t end = clock_now() + rand_below(60) * MICROSECOND; clock_now() < end;)
			goroutine_yield();
		context_cancel(ctx);
		put(w, h);
		if (asker_end(&a) == FETCH_OK)
			pool_discard(w->pool, a.got);
		else
			CHECK_EQ(a.error, FETCH_CANCELLED);
		context_unref(ctx);
	}
	WAIT_FOR(conns(w) == 0);
	world_close(w);
}

/* The first in line gets a connection that dies before it can be used: the one opened instead is its own. */
TEST_GO(pool_who_gets_a_dead_one_stays_first_in_line, .timeout_s = 60)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	for (int i = 0; i < 200; i++) {
		struct asker a = { .w = w, .host = "a" }, b = { .w = w, .host = "a" };
		struct httpconn *h = get(w, "a");
		asker_start(&a);
		asker_start(&b);
		tell(h, "q");
		for (int64_t end = clock_now() + rand_below(60) * MICROSECOND; clock_now() < end;)
			goroutine_yield();
		put(w, h);
		CHECK_EQ(asker_end(&a), FETCH_OK);
		CHECK(!atomic_load(&b.ended));
		pool_discard(w->pool, a.got);
		CHECK_EQ(asker_end(&b), FETCH_OK);
		pool_discard(w->pool, b.got);
	}
	CHECK_EQ(conns(w), 0);
	world_close(w);
}

TEST_GO(pool_fresh_one_in_line_gets_the_right_of_a_kept_connection)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	struct httpconn *h = get(w, "a");
	struct asker fresh = { .w = w, .host = "a", .fresh = true }, next = { .w = w, .host = "a" };
	asker_start(&fresh);
	asker_start(&next);
	put(w, h); /* never to be starved by connections that go from hand to hand */
	CHECK_EQ(asker_end(&fresh), FETCH_OK);
	CHECK(!fresh.got->kept);
	CHECK_EQ(w->dials, 2);
	CHECK_EQ(conns(w), 1);
	put(w, fresh.got);
	CHECK_EQ(asker_end(&next), FETCH_OK);
	CHECK(next.got->kept);
	put(w, next.got);
	world_close(w);
}

TEST_GO(pool_kept_connection_passes_over_a_fresh_one_that_dials)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 2 });
	struct httpconn *h = get(w, "a");
	struct asker fresh = { .w = w, .host = "a", .fresh = true }, next = { .w = w, .host = "a" };
	w->gated = true;
	asker_start(&fresh);
	asker_start(&next);
	put(w, h);
	CHECK_EQ(asker_end(&next), FETCH_OK);
	CHECK(next.got->kept);
	gate(w, FETCH_OK);
	CHECK_EQ(asker_end(&fresh), FETCH_OK);
	CHECK(!fresh.got->kept);
	put(w, next.got);
	put(w, fresh.got);
	world_close(w);
}

TEST_GO(pool_wait_in_line_is_queued_time)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	struct asker first = { .w = w, .host = "a" };
	struct asker kept = { .w = w, .host = "a" }, dials = { .w = w, .host = "a" };
	w->times.dns_done = w->times.connect_done = 1; /* long ago */
	CHECK_EQ(asker_run(&first), FETCH_OK);
	CHECK_EQ(first.t.queued, 0);
	CHECK_EQ(first.t.dns_done, first.t.start);
	asker_start(&kept);
	asker_start(&dials);
	int64_t before = clock_now();
	put(w, first.got);
	CHECK_EQ(asker_end(&kept), FETCH_OK);
	CHECK_LE(before, kept.t.queued);
	CHECK(kept.t.dns_done == 0 && kept.t.connect_done == 0 && kept.t.tls_done == 0);
	before = clock_now();
	pool_discard(w->pool, kept.got);
	CHECK_EQ(asker_end(&dials), FETCH_OK);
	CHECK_LE(before, dials.t.queued);
	CHECK_LE(dials.t.queued, dials.t.dns_done);
	CHECK_LE(dials.t.dns_done, dials.t.connect_done);
	CHECK_EQ(dials.t.tls_done, 0);
	put(w, dials.got);
	world_close(w);
}
