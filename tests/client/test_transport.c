/* SPDX-License-Identifier: MIT
 *
 * test_transport: what a kept connection that goes bad does to the next request: nothing that can
 * be helped.
 */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/* The first connection answers once, and to the second request in the way that `user` says. Others
 * are well. */
static void play_stale(struct peer *p)
{
	const char *how = p->origin->options.user;
	for (int n = 1; peer_read_head(p); n++) {
		if (p->number > 1 || n == 1) {
			peer_say(p, ok);
			continue;
		}
		if (strcmp(how, "reset") == 0)
			peer_reset(p);
		if (strcmp(how, "partial") == 0)
			peer_say(p, "HTTP/1.1 2");
		return;
	}
}

static struct origin *open_stale(const char *how)
{
	return origin_open(
		&(struct origin_options){ .play = play_stale, .user = (void *)(uintptr_t)how });
}

static void check_second(const char *how, const char *method, const struct fields *fields,
			 enum fetch_error e, int connections)
{
	struct origin *o = open_stale(how);
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct client_stats stats;
	check_get(rig, origin_url(o, "/"), FETCH_OK, 200, "hi");
	struct fetched *f =
		rig_fetch(rig, context_background(), method, origin_url(o, "/"), fields);
	CHECK_ERROR(f, e);
	client_stats(rig->client, &stats);
	CHECK_EQ(o->connections, connections);
	CHECK_EQ(stats.stale_retries, connections - 1);
	CHECK_EQ(f->resp->attempts, connections);
	if (e == FETCH_OK) {
		CHECK_STR(f->body, "hi");
		CHECK(!f->resp->conn_reused);
		CHECK_STR(f->resp->detail, "");
	}
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(transport_stale_connection_never_fails_a_request)
{
	check_second("close", "GET", NULL, FETCH_OK, 2);
	check_second("reset", "GET", NULL, FETCH_OK, 2);
	check_second("close", "DELETE", NULL, FETCH_OK, 2);
}

TEST_GO(transport_never_repeats_what_may_have_been_done)
{
	struct fields key = { 0 };
	check_second("close", "POST", NULL, FETCH_CLOSED_EARLY, 1);
	CHECK_OK(fields_add(&key, STR("Idempotency-Key"), STR("1")));
	check_second("close", "POST", &key, FETCH_OK, 2);
	fields_done(&key);
}

TEST_GO(transport_never_repeats_after_a_byte_of_an_answer)
{
	check_second("partial", "GET", NULL, FETCH_CLOSED_EARLY, 1);
}

static void play_closing(struct peer *p)
{
	(void)peer_read_head(p);
}

TEST_GO(transport_a_fresh_connection_that_fails_is_not_tried_again)
{
	struct origin *o = origin_open(&(struct origin_options){ .play = play_closing });
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	check_get(rig, origin_url(o, "/"), FETCH_CLOSED_EARLY, 0, "");
	CHECK_EQ(o->connections, 1);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(transport_retries_at_the_limit_of_the_host)
{
	struct origin *o = open_stale("close");
	struct rig *rig = rig_open(&(struct client_options){ .max_conns_per_host = 1 });
	for (int i = 0; i < 3; i++)
		check_get(rig, origin_url(o, "/"), FETCH_OK, 200, "hi");
	CHECK_EQ(o->connections, 2);
	rig_close(rig);
	origin_close(o);
}

/* Speaks out of turn after its answer, when the test says so. */
static _Atomic bool speak;

static void play_chatty(struct peer *p)
{
	while (peer_read_head(p)) {
		peer_say(p, ok);
		if (p->number > 1)
			continue;
		WAIT_FOR(atomic_load(&speak));
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
		peer_wait_closed(p);
	}
}

TEST_GO(transport_unsolicited_bytes_are_never_an_answer)
{
	struct origin *o = origin_open(&(struct origin_options){ .play = play_chatty });
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	struct client_stats stats;
	atomic_store(&speak, false);
	check_get(rig, origin_url(o, "/"), FETCH_OK, 200, "hi");
	client_stats(rig->client, &stats);
	CHECK_EQ(stats.conns_idle, 1);
	atomic_store(&speak, true);
	do {
		goroutine_yield();
		client_stats(rig->client, &stats);
	} while (stats.conns_open);
	check_get(rig, origin_url(o, "/"), FETCH_OK, 200, "hi");
	CHECK_EQ(o->connections, 2);
	rig_close(rig);
	origin_close(o);
}

/* Answers once, and leaves with its listener when asked again. */
static int answer_once(void *arg)
{
	struct listener *l = arg;
	struct conn *conn;
	char buf[4096];
	CHECK_OK(listener_accept(l, &conn));
	CHECK(conn_read(conn, buf, sizeof(buf)) > 0);
	CHECK_EQ(conn_write(conn, ok, sizeof(ok) - 1), sizeof(ok) - 1);
	CHECK(conn_read(conn, buf, sizeof(buf)) > 0);
	listener_close(l);
	conn_close(conn);
	return 0;
}

TEST_GO(transport_a_retry_has_times_of_its_own)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct errgroup *g = errgroup_new(context_background());
	struct listener *l;
	socklen_t len;
	char url[64];
	CHECK_OK(listener_open((struct sockaddr *)&in, sizeof(in), 16, &l));
	memcpy(&in, listener_addr(l, &len), sizeof(in));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(in.sin_port));
	errgroup_go(g, answer_once, l);
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	check_get(rig, url, FETCH_OK, 200, "hi");
	struct fetched *f = rig_get(rig, url);
	CHECK_ERROR(f, FETCH_CONNECT_REFUSED);
	CHECK_EQ(f->resp->t.sent, 0);
	CHECK(f->resp->t.done >= f->resp->t.dns_done);
	fetched_free(f);
	CHECK_EQ(errgroup_wait(g), 0);
	rig_close(rig);
}
