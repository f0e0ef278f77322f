/* SPDX-License-Identifier: MIT
 *
 * test_pool: who gets which connection.
 */
#include <stdlib.h>

#include "src/client/proxy.h"
#include "tests/client/pool_rig.h"

TEST_GO(pool_gives_the_most_recently_used_first)
{
	struct world *w = world_open(&(struct pool_options){ 0 });
	struct httpconn *a = get(w, "a"), *b = get(w, "a"), *c = get(w, "a");
	struct conn *first = a->conn, *second = b->conn, *third = c->conn;
	CHECK(!a->kept && !b->kept && !c->kept);
	put(w, b);
	put(w, a);
	put(w, c);
	a = get(w, "a");
	b = get(w, "a");
	c = get(w, "a");
	CHECK(a->conn == third && b->conn == first && c->conn == second);
	CHECK(a->kept && b->kept && c->kept);
	pool_discard(w->pool, a);
	pool_discard(w->pool, b);
	put(w, c);
	CHECK_EQ(conns(w), 1);
	CHECK_EQ(w->dials, 3);
	world_close(w);
}

/* A connection for key; the caller says whether one was there. */
static struct httpconn *get_for(struct world *w, const struct pool_key *key, bool there)
{
	struct fetch_timings t = { .start = clock_now() };
	const struct scope scope = scope_of(context_background(), t.start + 60 * SECOND);
	const struct fetch_limits limits = { .connect_timeout_ns = SECOND };
	char detail[FAULT_BYTES];
	struct httpconn *h = NULL;
	const struct pool_ask ask = {
		.key = key, .scope = &scope, .limits = &limits, .t = &t, .detail = detail
	};
	CHECK_EQ(pool_get(w->pool, &ask, &h), FETCH_OK);
	CHECK_EQ(h->kept, there);
	return h;
}

TEST_GO(pool_gives_no_connection_to_another_key)
{
	struct world *w = world_open(&(struct pool_options){ 0 });
	struct tls one, other;
	const struct proxy *proxies[3];
	char why[FAULT_BYTES];
	CHECK_OK(proxy_new(STR("http://p:3128"), true, &proxies[0], why));
	CHECK_OK(proxy_new(STR("http://q:3128"), true, &proxies[1], why));
	CHECK_OK(proxy_new(STR("http://p:3128"), true, &proxies[2], why));
	const struct pool_key keys[] = {
		{ STR("a"), 80, NULL, NULL },	   { STR("b"), 80, NULL, NULL },
		{ STR("a"), 81, NULL, NULL },	   { STR("a"), 80, &one, NULL },
		{ STR("a"), 80, &other, NULL },	   { STR("a"), 80, NULL, proxies[0] },
		{ STR("a"), 80, NULL, proxies[1] }
	};
	const struct pool_key same = { STR("a"), 80, NULL, proxies[2] };
	struct conn *opened[ARRAY_LEN(keys)];
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct httpconn *h = get_for(w, &keys[i], false);
		opened[i] = h->conn;
		put(w, h);
	}
	for (int i = 0; i < 2; i++)
		proxy_unref(proxies[i]); /* the pool has its own references */
	for (size_t i = 0; i < ARRAY_LEN(keys) - 2; i++) {
		struct httpconn *h = get_for(w, &keys[i], true);
		CHECK(h->conn == opened[i]);
		put(w, h);
	}
	struct httpconn *h = get_for(w, &same, true);
	CHECK(h->conn == opened[5]);
	put(w, h);
	proxy_unref(proxies[2]);
	world_close(w);
}

TEST_GO(pool_fresh_is_never_one_that_was_kept)
{
	for (uint32_t limit = 0; limit < 2; limit++) {
		struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = limit });
		struct asker a = { .w = w, .host = "a", .fresh = true };
		put(w, get(w, "a"));
		CHECK_EQ(asker_run(&a), FETCH_OK);
		CHECK(!a.got->kept && a.got->exchanges == 0);
		CHECK_EQ(w->dials, 2);
		CHECK_EQ(idle(w), limit ? 0 : 1);
		pool_discard(w->pool, a.got);
		world_close(w);
	}
}

TEST_GO(pool_connection_takes_so_many_requests_and_no_more)
{
	struct world *w = world_open(&(struct pool_options){ .max_exchanges = 3 });
	for (int i = 0; i < 9; i++)
		put(w, get(w, "a"));
	CHECK_EQ(w->dials, 3);
	CHECK_EQ(conns(w), 0);
	put(w, get(w, "a"));
	CHECK_EQ(conns(w), 1);
	world_close(w);
}

TEST_GO(pool_limit_is_by_host)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	struct httpconn *a = get(w, "a"), *b = get(w, "b");
	struct asker second = { .w = w, .host = "a", .patience_ns = 20 * MILLISECOND };
	CHECK_EQ(asker_run(&second), FETCH_TOTAL_TIMEOUT);
	CHECK_STR(second.detail, "waiting in line for a connection to a");
	put(w, a);
	put(w, b);
	CHECK_EQ(conns(w), 2);
	world_close(w);
}

/* Of a proxy's that serve any origin there may be as many as are needed. */
TEST_GO(pool_limits_by_host_are_not_a_proxys)
{
	struct world *w = world_open(
		&(struct pool_options){ .max_conns_per_host = 1, .max_idle_per_host = 1 });
	const struct proxy *proxy;
	char why[FAULT_BYTES];
	CHECK_OK(proxy_new(STR("http://p:3128"), true, &proxy, why));
	const struct pool_key key = { .proxy = proxy };
	struct httpconn *a = get_for(w, &key, false), *b = get_for(w, &key, false);
	put(w, a);
	put(w, b);
	CHECK_EQ(idle(w), 2);
	proxy_unref(proxy);
	world_close(w);
}

TEST_GO(pool_finding_an_idle_one_starts_nothing)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	int64_t goroutines = goroutine_count();
	put(w, get(w, "a"));
	WAIT_FOR(goroutine_count() == goroutines + 1); /* the origin's */
	for (int i = 0; i < 100; i++) {
		struct httpconn *h = get(w, "a");
		CHECK_EQ(goroutine_count(), goroutines + 1);
		CHECK_EQ(waiting(w), 0);
		put(w, h);
	}
	CHECK_EQ(w->dials, 1);
	world_close(w);
}
