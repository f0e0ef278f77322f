/* SPDX-License-Identifier: MIT
 *
 * test_pool_idle: what becomes of connections that nobody needs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/client/pool_rig.h"

TEST_GO(pool_idle_connection_dies_when_the_peer_speaks_or_leaves)
{
	struct world *w = world_open(&(struct pool_options){ 0 });
	struct httpconn *a = get(w, "a"), *b = get(w, "b");
	tell(a, "x");
	tell(b, "q");
	put(w, a);
	put(w, b);
	WAIT_FOR(conns(w) == 0);
	CHECK_EQ(idle(w), 0);
	world_close(w);
}

TEST_GO(pool_what_has_spoken_already_is_not_kept)
{
	struct world *w = world_open(&(struct pool_options){ 0 });
	struct httpconn *h = get(w, "a");
	char c;
	tell(h, "x");
	WAIT_FOR(recv(conn_fd(h->conn), &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
	put(w, h);
	CHECK_EQ(conns(w), 0);
	world_close(w);
}

TEST_GO(pool_idle_connections_cost_no_goroutine)
{
	enum {
		N = 50
	};
	struct world *w = world_open(&(struct pool_options){ 0 });
	int64_t goroutines = goroutine_count();
	struct httpconn *list[N];
	for (int i = 0; i < N; i++)
		list[i] = get(w, "a");
	for (int i = 0; i < N; i++)
		put(w, list[i]);
	CHECK_EQ(idle(w), N);
	WAIT_FOR(goroutine_count() == goroutines + N); /* the origin has one for each */
	world_close(w);
}

TEST_GO(pool_closes_what_is_idle_for_too_long)
{
	struct world *w = world_open(&(struct pool_options){ .idle_ns = 50 * MILLISECOND });
	struct httpconn *a = get(w, "a"), *b = get(w, "b");
	int64_t begin = clock_now();
	put(w, a);
	put(w, b);
	WAIT_FOR(conns(w) == 0);
	CHECK_LE(50 * MILLISECOND, clock_now() - begin);
	put(w, get(w, "a"));
	WAIT_FOR(conns(w) == 0);
	world_close(w);
}

TEST_GO(pool_closes_at_the_end_of_a_lifetime)
{
	struct world *w = world_open(&(struct pool_options){ .lifetime_ns = 50 * MILLISECOND });
	int64_t begin = clock_now();
	struct httpconn *a = get(w, "a"), *b = get(w, "b");
	put(w, a); /* idle: the reaper's */
	WAIT_FOR(clock_now() >= b->ends_ns);
	put(w, b); /* closed as it is put back */
	CHECK_LE(conns(w), 1);
	WAIT_FOR(conns(w) == 0);
	CHECK_LE(45 * MILLISECOND, clock_now() - begin);
	world_close(w);
}

/* The reaper looks through lifetimes at most once a second: meanwhile, too, none is given out. */
TEST_GO(pool_gives_out_none_whose_lifetime_is_over)
{
	struct world *w = world_open(&(struct pool_options){ .lifetime_ns = 20 * MILLISECOND });
	for (int i = 0; i < 20; i++) {
		struct httpconn *h = get(w, "a");
		int64_t ends = h->ends_ns;
		put(w, h);
		WAIT_FOR(clock_now() >= ends);
		h = get(w, "a");
		CHECK(!h->kept);
		pool_discard(w->pool, h);
	}
	WAIT_FOR(conns(w) == 0);
	world_close(w);
}

TEST_GO(pool_lifetimes_differ_by_a_tenth)
{
	enum {
		N = 50
	};
	struct world *w = world_open(&(struct pool_options){ .lifetime_ns = 1000 * SECOND });
	struct httpconn *list[N];
	int64_t least = NEVER, most = 0, begin = clock_now();
	for (int i = 0; i < N; i++) {
		list[i] = get(w, "a");
		int64_t ends = list[i]->ends_ns;
		CHECK_LE(begin + 900 * SECOND, ends);
		CHECK_LE(ends, clock_now() + 1000 * SECOND);
		least = ends < least ? ends : least;
		most = ends > most ? ends : most;
	}
	CHECK_LE(20 * SECOND, most - least);
	for (int i = 0; i < N; i++)
		put(w, list[i]);
	world_close(w);
}

TEST_GO(pool_keeps_no_more_idle_than_its_limit_oldest_out)
{
	struct world *w = world_open(&(struct pool_options){ .max_idle = 10 });
	char name[16];
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "h%d", i);
		put(w, get(w, name));
	}
	CHECK_EQ(idle(w), 10);
	CHECK_EQ(conns(w), 10);
	for (int i = 40; i < 50; i++) {
		snprintf(name, sizeof(name), "h%d", i);
		put(w, get(w, name));
	}
	CHECK_EQ(w->dials, 50);
	CHECK(pool_evict(w->pool));
	CHECK_EQ(idle(w), 9);
	world_close(w);
}

TEST_GO(pool_keeps_no_more_idle_of_a_host_than_its_limit_oldest_out)
{
	struct world *w = world_open(&(struct pool_options){ .max_idle_per_host = 2 });
	struct httpconn *list[5];
	put(w, get(w, "b"));
	for (int i = 0; i < 5; i++)
		list[i] = get(w, "a");
	struct conn *last = list[4]->conn, *before = list[3]->conn;
	for (int i = 0; i < 5; i++)
		put(w, list[i]);
	CHECK_EQ(idle(w), 3);
	CHECK_EQ(conns(w), 3);
	list[0] = get(w, "a");
	list[1] = get(w, "a");
	CHECK(list[0]->conn == last && list[1]->conn == before);
	put(w, list[0]);
	put(w, list[1]);
	world_close(w);
}
