/* SPDX-License-Identifier: MIT
 *
 * test_pool: who gets which connection, who waits, and what becomes of those that nobody needs. The
 * connections are real ones, to an origin that only holds them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/rand.h"
#include "src/client/pool.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

struct world {
	struct origin *origin;
	struct errgroup *group;
	struct pool *pool;
	struct scope scope;
	_Atomic int inside, most, dials; /* of the stress */
};

/* Says a byte to the client when asked to by a byte of its own, closes on another. */
static void hold(struct peer *p)
{
	char c;
	while (conn_read(p->conn, &c, 1) == 1)
		if (c == 'q' || !peer_say(p, "!"))
			return;
}

static struct world *world_open(const struct pool_options *options)
{
	struct world *w = calloc(1, sizeof(*w));
	struct pool_options o = *options;
	o.max_idle = o.max_idle ? o.max_idle : 1000;
	o.idle_ns = o.idle_ns ? o.idle_ns : 60 * SECOND;
	w->origin = origin_open(&(struct origin_options){ .play = hold });
	w->group = errgroup_new(context_background());
	w->pool = pool_new(&o, w->group);
	w->scope = scope_of(context_background(), clock_now() + 60 * SECOND);
	return w;
}

static void world_close(struct world *w)
{
	context_cancel(errgroup_context(w->group));
	CHECK_EQ(errgroup_wait(w->group), 0);
	pool_free(w->pool);
	origin_close(w->origin);
	free(w);
}

static void dial(struct world *w, struct httpconn *h)
{
	socklen_t len;
	const struct sockaddr *addr = listener_addr(w->origin->listener, &len);
	CHECK_OK(conn_dial(addr, len, NEVER, &h->conn));
	atomic_fetch_add(&w->dials, 1);
}

static enum fetch_error try_get(struct world *w, const char *host, const struct scope *scope,
				struct httpconn **ret)
{
	struct pool_key key = { .host = str_of(host), .port = 80 };
	char detail[FAULT_BYTES];
	return pool_get(w->pool, &key, scope, false, ret, detail);
}

/* A connection, opened if need be. */
static struct httpconn *get(struct world *w, const char *host)
{
	struct httpconn *h = NULL;
	CHECK_EQ(try_get(w, host, &w->scope, &h), FETCH_OK);
	if (!h->conn)
		dial(w, h);
	return h;
}

static uint64_t conns(struct world *w)
{
	struct pool_stats stats;
	pool_stats(w->pool, &stats);
	return stats.conns;
}

static uint64_t idle(struct world *w)
{
	struct pool_stats stats;
	pool_stats(w->pool, &stats);
	return stats.idle;
}

TEST_GO(pool_gives_the_most_recently_used_first)
{
	struct world *w = world_open(&(struct pool_options){ 0 });
	struct httpconn *a = get(w, "a"), *b = get(w, "a"), *c = get(w, "a");
	struct conn *first = a->conn, *second = b->conn, *third = c->conn;
	pool_put(w->pool, b, clock_now());
	pool_put(w->pool, a, clock_now());
	pool_put(w->pool, c, clock_now());
	a = get(w, "a");
	b = get(w, "a");
	c = get(w, "a");
	CHECK(a->conn == third && b->conn == first && c->conn == second);
	CHECK(a->used && b->used && c->used);
	pool_discard(w->pool, a);
	pool_discard(w->pool, b);
	pool_put(w->pool, c, clock_now());
	CHECK_EQ(conns(w), 1);
	world_close(w);
}

TEST_GO(pool_key_is_host_port_and_tls_settings)
{
	struct world *w = world_open(&(struct pool_options){ 0 });
	struct tls one, other;
	const struct pool_key keys[] = { { STR("a"), 80, NULL, NULL },
					 { STR("b"), 80, NULL, NULL },
					 { STR("a"), 81, NULL, NULL },
					 { STR("a"), 80, &one, NULL },
					 { STR("a"), 80, &other, NULL } };
	char detail[FAULT_BYTES];
	struct conn *opened[ARRAY_LEN(keys)];
	struct httpconn *h;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		CHECK_EQ(pool_get(w->pool, &keys[i], &w->scope, false, &h, detail), FETCH_OK);
		CHECK(h->conn == NULL);
		dial(w, h);
		opened[i] = h->conn;
		pool_put(w->pool, h, clock_now());
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		CHECK_EQ(pool_get(w->pool, &keys[i], &w->scope, false, &h, detail), FETCH_OK);
		CHECK(h->conn == opened[i]);
		pool_put(w->pool, h, clock_now());
	}
	world_close(w);
}

