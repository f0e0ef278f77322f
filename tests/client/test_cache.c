/* SPDX-License-Identifier: MIT
 *
 * test_cache: what is kept and for how long, who waits for whom, and how two families come together. The
 * resolver is the test: it answers when the test says so, with what it says.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "src/client/cache.h"
#include "src/client/round.h"
#include "tests/client/answers.h"
#include "tests/client/rig.h"

struct hand {
	struct dns dns;
	struct dns_query *six, *four; /* of the flight begun last */
	_Atomic int started;	      /* of both families */
	bool unbegun;		      /* queries can be withdrawn */
	struct cache *cache;
};

static void hand_start(struct dns *dns, struct dns_query *q)
{
	struct hand *h = CONTAINER_OF(dns, struct hand, dns);
	*(q->family == AF_INET6 ? &h->six : &h->four) = q;
	atomic_fetch_add(&h->started, 1);
}

static bool hand_withdraw(struct dns *dns, struct dns_query *q)
{
	(void)q;
	return CONTAINER_OF(dns, struct hand, dns)->unbegun;
}

static struct hand *hand_open(const struct cache_limits *limits)
{
	static const struct dns_ops ops = { .start = hand_start, .withdraw = hand_withdraw };
	struct hand *h = calloc(1, sizeof(*h));
	h->dns.ops = &ops;
	h->cache = cache_new(&h->dns, limits);
	return h;
}

static void hand_close(struct hand *h)
{
	cache_free(h->cache);
	free(h);
}

static void answer_six(struct hand *h, struct dns_answer *a)
{
	h->six->done(h->six, a);
}

static void answer_four(struct hand *h, struct dns_answer *a)
{
	h->four->done(h->four, a);
}

static struct dns_answer *absent(int64_t ttl_ns)
{
	struct dns_answer *a = dns_answer_failure(FETCH_DNS_NOT_FOUND, "a.test: no such name");
	a->ttl_ns = ttl_ns;
	return a;
}

static struct dns_answer *failed(void)
{
	return dns_answer_failure(FETCH_DNS_FAILED, "a.test: the server says SERVFAIL");
}

static struct dns_answer *with_ttl(struct dns_answer *a, int64_t ttl_ns)
{
	a->ttl_ns = ttl_ns;
	return a;
}

/* --- One who asks --- */

struct asked {
	struct hand *hand;
	const char *name;
	struct scope scope;
	struct errgroup *group;
	enum fetch_error error;
	struct cache_lookup found;
	char detail[FAULT_BYTES];
};

static int run(void *arg)
{
	struct asked *a = arg;
	a->error = cache_resolve(a->hand->cache, &a->scope, str_of(a->name), 60 * SECOND, &a->found,
				 a->detail);
	return 0;
}

/* Asks in a goroutine of its own, until `started` queries have been started in all. */
static struct asked *ask_within(struct hand *h, const char *name, struct context *ctx, int started)
{
	struct asked *a = calloc(1, sizeof(*a));
	a->hand = h;
	a->name = name;
	a->scope = scope_of(ctx, NEVER);
	a->group = errgroup_new(NULL);
	errgroup_go(a->group, run, a);
	WAIT_FOR(atomic_load(&h->started) >= started);
	return a;
}

static struct asked *ask(struct hand *h, const char *name, int started)
{
	return ask_within(h, name, context_background(), started);
}

/* Waits for the answer: its addresses as text, "half:" before them when there is more to come. */
static void check_gets(struct asked *a, const char *want)
{
	char got[1024] = "", text[FAULT_ADDR_BYTES];
	CHECK_EQ(errgroup_wait(a->group), 0);
	if (a->error) {
		snprintf(got, sizeof(got), "%s", fetch_error_name(a->error));
	} else {
		size_t len = (size_t)snprintf(got, sizeof(got), "%s", a->found.half ? "half:" : "");
		for (uint32_t i = 0; i < a->found.answer->len; i++)
			len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%s", i ? " " : "",
						fault_addr(&a->found.answer->addrs[i].sa, text));
		dns_answer_unref(a->found.answer);
	}
	CHECK_STR(got, want);
	free(a);
}

