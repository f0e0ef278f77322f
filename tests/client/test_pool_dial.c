/* SPDX-License-Identifier: MIT
 *
 * test_pool_dial: dials race against connections that come back, outlive who asked for them, and fail
 * alone.
 */
#include <stdlib.h>

#include "tests/client/pool_rig.h"

static struct world *gated(const struct pool_options *options)
{
	struct world *w = world_open(options);
	w->gated = true;
	return w;
}

/* Starts a, and waits until its dial is under way. */
static void start_dial(struct asker *a)
{
	int before = atomic_load(&a->w->dialling);
	asker_start(a);
	WAIT_FOR(atomic_load(&a->w->dialling) == before + 1);
}

TEST_GO(pool_who_dials_takes_a_connection_that_comes_back_first)
{
	struct world *w = world_open(&(struct pool_options){ 0 });
	struct httpconn *h = get(w, "a");
	struct conn *conn = h->conn;
	struct asker a = { .w = w, .host = "a" };
	w->gated = true;
	start_dial(&a);
	put(w, h);
	CHECK_EQ(asker_end(&a), FETCH_OK);
	CHECK(a.got->conn == conn && a.got->kept);
	CHECK(a.t.queued >= a.t.start && a.t.connect_done == 0);
	gate(w, FETCH_OK); /* and its own is kept for another */
	WAIT_FOR(idle(w) == 1);
	put(w, a.got);
	CHECK_EQ(conns(w), 2);
	CHECK_EQ(w->dials, 2);
	world_close(w);
}

TEST_GO(pool_dial_outlives_the_request_that_asked_for_it)
{
	struct world *w = gated(&(struct pool_options){ 0 });
	struct context *ctx = context_with_cancel(context_background());
	struct asker cancelled = { .w = w, .host = "a", .ctx = ctx };
	struct asker late = { .w = w, .host = "a", .patience_ns = 20 * MILLISECOND };
	start_dial(&cancelled);
	context_cancel(ctx);
	CHECK_EQ(asker_end(&cancelled), FETCH_CANCELLED);
	context_unref(ctx);
	CHECK_STR(cancelled.detail, "resolving a");
	start_dial(&late);
	CHECK_EQ(asker_end(&late), FETCH_TOTAL_TIMEOUT);
	CHECK_EQ(waiting(w), 0);
	gate(w, FETCH_OK);
	gate(w, FETCH_OK);
	WAIT_FOR(idle(w) == 2);
	struct httpconn *h = get(w, "a");
	CHECK(h->kept && h->exchanges == 0); /* it may have gone stale, though it was never used */
	put(w, h);
	CHECK_EQ(w->dials, 2);
	world_close(w);
}

TEST_GO(pool_orphans_connection_goes_to_the_first_in_line)
{
	struct world *w = gated(&(struct pool_options){ .max_conns_per_host = 1 });
	struct context *ctx = context_with_cancel(context_background());
	struct asker gone = { .w = w, .host = "a", .ctx = ctx };
	struct asker first = { .w = w, .host = "a", .fresh = true },
		     second = { .w = w, .host = "a" };
	w->times.dns_done = w->times.connect_done = 1;
	start_dial(&gone);
	context_cancel(ctx);
	CHECK_EQ(asker_end(&gone), FETCH_CANCELLED);
	context_unref(ctx);
	asker_start(&first);
	asker_start(&second);
	gate(w, FETCH_OK);
	CHECK_EQ(asker_end(&first), FETCH_OK);
	CHECK(!first.got->kept); /* nobody has had it */
	CHECK_LE(first.t.start, first.t.queued);
	CHECK_EQ(first.t.dns_done, first.t.queued); /* no time of its own */
	CHECK_EQ(first.t.connect_done, first.t.queued);
	CHECK_EQ(w->dials, 1);
	put(w, first.got);
	CHECK_EQ(asker_end(&second), FETCH_OK);
	put(w, second.got);
	CHECK_EQ(w->dials, 1);
	world_close(w);
}

TEST_GO(pool_dials_failure_ends_its_own_request_alone)
{
	struct world *w = gated(&(struct pool_options){ 0 });
	struct asker a = { .w = w, .host = "a" }, b = { .w = w, .host = "a" };
	start_dial(&a);
	start_dial(&b);
	gate(w, FETCH_CONNECT_REFUSED);
	CHECK_EQ(asker_end(&a), FETCH_CONNECT_REFUSED);
	CHECK_STR(a.detail, "a says no");
	CHECK_EQ(conns(w), 1);
	CHECK(!atomic_load(&b.ended));
	gate(w, FETCH_OK);
	CHECK_EQ(asker_end(&b), FETCH_OK);
	put(w, b.got);
	world_close(w);
}

