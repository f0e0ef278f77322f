/* SPDX-License-Identifier: MIT
 *
 * test_dial: the order of addresses, the policy on each, and what is said when none takes the
 * connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "src/client/dial.h"
#include "tests/client/scripted.h"
#include "tests/harness.h"

static struct dns_answer *answer_of(const char *const *texts)
{
	struct dns_answer *a = dns_answer_new(DNS_ADDRS_MAX);
	for (; *texts; texts++) {
		union dns_addr *to = &a->addrs[a->len++];
		if (inet_pton(AF_INET, *texts, &to->in.sin_addr) == 1)
			to->sa.sa_family = AF_INET;
		else if (inet_pton(AF_INET6, *texts, &to->in6.sin6_addr) == 1)
			to->sa.sa_family = AF_INET6;
		else
			test_fail("%s", *texts);
	}
	return a;
}

#define ANSWER(...) answer_of((const char *const[]){ __VA_ARGS__, NULL })

static struct policy *loopback_allowed(void)
{
	struct policy *p = policy_new();
	struct str bad;
	CHECK_OK(policy_allow(p, STR("127.0.0.0/8 ::1"), &bad));
	return p;
}

struct
try {
	enum fetch_error error;
	char detail[FAULT_BYTES];
	char peer[FAULT_ADDR_BYTES];
};

/* a stays the caller's. */
static struct try dial_again(struct dns_answer *a, uint16_t port, struct context *ctx,
			     int64_t timeout_ns)
{
	struct try t = { .detail = "" };
	struct policy *policy = loopback_allowed();
	struct dial_options how = { .policy = policy, .connect_timeout_ns = timeout_ns };
	struct scope scope = scope_of(ctx, clock_now() + 20 * SECOND);
	struct conn *conn;
	socklen_t len;
	t.error = dial_connect(&how, &scope, a, port, &conn, t.detail);
	if (t.error == FETCH_OK) {
		fault_addr(conn_peer(conn, &len), t.peer);
		conn_close(conn);
	}
	policy_free(policy);
	return t;
}

static struct try dial(struct dns_answer *a, uint16_t port, struct context *ctx, int64_t timeout_ns)
{
	struct try t = dial_again(a, port, ctx, timeout_ns);
	dns_answer_unref(a);
	return t;
}

TEST(dial_alternates_families_beginning_with_the_first)
{
	struct dns_answer *a =
		ANSWER("::1", "::2", "::3", "1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4");
	uint8_t order[DNS_ADDRS_MAX];
	static const uint8_t want[] = { 0, 3, 1, 4, 2, 5, 6 };
	dial_order(a, order);
	CHECK_MEM(order, want, sizeof(want));
	dns_answer_unref(a);
	a = ANSWER("1.1.1.1", "2.2.2.2", "::1");
	static const uint8_t want4[] = { 0, 2, 1 };
	dial_order(a, order);
	CHECK_MEM(order, want4, sizeof(want4));
	dns_answer_unref(a);
}

TEST_GO(dial_tries_the_next_address_when_one_refuses)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = NULL });
	char want[64];
	struct try t =
		dial(ANSWER("127.0.0.9", "127.0.0.1"), o->port, context_background(), SECOND);
	CHECK_EQ(t.error, FETCH_OK);
	snprintf(want, sizeof(want), "127.0.0.1:%u", o->port);
	CHECK_STR(t.peer, want);
	origin_close(o);
}

TEST_GO(dial_skips_what_policy_refuses)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = NULL });
	struct try t = dial(ANSWER("10.0.0.1", "127.0.0.1"), o->port, context_background(), SECOND);
	CHECK_EQ(t.error, FETCH_OK);
	t = dial(ANSWER("10.0.0.1", "192.168.0.1"), o->port, context_background(), SECOND);
	CHECK_EQ(t.error, FETCH_POLICY_DENIED);
	CHECK(strstr(t.detail, "private address") != NULL);
	t = dial(ANSWER("127.0.0.9", "10.0.0.1"), o->port, context_background(), SECOND);
	CHECK_EQ(t.error, FETCH_CONNECT_REFUSED);
	CHECK(strstr(t.detail, "127.0.0.9:") != NULL);
	origin_close(o);
}

/* A listener whose queue is full drops SYNs: connecting to it hangs. */
struct deaf {
	int fd, extra[8];
	uint16_t port;
};