/* At once, from memory. */
static void check_hit(struct hand *h, const char *name, const char *want)
{
	int started = h->started;
	check_gets(ask(h, name, 0), want);
	CHECK_EQ(h->started, started);
}

/* --- Two families --- */

TEST_GO(cache_has_one_flight_for_all_who_ask_and_puts_ipv6_first)
{
	struct hand *h = hand_open(&cache_default_limits);
	struct asked *a = ask(h, "a.test", 2), *b = ask(h, "a.test.", 2);
	answer_six(h, ANSWER("2001:db8::1"));
	check_gets(a, "half:[2001:db8::1]");
	check_gets(b, "half:[2001:db8::1]");
	answer_four(h, ANSWER("192.0.2.1"));
	check_hit(h, "a.test", "[2001:db8::1] 192.0.2.1");
	CHECK_EQ(h->started, 2);
	hand_close(h);
}

TEST_GO(cache_gives_ipv4_alone_when_ipv6_keeps_silent)
{
	struct hand *h = hand_open(&cache_default_limits);
	struct asked *a = ask(h, "a.test", 2);
	answer_four(h, ANSWER("192.0.2.1"));
	check_gets(a, "half:192.0.2.1");
	check_gets(ask(h, "a.test", 2), "half:192.0.2.1");
	answer_six(h, dns_answer_failure(FETCH_DNS_TIMEOUT, "a.test: timeout"));
	check_hit(h, "a.test", "192.0.2.1");
	hand_close(h);
}

/* Both may be given: which, is a matter of time. But never IPv4 alone before its time. */
TEST_GO(cache_ipv4_waits_a_little_for_ipv6)
{
	struct hand *h = hand_open(&cache_default_limits);
	struct asked *a = ask(h, "a.test", 2);
	int64_t begin = clock_now();
	answer_four(h, ANSWER("192.0.2.1"));
	answer_six(h, ANSWER("2001:db8::1"));
	CHECK_EQ(errgroup_wait(a->group), 0);
	CHECK_EQ(a->error, FETCH_OK);
	CHECK(a->found.answer->addrs[0].sa.sa_family == AF_INET6 ||
	      clock_now() - begin >= CACHE_RESOLUTION_DELAY);
	dns_answer_unref(a->found.answer);
	free(a);
	hand_close(h);
}

struct rest_wait {
	struct cache_lookup *found;
	struct dns_answer *whole;
};

static int wait_for_rest(void *arg)
{
	struct rest_wait *w = arg;
	struct scope scope = scope_of(context_background(), NEVER);
	w->whole = cache_rest(w->found)->await(cache_rest(w->found), &scope);
	return 0;
}

TEST_GO(cache_rest_of_a_half_answer_is_the_whole)
{
	struct hand *h = hand_open(&cache_default_limits);
	struct asked *a = ask(h, "a.test", 2);
	answer_four(h, ANSWER("192.0.2.1"));
	CHECK_EQ(errgroup_wait(a->group), 0);
	CHECK(a->found.half);
	struct rest_wait w = { .found = &a->found };
	struct errgroup *g = errgroup_new(NULL);
	errgroup_go(g, wait_for_rest, &w);
	answer_six(h, ANSWER("2001:db8::1"));
	CHECK_EQ(errgroup_wait(g), 0);
	CHECK(w.whole != NULL);
	CHECK_EQ(w.whole->len, 2);
	dns_answer_unref(w.whole);
	dns_answer_unref(a->found.answer);
	free(a);
	hand_close(h);
}

TEST_GO(cache_rest_is_nothing_when_the_other_family_fails_or_is_too_late)
{
	struct hand *h = hand_open(&cache_default_limits);
	struct context *gone = context_with_cancel(context_background());
	struct scope scope = scope_of(gone, NEVER);
	context_cancel(gone);
	struct asked *a = ask(h, "a.test", 2);
	answer_six(h, ANSWER("2001:db8::1"));
	CHECK_EQ(errgroup_wait(a->group), 0);
	struct dns_rest *rest = cache_rest(&a->found);
	CHECK(rest != NULL);
	CHECK(rest->await(rest, &scope) == NULL);
	answer_four(h, failed());
	dns_answer_unref(a->found.answer);
	free(a);
	check_hit(h, "a.test", "[2001:db8::1]");
	context_unref(gone);
	hand_close(h);
}

