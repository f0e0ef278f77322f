/* SPDX-License-Identifier: MIT
 *
 * test_pool_stress: hundreds of goroutines at a limit of 1, 2 or 3 connections a host, on 1, 2 and 4
 * processors, where everything goes wrong at once: dials that fail or hang, requests that lose patience
 * or are cancelled at any moment, connections that die in use, at rest or on the way from hand to hand, and
 * requests that want a fresh one. Each must get a connection or an error, and in the end nothing be left.
 */
#include <stdlib.h>

#include "runtime/rand.h"
#include "tests/client/pool_rig.h"

enum {
	ASKERS = 300,
	ROUNDS = 12,
	HOSTS = 2
};

struct stress {
	struct world *w;
	uint32_t limit;
	_Atomic int inside[HOSTS];
	_Atomic int got, failed;
};

/* Some dials fail, at once or after a while; some hang until they are given up. */
static enum fetch_error go_wrong(struct world *w, const struct scope *scope)
{
	(void)w;
	switch (rand_below(8)) {
	case 0:
		return FETCH_CONNECT_REFUSED;
	case 1:
		goroutine_sleep(rand_below(300) * MICROSECOND);
		return rand_below(2) ? FETCH_OK : FETCH_CONNECT_TIMEOUT;
	case 2:
		goroutine_yield();
		break;
	case 3:
		if (rand_below(8))
			break;
		goroutine_sleep(3 * MILLISECOND);
		return FETCH_CONNECT_TIMEOUT;
	default:
		break;
	}
	return scope_check(scope);
}

static void use(struct stress *s, struct asker *a)
{
	int host = a->host[0] - 'a';
	int inside = atomic_fetch_add(&s->inside[host], 1) + 1;
	CHECK_LE(inside, (int)s->limit);
	CHECK(a->got->conn != NULL);
	CHECK(!a->fresh || !a->got->kept);
	atomic_fetch_add(&s->got, 1);
	if (rand_below(6) == 0)
		tell(a->got, rand_below(2) ? "x" : "q");
	if (rand_below(2))
		goroutine_yield();
	else if (rand_below(4) == 0)
		goroutine_sleep(rand_below(200) * MICROSECOND);
	atomic_fetch_sub(&s->inside[host], 1);
	if (rand_below(6) == 0)
		pool_discard(s->w->pool, a->got);
	else
		put(s->w, a->got);
}

/* A request that may be cancelled by another goroutine at any moment, and may be of little patience. */
static void ask(struct stress *s, struct context *ctx)
{
	static const char *const hosts[HOSTS] = { "a", "b" };
	struct asker a = { .w = s->w,
			   .host = hosts[rand_below(HOSTS)],
			   .ctx = ctx,
			   .patience_ns =
				   rand_below(4) ? 60 * SECOND : 1 + rand_below(400) * MICROSECOND,
			   .fresh = rand_below(5) == 0 };
	enum fetch_error e = asker_run(&a);
	if (e == FETCH_OK) {
		use(s, &a);
		return;
	}
	CHECK(e == FETCH_CANCELLED || e == FETCH_TOTAL_TIMEOUT || e == FETCH_CONNECT_REFUSED ||
	      e == FETCH_CONNECT_TIMEOUT);
	atomic_fetch_add(&s->failed, 1);
}

struct pair {
	struct stress *stress;
	struct context *ctx;
};

static int cancel_soon(void *arg)
{
	struct pair *p = arg;
	if (rand_below(2))
		goroutine_sleep(rand_below(300) * MICROSECOND);
	else
		goroutine_yield();
	context_cancel(p->ctx);
	context_unref(p->ctx);
	return 0;
}

static int go_round(void *arg)
{
	struct stress *s = arg;
	for (int i = 0; i < ROUNDS; i++) {
		if (rand_below(3)) {
			ask(s, context_background());
			continue;
		}
		struct pair p = { s, context_with_cancel(context_background()) };
		struct errgroup *g = errgroup_new(NULL);
		context_ref(p.ctx);
		errgroup_go(g, cancel_soon, &p);
		ask(s, p.ctx);
		CHECK_EQ(errgroup_wait(g), 0);
		context_unref(p.ctx);
	}
	return 0;
}

static void run_stress(const struct pool_options *options)
{
	static const int procs[] = { 1, 2, 4 };
	for (size_t i = 0; i < ARRAY_LEN(procs); i++) {
		struct stress s = { .w = world_open(options),
				    .limit = options->max_conns_per_host };
		s.w->before = go_wrong;
		runtime_set_procs(procs[i]);
		for (int j = 0; j < ASKERS; j++)
			errgroup_go(s.w->askers, go_round, &s);
		WAIT_FOR(s.got + s.failed == ASKERS * ROUNDS);
		CHECK_LT(0, s.got);
		CHECK_EQ(waiting(s.w), 0);
		WAIT_FOR(atomic_load(&s.w->dialling) == 0);
		CHECK_LE(conns(s.w), (int)(HOSTS * options->max_conns_per_host));
		world_close(s.w);
	}
}

TEST_GO(pool_limit_of_1_never_hangs_nor_leaks, .timeout_s = 120)
{
	run_stress(&(struct pool_options){ .max_conns_per_host = 1 });
}

TEST_GO(pool_limit_of_2_never_hangs_nor_leaks, .timeout_s = 120)
{
	run_stress(&(struct pool_options){ .max_conns_per_host = 2 });
}

/* With all other limits so low that each is reached all the time. */
TEST_GO(pool_limit_of_3_and_all_others_never_hang_nor_leak, .timeout_s = 120)
{
	run_stress(&(struct pool_options){ .max_conns_per_host = 3,
					   .max_idle = 2,
					   .max_idle_per_host = 1,
					   .max_exchanges = 5,
					   .idle_ns = MILLISECOND,
					   .lifetime_ns = 3 * MILLISECOND });
}

/* Everything is given back, and after all this the line still is served in order. */
TEST_GO(pool_serves_in_order_of_arrival, .timeout_s = 60)
{
	enum {
		N = 100
	};
	struct world *w = world_open(&(struct pool_options){ .max_conns_per_host = 2 });
	struct httpconn *h = get(w, "a"), *other = get(w, "a");
	struct asker *a = calloc(N, sizeof(*a));
	for (int i = 0; i < N; i++) {
		a[i] = (struct asker){ .w = w, .host = "a" };
		asker_start(&a[i]);
	}
	for (int i = 0; i < N; i++) {
		if (i % 3)
			put(w, h);
		else
			pool_discard(w->pool, h);
		CHECK_EQ(asker_end(&a[i]), FETCH_OK);
		CHECK_EQ(a[i].order, i + 3);
		CHECK_EQ(waiting(w), (unsigned)(N - 1 - i));
		h = a[i].got;
	}
	put(w, h);
	put(w, other);
	CHECK_EQ(conns(w), 2);
	free(a);
	world_close(w);
}