TEST_GO(pool_fresh_is_never_a_used_one)
{
	for (uint32_t limit = 0; limit < 2; limit++) {
		struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = limit });
		struct pool_key key = { .host = STR("a"), .port = 80 };
		char detail[FAULT_BYTES];
		struct httpconn *h = get(w, "a");
		pool_put(w->pool, h, clock_now());
		CHECK_EQ(pool_get(w->pool, &key, &w->scope, true, &h, detail), FETCH_OK);
		CHECK(h->conn == NULL && !h->used);
		CHECK_EQ(idle(w), limit ? 0 : 1);
		pool_discard(w->pool, h);
		world_close(w);
	}
}

TEST_GO(pool_idle_connection_dies_when_the_peer_speaks_or_leaves)
{
	struct world *w = world_open(&(struct pool_options){ 0 });
	struct httpconn *a = get(w, "a"), *b = get(w, "b");
	CHECK_EQ(conn_write(a->conn, "x", 1), 1);
	CHECK_EQ(conn_write(b->conn, "q", 1), 1);
	pool_put(w->pool, a, clock_now());
	pool_put(w->pool, b, clock_now());
	WAIT_FOR(conns(w) == 0);
	CHECK_EQ(idle(w), 0);
	world_close(w);
}

TEST_GO(pool_what_has_spoken_already_is_not_kept)
{
	struct world *w = world_open(&(struct pool_options){ 0 });
	struct httpconn *h = get(w, "a");
	char c;
	CHECK_EQ(conn_write(h->conn, "x", 1), 1);
	WAIT_FOR(recv(conn_fd(h->conn), &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
	pool_put(w->pool, h, clock_now());
	WAIT_FOR(conns(w) == 0);
	world_close(w);
}

TEST_GO(pool_closes_what_is_idle_for_too_long)
{
	struct world *w = world_open(&(struct pool_options){ .idle_ns = 50 * MILLISECOND });
	struct httpconn *a = get(w, "a"), *b = get(w, "b");
	int64_t begin = clock_now();
	pool_put(w->pool, a, clock_now());
	pool_put(w->pool, b, clock_now());
	WAIT_FOR(conns(w) == 0);
	CHECK_LE(50 * MILLISECOND, clock_now() - begin);
	a = get(w, "a");
	pool_put(w->pool, a, clock_now());
	WAIT_FOR(conns(w) == 0);
	world_close(w);
}

TEST_GO(pool_keeps_no_more_idle_than_its_limit_oldest_out)
{
	struct world *w = world_open(&(struct pool_options){ .max_idle = 10 });
	char name[16];
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "h%d", i);
		pool_put(w->pool, get(w, name), clock_now());
	}
	CHECK_EQ(idle(w), 10);
	CHECK_EQ(conns(w), 10);
	for (int i = 40; i < 50; i++) {
		struct httpconn *h;
		snprintf(name, sizeof(name), "h%d", i);
		CHECK_EQ(try_get(w, name, &w->scope, &h), FETCH_OK);
		CHECK(h->conn != NULL);
		pool_put(w->pool, h, clock_now());
	}
	CHECK(pool_evict(w->pool));
	CHECK_EQ(idle(w), 9);
	world_close(w);
}

struct waiter_arg {
	struct world *w;
	struct context *ctx;
	struct httpconn *got;
	enum fetch_error error;
	int order;
};
static _Atomic int arrivals;

static int wait_for_one(void *arg)
{
	struct waiter_arg *a = arg;
	struct scope scope = scope_of(a->ctx, clock_now() + 60 * SECOND);
	a->error = try_get(a->w, "a", &scope, &a->got);
	a->order = atomic_fetch_add(&arrivals, 1);
	return 0;
}

TEST_GO(pool_at_the_limit_those_who_wait_are_served_in_order)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	struct waiter_arg args[3] = { 0 };
	struct errgroup *g = errgroup_new(context_background());
	struct httpconn *h = get(w, "a");
	struct conn *conn = h->conn;
	atomic_store(&arrivals, 0);
	for (int i = 0; i < 3; i++) {
		args[i] = (struct waiter_arg){ .w = w, .ctx = context_background() };
		errgroup_go(g, wait_for_one, &args[i]);
		goroutine_sleep(10 * MILLISECOND); /* so that they line up in this order */
	}
	pool_put(w->pool, h, clock_now());
	WAIT_FOR(atomic_load(&arrivals) == 1);
	CHECK(args[0].got->conn == conn);
	pool_discard(w->pool, args[0].got); /* the right to open one passes on */
	WAIT_FOR(atomic_load(&arrivals) == 2);
	CHECK(args[1].got->conn == NULL);
	pool_discard(w->pool, args[1].got);
	CHECK_EQ(errgroup_wait(g), 0);
	CHECK_EQ(args[2].order, 2);
	pool_discard(w->pool, args[2].got);
	CHECK_EQ(conns(w), 0);
	world_close(w);
}