TEST_GO(pool_orphans_failure_is_nobodys)
{
	struct world *w = world_open(&(struct pool_options){ 0 });
	struct httpconn *h = get(w, "a");
	struct asker a = { .w = w, .host = "a" };
	w->gated = true;
	start_dial(&a);
	put(w, h);
	CHECK_EQ(asker_end(&a), FETCH_OK);
	gate(w, FETCH_CONNECT_REFUSED);
	WAIT_FOR(conns(w) == 1);
	CHECK_STR(a.detail, "");
	put(w, a.got);
	world_close(w);
}

TEST_GO(pool_dials_that_fail_let_the_next_begin)
{
	enum {
		N = 20
	};
	struct world *w = gated(&(struct pool_options){ .max_conns_per_host = 2 });
	struct asker a[N];
	for (int i = 0; i < N; i++) {
		a[i] = (struct asker){ .w = w, .host = "a" };
		asker_start(&a[i]);
	}
	CHECK_EQ(conns(w), 2);
	for (int i = 0; i < N; i++)
		gate(w, FETCH_CONNECT_REFUSED);
	for (int i = 0; i < N; i++)
		CHECK_EQ(asker_end(&a[i]), FETCH_CONNECT_REFUSED);
	CHECK_EQ(conns(w), 0);
	CHECK_EQ(waiting(w), 0);
	world_close(w);
}

/* Orphans count as if they were idle: there are no more of them than may be. */
TEST_GO(pool_dials_that_nobody_waits_for_are_bounded)
{
	struct world *w = gated(&(struct pool_options){ .max_idle = 3 });
	for (int i = 0; i < 10; i++) {
		struct asker a = { .w = w, .host = "a", .patience_ns = MILLISECOND };
		CHECK_EQ(asker_run(&a), FETCH_TOTAL_TIMEOUT);
		WAIT_FOR(conns(w) <= 3);
	}
	CHECK_EQ(conns(w), 3);
	CHECK_EQ(w->cancelled, 7);
	for (int i = 0; i < 3; i++)
		gate(w, FETCH_OK);
	WAIT_FOR(idle(w) == 3);
	/* Idle connections give way to them. */
	struct asker a = { .w = w, .host = "b", .patience_ns = 10 * MILLISECOND };
	CHECK_EQ(asker_run(&a), FETCH_TOTAL_TIMEOUT);
	CHECK_EQ(idle(w), 2);
	CHECK_EQ(conns(w), 3);
	gate(w, FETCH_OK);
	WAIT_FOR(idle(w) == 3);
	world_close(w);
}

TEST_GO(pool_dials_that_nobody_waits_for_are_bounded_by_host)
{
	struct world *w = gated(&(struct pool_options){ .max_idle_per_host = 2 });
	for (int i = 0; i < 6; i++) {
		struct asker a = { .w = w, .host = i % 2 ? "a" : "b", .patience_ns = MILLISECOND };
		CHECK_EQ(asker_run(&a), FETCH_TOTAL_TIMEOUT);
	}
	WAIT_FOR(conns(w) == 4);
	CHECK_EQ(w->cancelled, 2);
	world_close(w);
}

TEST_GO(pool_end_cancels_what_is_being_dialled)
{
	struct world *w = gated(&(struct pool_options){ 0 });
	struct asker a = { .w = w, .host = "a", .patience_ns = 5 * MILLISECOND };
	CHECK_EQ(asker_run(&a), FETCH_TOTAL_TIMEOUT);
	CHECK_EQ(conns(w), 1);
	world_close(w);
}

static enum fetch_error out_of_descriptors(struct world *w, const struct scope *scope)
{
	(void)scope;
	return idle(w) > 1 ? FETCH_OUT_OF_DESCRIPTORS : FETCH_OK;
}

TEST_GO(pool_out_of_descriptors_idle_ones_are_closed_for_a_dial)
{
	struct world *w = world_open(&(struct pool_options){ 0 });
	static const char *const hosts[] = { "a", "b", "c" };
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
		put(w, get(w, hosts[i]));
	w->before = out_of_descriptors;
	put(w, get(w, "d"));
	CHECK_EQ(idle(w), 2);
	CHECK_EQ(conns(w), 2);
	world_close(w);
}