static struct deaf deaf_open_at(const char *address, uint16_t port)
{
	struct deaf d = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	CHECK_EQ(inet_pton(AF_INET, address, &in.sin_addr), 1);
	socklen_t len = sizeof(in);
	CHECK(bind(d.fd, (struct sockaddr *)&in, len) == 0 && listen(d.fd, 0) == 0);
	getsockname(d.fd, (struct sockaddr *)&in, &len);
	d.port = ntohs(in.sin_port);
	for (int i = 0; i < 8; i++) {
		d.extra[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(d.extra[i], (struct sockaddr *)&in, sizeof(in));
	}
	return d;
}

static struct deaf deaf_open(void)
{
	return deaf_open_at("127.0.0.1", 0);
}

static void deaf_close(struct deaf *d)
{
	close(d->fd);
	for (int i = 0; i < 8; i++)
		if (d->extra[i] >= 0)
			close(d->extra[i]);
}

TEST_GO(dial_times_out_for_each_address)
{
	struct deaf d = deaf_open();
	int64_t begin = clock_now();
	struct try t = dial(ANSWER("127.0.0.1", "127.0.0.1"), d.port, context_background(),
			    50 * MILLISECOND);
	CHECK_EQ(t.error, FETCH_CONNECT_TIMEOUT);
	CHECK_LE(100 * MILLISECOND, clock_now() - begin);
	deaf_close(&d);
}

static void cancel(void *arg)
{
	goroutine_sleep(20 * MILLISECOND);
	context_cancel(arg);
}

TEST_GO(dial_ends_with_its_context)
{
	struct deaf d = deaf_open();
	struct context *ctx = context_with_cancel(context_background());
	go(cancel, ctx);
	struct try t = dial(ANSWER("127.0.0.1", "127.0.0.1"), d.port, ctx, 20 * SECOND);
	CHECK_EQ(t.error, FETCH_CANCELLED);
	context_unref(ctx);
	ctx = context_with_timeout(context_background(), 20 * MILLISECOND);
	t = dial(ANSWER("127.0.0.1"), d.port, ctx, 20 * SECOND);
	CHECK_EQ(t.error, FETCH_TOTAL_TIMEOUT);
	context_unref(ctx);
	deaf_close(&d);
}

/* --- Races --- */

TEST_GO(dial_races_an_address_that_is_silent_and_remembers_the_winner)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = NULL });
	struct deaf d = deaf_open_at("127.0.0.5", o->port);
	struct dns_answer *a = ANSWER("127.0.0.5", "127.0.0.9", "127.0.0.1", "127.0.0.6");
	char want[64];
	snprintf(want, sizeof(want), "127.0.0.1:%u", o->port);
	struct try t = dial_again(a, o->port, context_background(), 20 * SECOND);
	CHECK_EQ(t.error, FETCH_OK);
	CHECK_STR(t.peer, want);
	CHECK_STR(t.detail, "");
	uint8_t order[DNS_ADDRS_MAX];
	static const uint8_t won[] = { 2, 0, 1, 3 };
	dial_order(a, order);
	CHECK_MEM(order, won, sizeof(won));
	dns_answer_unref(a);
	deaf_close(&d);
	origin_close(o);
}

/* Takes what fills the queue, once the race is on: the next SYN, a second after the first, is heard. */
static int hear_again(void *arg)
{
	struct deaf *d = arg;
	goroutine_sleep(300 * MILLISECOND);
	for (int i = 0; i < 8; i++)
		close(d->extra[i]);
	memset(d->extra, -1, sizeof(d->extra));
	for (int fd; (fd = accept(d->fd, NULL, NULL)) >= 0;)
		close(fd);
	return 0;
}

TEST_GO(dial_race_may_be_won_by_the_slow_first)
{
	struct deaf d = deaf_open_at("127.0.0.5", 0);
	struct dns_answer *a = ANSWER("127.0.0.5", "127.0.0.9");
	struct errgroup *g = errgroup_new(NULL);
	errgroup_go(g, hear_again, &d);
	struct try t = dial_again(a, d.port, context_background(), 20 * SECOND);
	CHECK_EQ(errgroup_wait(g), 0);
	CHECK_EQ(t.error, FETCH_OK);
	CHECK(strncmp(t.peer, "127.0.0.5:", 10) == 0);
	CHECK_EQ(a->winner, 0);
	dns_answer_unref(a);
	deaf_close(&d);
}

TEST_GO(dial_race_that_nobody_wins_says_what_became_of_the_last)
{
	struct deaf d = deaf_open_at("127.0.0.5", 0);
	struct try t = dial(ANSWER("127.0.0.5", "127.0.0.9", "127.0.0.5"), d.port,
			    context_background(), 400 * MILLISECOND);
	CHECK_EQ(t.error, FETCH_CONNECT_TIMEOUT);
	CHECK(strncmp(t.detail, "127.0.0.5:", 10) == 0);
	deaf_close(&d);
}

TEST_GO(dial_race_ends_with_its_context)
{
	struct deaf d = deaf_open_at("127.0.0.5", 0);
	struct context *ctx = context_with_timeout(context_background(), 400 * MILLISECOND);
	struct try t =
		dial(ANSWER("127.0.0.5", "127.0.0.5", "127.0.0.5"), d.port, ctx, 20 * SECOND);
	CHECK_EQ(t.error, FETCH_TOTAL_TIMEOUT);
	context_unref(ctx);
	deaf_close(&d);
}