TEST_GO(pool_who_gives_up_waiting_leaves_the_line)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	struct context *ctx = context_with_cancel(context_background());
	struct waiter_arg args[2] = { { .w = w, .ctx = ctx },
				      { .w = w, .ctx = context_background() } };
	struct errgroup *g = errgroup_new(context_background());
	struct httpconn *h = get(w, "a");
	atomic_store(&arrivals, 0);
	errgroup_go(g, wait_for_one, &args[0]);
	goroutine_sleep(10 * MILLISECOND);
	errgroup_go(g, wait_for_one, &args[1]);
	goroutine_sleep(10 * MILLISECOND);
	context_cancel(ctx);
	WAIT_FOR(atomic_load(&arrivals) == 1);
	CHECK_EQ(args[0].error, FETCH_CANCELLED);
	pool_put(w->pool, h, clock_now());
	CHECK_EQ(errgroup_wait(g), 0);
	CHECK_EQ(args[1].error, FETCH_OK);
	pool_put(w->pool, args[1].got, clock_now());
	context_unref(ctx);
	world_close(w);
}

/* The line gives a connection to one who has just been cancelled, while its peer closes it. */
TEST_GO(pool_who_gives_up_drops_what_died_on_the_way, .timeout_s = 60)
{
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 1 });
	for (int i = 0; i < 300; i++) {
		struct context *ctx = context_with_cancel(context_background());
		struct waiter_arg arg = { .w = w, .ctx = ctx };
		struct errgroup *g = errgroup_new(context_background());
		struct httpconn *h = get(w, "a");
		errgroup_go(g, wait_for_one, &arg);
		goroutine_yield();
		(void)!conn_write(h->conn, "q", 1); /* it may have died before */
		for (int64_t end = clock_now() + rand_below(60) * MICROSECOND; clock_now() < end;)
			goroutine_yield();
		context_cancel(ctx);
		pool_put(w->pool, h, clock_now());
		CHECK_EQ(errgroup_wait(g), 0);
		if (arg.error == FETCH_OK)
			pool_discard(w->pool, arg.got);
		else
			CHECK_EQ(arg.error, FETCH_CANCELLED);
		context_unref(ctx);
	}
	WAIT_FOR(conns(w) == 0);
	world_close(w);
}

#define HOSTS 3
#define LIMIT 4

/* Gets, holds for a moment, puts back or drops; some lose patience. */
static int disturb(void *arg)
{
	struct world *w = arg;
	static const char *const names[HOSTS] = { "a", "b", "c" };
	for (int i = 0; i < 30; i++) {
		int64_t patience = rand_below(4) ? 60 * SECOND : rand_below(500) * MICROSECOND;
		struct scope scope = scope_of(context_background(), clock_now() + patience);
		struct httpconn *h;
		enum fetch_error e = try_get(w, names[rand_below(HOSTS)], &scope, &h);
		if (e) {
			CHECK_EQ(e, FETCH_TOTAL_TIMEOUT);
			continue;
		}
		int inside = atomic_fetch_add(&w->inside, 1) + 1;
		CHECK_LE(inside, HOSTS * LIMIT);
		if (!h->conn)
			dial(w, h);
		if (rand_below(8) == 0)
			(void)!conn_write(h->conn, rand_below(2) ? "x" : "q", 1);
		if (rand_below(2))
			goroutine_yield();
		atomic_fetch_sub(&w->inside, 1);
		if (rand_below(8) == 0)
			pool_discard(w->pool, h);
		else
			pool_put(w->pool, h, clock_now());
	}
	return 0;
}

TEST_GO(pool_holds_its_limits_under_stress, .timeout_s = 60)
{
	struct world *w = world_open(&(struct pool_options){
		.max_conns_per_host = LIMIT, .max_idle = 6, .idle_ns = 5 * MILLISECOND });
	struct errgroup *g = errgroup_new(context_background());
	for (int i = 0; i < 100; i++)
		errgroup_go(g, disturb, w);
	CHECK_EQ(errgroup_wait(g), 0);
	WAIT_FOR(conns(w) == 0);
	CHECK_EQ(idle(w), 0);
	world_close(w);
}