TEST_GO(cache_one_family_is_enough_whatever_became_of_the_other)
{
	struct hand *h = hand_open(&cache_default_limits);
	struct asked *a = ask(h, "a.test", 2);
	answer_six(h, absent(SECOND));
	answer_four(h, ANSWER("192.0.2.1"));
	check_gets(a, "192.0.2.1");
	a = ask(h, "b.test", 4);
	answer_four(h, failed());
	answer_six(h, ANSWER("2001:db8::1"));
	check_gets(a, "[2001:db8::1]");
	a = ask(h, "c.test", 6);
	answer_four(h, NULL); /* memory was out */
	answer_six(h, ANSWER("2001:db8::1"));
	check_gets(a, "[2001:db8::1]");
	hand_close(h);
}

TEST_GO(cache_of_two_failures_the_one_counts_that_says_least_for_good)
{
	struct hand *h = hand_open(&cache_default_limits);
	struct asked *a = ask(h, "a.test", 2);
	answer_six(h, absent(SECOND));
	answer_four(h, absent(SECOND));
	check_gets(a, "dns_not_found");
	a = ask(h, "b.test", 4);
	answer_six(h, failed());
	answer_four(h, absent(SECOND));
	check_gets(a, "dns_failed");
	a = ask(h, "c.test", 6);
	answer_six(h, dns_answer_failure(FETCH_DNS_TIMEOUT, "timeout"));
	answer_four(h, failed());
	check_gets(a, "dns_timeout");
	hand_close(h);
}

/* --- Those who wait --- */

TEST_GO(cache_one_who_goes_away_takes_nothing_from_the_others)
{
	struct hand *h = hand_open(&cache_default_limits);
	struct context *ctx = context_with_cancel(context_background());
	h->unbegun = true;
	struct asked *first = ask_within(h, "a.test", ctx, 2), *second = ask(h, "a.test", 2);
	struct cache_stats stats;
	do
		cache_stats(h->cache, &stats);
	while (stats.lookups < 2);
	context_cancel(ctx);
	check_gets(first, "cancelled");
	answer_six(h, absent(SECOND));
	answer_four(h, ANSWER("192.0.2.1"));
	check_gets(second, "192.0.2.1");
	context_unref(ctx);
	hand_close(h);
}

TEST_GO(cache_a_query_that_has_begun_outlives_who_asked)
{
	struct hand *h = hand_open(&cache_default_limits);
	struct context *ctx = context_with_cancel(context_background());
	struct asked *a = ask_within(h, "a.test", ctx, 2);
	context_cancel(ctx);
	check_gets(a, "cancelled");
	answer_six(h, absent(SECOND));
	answer_four(h, ANSWER("192.0.2.1"));
	check_hit(h, "a.test", "192.0.2.1");
	context_unref(ctx);
	hand_close(h);
}

TEST_GO(cache_queries_that_have_not_begun_go_with_the_last_who_waits)
{
	struct hand *h = hand_open(&cache_default_limits);
	struct context *ctx = context_with_cancel(context_background());
	struct cache_stats stats;
	h->unbegun = true;
	struct asked *a = ask_within(h, "a.test", ctx, 2);
	context_cancel(ctx);
	check_gets(a, "cancelled");
	cache_stats(h->cache, &stats);
	CHECK_EQ(stats.names, 0);
	a = ask(h, "a.test", 4);
	answer_six(h, absent(SECOND));
	answer_four(h, ANSWER("192.0.2.1"));
	check_gets(a, "192.0.2.1");
	context_unref(ctx);
	hand_close(h);
}

/* --- How long --- */

static void answer_both(struct hand *h, int64_t ttl_ns)
{
	answer_six(h, absent(ttl_ns));
	answer_four(h, with_ttl(ANSWER("192.0.2.1"), ttl_ns));
}

