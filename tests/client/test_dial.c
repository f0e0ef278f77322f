/* SPDX-License-Identifier: MIT
 *
 * test_dial: one address after the other, several at once, and what is said when none takes the
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
#include "tests/client/answers.h"
#include "tests/client/scripted.h"
#include "tests/harness.h"

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

static struct try dial_with(struct dns_answer *a, uint16_t port, struct context *ctx,
			    int64_t timeout_ns, struct dns_rest *rest)
{
	struct try t = { .detail = "" };
	struct policy *policy = loopback_allowed();
	struct dial_options how = { .policy = policy,
				    .connect_timeout_ns = timeout_ns,
				    .rest = rest };
	struct scope scope = scope_of(ctx, clock_now() + 20 * SECOND);
	struct conn *conn;
	socklen_t len;
	t.error = dial_connect(&how, &scope, a, port, &conn, t.detail);
	if (t.error == FETCH_OK) {
		fault_addr(conn_peer(conn, &len), t.peer);
		conn_close(conn);
	}
	policy_free(policy);
	dns_answer_unref(a);
	return t;
}

static struct try dial(struct dns_answer *a, uint16_t port, struct context *ctx, int64_t timeout_ns)
{
	return dial_with(a, port, ctx, timeout_ns, NULL);
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

/* --- Addresses that come later --- */

/* Comes when the test says so; NULL: never, but for the scope's end. */
struct late {
	struct dns_rest rest;
	struct event come;
	struct dns_answer *whole;
	_Atomic bool awaited;
};

static struct dns_answer *await_late(struct dns_rest *rest, const struct scope *scope)
{
	struct late *l = CONTAINER_OF(rest, struct late, rest);
	atomic_store(&l->awaited, true);
	return event_wait(&l->come, scope->ctx, scope->deadline_ns) ? NULL : l->whole;
}

static struct late late_of(struct dns_answer *whole)
{
	struct late l = { .rest.await = await_late, .whole = whole };
	event_init(&l.come);
	return l;
}

TEST_GO(dial_waits_for_the_rest_when_all_that_is_known_has_failed)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = NULL });
	struct late late = late_of(ANSWER("127.0.0.1", "127.0.0.9"));
	event_set(&late.come);
	struct try t = dial_with(ANSWER("127.0.0.9"), o->port, context_background(), 20 * SECOND,
				 &late.rest);
	CHECK_EQ(t.error, FETCH_OK);
	CHECK(strncmp(t.peer, "127.0.0.1:", 10) == 0);
	event_done(&late.come);
	origin_close(o);
}

TEST_GO(dial_waits_for_the_rest_when_policy_refuses_all_that_is_known)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = NULL });
	struct late late = late_of(ANSWER("127.0.0.1", "10.0.0.1"));
	event_set(&late.come);
	struct try t = dial_with(ANSWER("10.0.0.1"), o->port, context_background(), 20 * SECOND,
				 &late.rest);
	CHECK_EQ(t.error, FETCH_OK);
	event_done(&late.come);
	late = late_of(NULL);
	event_set(&late.come);
	t = dial_with(ANSWER("10.0.0.1"), o->port, context_background(), 20 * SECOND, &late.rest);
	CHECK_EQ(t.error, FETCH_POLICY_DENIED);
	event_done(&late.come);
	origin_close(o);
}

TEST_GO(dial_does_not_wait_for_the_rest_when_a_known_address_answers)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = NULL });
	struct late late = late_of(NULL);
	struct try t = dial_with(ANSWER("127.0.0.1"), o->port, context_background(), 20 * SECOND,
				 &late.rest);
	CHECK_EQ(t.error, FETCH_OK);
	CHECK(!late.awaited);
	event_done(&late.come);
	origin_close(o);
}

TEST_GO(dial_that_waits_for_the_rest_ends_with_its_context)
{
	struct context *ctx = context_with_timeout(context_background(), 20 * MILLISECOND);
	struct late late = late_of(NULL);
	struct try t = dial_with(ANSWER("127.0.0.9"), 1, ctx, 20 * SECOND, &late.rest);
	CHECK_EQ(t.error, FETCH_TOTAL_TIMEOUT);
	context_unref(ctx);
	event_done(&late.come);
}

/* --- Races --- */

static int come_when_awaited(void *arg)
{
	struct late *l = arg;
	while (!atomic_load(&l->awaited))
		goroutine_sleep(MILLISECOND);
	event_set(&l->come);
	return 0;
}

TEST_GO(dial_race_is_joined_by_addresses_that_come_later)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = NULL });
	struct deaf d = deaf_open_at("127.0.0.5", o->port);
	struct late late = late_of(ANSWER("127.0.0.1", "127.0.0.5"));
	struct errgroup *g = errgroup_new(NULL);
	errgroup_go(g, come_when_awaited, &late);
	struct try t = dial_with(ANSWER("127.0.0.5"), o->port, context_background(), 20 * SECOND,
				 &late.rest);
	CHECK_EQ(errgroup_wait(g), 0);
	CHECK_EQ(t.error, FETCH_OK);
	CHECK(strncmp(t.peer, "127.0.0.1:", 10) == 0);
	event_done(&late.come);
	deaf_close(&d);
	origin_close(o);
}

/* It is still awaited when the race is decided. */
TEST_GO(dial_race_that_is_decided_needs_no_more_addresses)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = NULL });
	struct deaf d = deaf_open_at("127.0.0.5", o->port);
	struct late late = late_of(NULL);
	struct try t = dial_with(ANSWER("127.0.0.5", "127.0.0.1"), o->port, context_background(),
				 20 * SECOND, &late.rest);
	CHECK_EQ(t.error, FETCH_OK);
	CHECK(late.awaited);
	event_done(&late.come);
	deaf_close(&d);
	origin_close(o);
}

TEST_GO(dial_races_an_address_that_is_silent)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = NULL });
	struct deaf d = deaf_open_at("127.0.0.5", o->port);
	struct dns_answer *a = ANSWER("127.0.0.5", "127.0.0.9", "127.0.0.1", "127.0.0.6");
	char want[64];
	snprintf(want, sizeof(want), "127.0.0.1:%u", o->port);
	struct try t = dial(a, o->port, context_background(), 20 * SECOND);
	CHECK_EQ(t.error, FETCH_OK);
	CHECK_STR(t.peer, want);
	CHECK_STR(t.detail, "");
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
	struct try t = dial(a, d.port, context_background(), 20 * SECOND);
	CHECK_EQ(errgroup_wait(g), 0);
	CHECK_EQ(t.error, FETCH_OK);
	CHECK(strncmp(t.peer, "127.0.0.5:", 10) == 0);
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