/* Resolves name, answered with that TTL. */
static void fill(struct hand *h, const char *name, int64_t ttl_ns)
{
	struct asked *a = ask(h, name, h->started + 2);
	answer_both(h, ttl_ns);
	check_gets(a, "192.0.2.1");
}

TEST_GO(cache_keeps_a_ttl_of_0_for_the_least_time)
{
	struct cache_limits limits = cache_default_limits;
	limits.ttl_min_ns = 3600 * SECOND;
	struct hand *h = hand_open(&limits);
	fill(h, "a.test", 0);
	check_hit(h, "a.test", "192.0.2.1");
	hand_close(h);
	limits.ttl_min_ns = 0;
	h = hand_open(&limits);
	fill(h, "a.test", 0);
	fill(h, "a.test", 0);
	CHECK_EQ(h->started, 4);
	hand_close(h);
}

TEST_GO(cache_keeps_nothing_for_longer_than_the_limits)
{
	struct cache_limits limits = cache_default_limits;
	limits.ttl_min_ns = 0;
	limits.ttl_max_ns = limits.ttl_absent_ns = 1;
	struct hand *h = hand_open(&limits);
	fill(h, "a.test", 86400 * SECOND);
	goroutine_sleep(MILLISECOND);
	fill(h, "a.test", 86400 * SECOND);
	for (int i = 3; i < 5; i++) {
		struct asked *a = ask(h, "absent.test", 2 * i);
		answer_six(h, absent(86400 * SECOND));
		answer_four(h, absent(86400 * SECOND));
		check_gets(a, "dns_not_found");
		goroutine_sleep(MILLISECOND);
	}
	hand_close(h);
}

TEST_GO(cache_believes_that_a_name_is_absent_as_long_as_its_zone_says)
{
	struct hand *h = hand_open(&cache_default_limits);
	struct asked *a = ask(h, "a.test", 2);
	answer_six(h, absent(60 * SECOND));
	answer_four(h, absent(60 * SECOND));
	check_gets(a, "dns_not_found");
	check_hit(h, "a.test", "dns_not_found");
	hand_close(h);
	struct cache_limits limits = cache_default_limits;
	limits.ttl_min_ns = 0;
	h = hand_open(&limits);
	for (int i = 1; i < 3; i++) {
		a = ask(h, "a.test", 2 * i);
		answer_six(h, absent(0)); /* the shorter one counts */
		answer_four(h, absent(60 * SECOND));
		check_gets(a, "dns_not_found");
	}
	hand_close(h);
}

static const struct cache_limits short_lived = {
	.names = 100, .ttl_max_ns = 1, .ttl_absent_ns = 1, .stale_ns = 3600 * SECOND
};

TEST_GO(cache_uses_expired_addresses_when_the_servers_fail)
{
	struct hand *h = hand_open(&short_lived);
	struct cache_stats stats;
	fill(h, "a.test", 0);
	struct asked *a = ask(h, "a.test", 4);
	answer_six(h, failed());
	answer_four(h, dns_answer_failure(FETCH_DNS_TIMEOUT, "timeout"));
	check_gets(a, "192.0.2.1");
	check_hit(h, "a.test", "192.0.2.1");
	cache_stats(h->cache, &stats);
	CHECK_EQ(stats.stale, 1);
	hand_close(h);
}

TEST_GO(cache_does_not_keep_expired_addresses_of_a_name_that_is_gone)
{
	struct hand *h = hand_open(&short_lived);
	fill(h, "a.test", 0);
	struct asked *a = ask(h, "a.test", 4);
	answer_six(h, absent(0));
	answer_four(h, absent(0));
	check_gets(a, "dns_not_found");
	hand_close(h);
}

TEST_GO(cache_never_uses_expired_addresses_when_told_so)
{
	struct cache_limits limits = short_lived;
	limits.stale_ns = 0;
	struct hand *h = hand_open(&limits);
	fill(h, "a.test", 0);
	goroutine_sleep(MILLISECOND);
	struct asked *a = ask(h, "a.test", 4);
	answer_six(h, failed());
	answer_four(h, failed());
	check_gets(a, "dns_failed");
	hand_close(h);
}

TEST_GO(cache_uses_expired_addresses_when_the_servers_keep_silent)
{
	struct hand *h = hand_open(&short_lived);
	fill(h, "a.test", 0);
	check_gets(ask(h, "a.test", 4), "half:192.0.2.1");
	answer_both(h, 0);
	hand_close(h);
}

TEST_GO(cache_asks_again_for_a_name_whose_addresses_do_not_connect)
{
	struct cache_limits limits = cache_default_limits;
	struct hand *h = hand_open(&limits);
	fill(h, "a.test", 600 * SECOND);
	cache_lost(h->cache, STR("a.test"));
	check_hit(h, "a.test", "192.0.2.1"); /* but not before the least time is over */
	hand_close(h);
	limits.ttl_min_ns = 0;
	h = hand_open(&limits);
	fill(h, "a.test", 600 * SECOND);
	cache_lost(h->cache, STR("a.test"));
	fill(h, "a.test", 600 * SECOND);
	hand_close(h);
}

/* --- The winner --- */

static void win(struct hand *h, const char *addr)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
	CHECK_EQ(inet_pton(AF_INET, addr, &in.sin_addr), 1);
	cache_won(h->cache, STR("a.test"), (struct sockaddr *)&in);
}

/* Resolves a.test to two addresses. Checks which of them would be tried first. */
static void check_leads(struct hand *h, const char *one, const char *two, const char *want)
{
	uint8_t order[DNS_ADDRS_MAX];
	char text[FAULT_ADDR_BYTES];
	struct asked *a = ask(h, "a.test", h->started + 2);
	answer_six(h, absent(0));
	answer_four(h, ANSWER(one, two));
	CHECK_EQ(errgroup_wait(a->group), 0);
	round_order(a->found.answer, order);
	CHECK_STR(fault_addr(&a->found.answer->addrs[order[0]].sa, text), want);
	dns_answer_unref(a->found.answer);
	free(a);
}

TEST_GO(cache_remembers_the_winner_beyond_its_answer)
{
	struct hand *h = hand_open(&short_lived);
	check_leads(h, "192.0.2.1", "192.0.2.2", "192.0.2.1");
	win(h, "192.0.2.2");
	check_leads(h, "192.0.2.1", "192.0.2.2", "192.0.2.2");
	check_leads(h, "192.0.2.1", "192.0.2.3", "192.0.2.1");
	hand_close(h);
}

TEST_GO(cache_lets_the_server_choose_when_the_first_address_wins)
{
	struct hand *h = hand_open(&short_lived);
	check_leads(h, "192.0.2.1", "192.0.2.2", "192.0.2.1");
	win(h, "192.0.2.1");
	check_leads(h, "192.0.2.2", "192.0.2.1", "192.0.2.2");
	hand_close(h);
}

TEST_GO(cache_notes_a_winner_while_the_other_family_is_awaited)
{
	struct hand *h = hand_open(&short_lived);
	struct asked *a = ask(h, "a.test", 2);
	answer_four(h, ANSWER("192.0.2.1"));
	check_gets(a, "half:192.0.2.1");
	win(h, "192.0.2.1");
	answer_six(h, ANSWER("2001:db8::1"));
	check_leads(h, "192.0.2.2", "192.0.2.1", "192.0.2.1");
	hand_close(h);
}

/* --- How many --- */

TEST_GO(cache_drops_the_least_recently_used)
{
	struct cache_limits limits = cache_default_limits;
	struct cache_stats stats;
	char name[32];
	limits.names = 100;
	struct hand *h = hand_open(&limits);
	for (int i = 0; i <= 100; i++) {
		snprintf(name, sizeof(name), "n%d.test", i);
		fill(h, name, 600 * SECOND);
		check_hit(h, "n0.test", "192.0.2.1");
	}
	cache_stats(h->cache, &stats);
	CHECK_EQ(stats.names, 100);
	check_hit(h, "n2.test", "192.0.2.1");
	fill(h, "n1.test", 600 * SECOND);
	hand_close(h);
}
