/* SPDX-License-Identifier: MIT
 *
 * test_limits: each limit is a client's, may be a request's, and has an error of its own; and how slow
 * a body may be.
 */
#include "runtime/goroutine.h"
#include "src/client/pace.h"
#include "tests/client/rig.h"
#include "tests/client/scripted.h"

/* --- Speed, without a clock --- */

static const struct fetch_limits slow = { .min_speed = 100, .pace_ns = 10 * SECOND };

TEST(pace_without_a_minimum_is_always_kept)
{
	static const struct fetch_limits none = { .pace_ns = 10 * SECOND };
	struct pace p = { 0 };
	CHECK(pace_keeps(&p, &none, SECOND, 0));
	CHECK(pace_keeps(&p, &none, 100 * SECOND, 0));
	CHECK_EQ(pace_until(&p, &none), NEVER);
}

TEST(pace_is_judged_at_the_end_of_each_window)
{
	struct pace p = { 0 };
	CHECK_EQ(pace_until(&p, &slow), NEVER);
	CHECK(pace_keeps(&p, &slow, 1 * SECOND, 0));
	CHECK_EQ(pace_until(&p, &slow), 11 * SECOND);
	CHECK(pace_keeps(&p, &slow, 11 * SECOND - 1, 0)); /* not yet */
	CHECK(pace_keeps(&p, &slow, 11 * SECOND, 1000));
	CHECK_EQ(pace_until(&p, &slow), 21 * SECOND);
	CHECK(pace_keeps(&p, &slow, 12 * SECOND, 1000000)); /* a burst */
	CHECK(pace_keeps(&p, &slow, 21 * SECOND, 1000000));
	CHECK(!pace_keeps(&p, &slow, 31 * SECOND, 1000999));
}

TEST(pace_excuses_the_readers_own_time)
{
	struct pace p = { 0 };
	CHECK(pace_keeps(&p, &slow, 1 * SECOND, 0));
	pace_excuse(&p, 100 * SECOND);
	CHECK(pace_keeps(&p, &slow, 110 * SECOND, 0));
	CHECK(!pace_keeps(&p, &slow, 111 * SECOND, 999));
}

TEST(pace_may_be_judged_never)
{
	static const struct fetch_limits ever = { .min_speed = 100, .pace_ns = NEVER };
	struct pace p = { 0 };
	CHECK(pace_keeps(&p, &ever, 1 * SECOND, 0));
	CHECK_EQ(pace_until(&p, &ever), NEVER);
}

/* --- Speed of a real body --- */

/* A byte each 10 ms. */
static void play_trickle(struct peer *p)
{
	if (!peer_read_head(p) || !peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n"))
		return;
	for (int i = 0; i < 3000 && peer_write(p, "x", 1); i++)
		goroutine_sleep(10 * MILLISECOND);
}

static void play_silence(struct peer *p)
{
	if (peer_read_head(p) && peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"))
		peer_wait_closed(p);
}

static void check_too_slow(void (*play)(struct peer *p))
{
	struct origin *o = origin_open(&(struct origin_options){ .play = play });
	struct rig *rig = rig_open(&(struct client_options){
		.limits = { .min_speed = 10000, .pace_ns = 50 * MILLISECOND } });
	struct fetched *f = rig_get(rig, origin_url(o, "/"));
	CHECK_ERROR(f, FETCH_TOO_SLOW);
	CHECK_STR(f->resp->detail, "less than 10000 bytes a second");
	fetched_free(f);
	rig_close(rig);
	origin_close(o);
}

TEST_GO(limits_a_trickle_is_too_slow)
{
	check_too_slow(play_trickle);
	check_too_slow(play_silence);
}

/* A byte each 30 ms, 45 times: the window ends within a wait. */
static void play_steady(struct peer *p)
{
	if (!peer_read_head(p) || !peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n"))
		return;
	for (int i = 0; i < 45 && peer_write(p, "x", 1); i++)
		goroutine_sleep(30 * MILLISECOND);
}

TEST_GO(limits_a_steady_body_outlives_its_windows_and_a_pause_is_ended_by_the_idle_timeout)
{
	struct origin *o = origin_open(&(struct origin_options){ .play = play_steady });
	struct rig *rig = rig_open(
		&(struct client_options){ .limits = { .min_speed = 1, .pace_ns = SECOND } });
	check_get(rig, origin_url(o, "/"), FETCH_OK, 200, NULL);
	rig_close(rig);
	origin_close(o);
	o = origin_open(&(struct origin_options){ .play = play_silence });
	rig = rig_open(&(struct client_options){
		.limits = { .min_speed = 1, .idle_timeout_ns = 60 * MILLISECOND } });
	check_get(rig, origin_url(o, "/"), FETCH_IDLE_TIMEOUT, 200, "hi");
	rig_close(rig);
	origin_close(o);
}

/* --- Sizes and counts --- */

#define OK "HTTP/1.1 200 OK\r\n"

static const struct reply replies[] = {
	REPLY("/status-line", "HTTP/1.1 200 A very long reason\r\nContent-Length: 0\r\n\r\n"),
	REPLY("/field", OK "A: 0123456789012345678901234567890123456789\r\n\r\n"),
	REPLY("/fields", OK "A: 1\r\nB: 2\r\nC: 3\r\nContent-Length: 0\r\n\r\n"),
	REPLY("/head", OK "A: 012345678901234\r\nB: 012345678901234\r\n\r\n"),
	REPLY("/informational",
	      "HTTP/1.1 102 P\r\n\r\nHTTP/1.1 102 P\r\n\r\n" OK "Content-Length: 0\r\n\r\n"),
	REPLY("/chunks", OK "Transfer-Encoding: chunked\r\n\r\n"
			    "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1\r\nx"
			    "\r\n0\r\n\r\n"),
	REPLY("/trailers", OK "Transfer-Encoding: chunked\r\n\r\n0\r\n"
			      "A: 012345678901234567890123456789\r\n\r\n"),
	REPLY("/body", OK "Content-Length: 11\r\n\r\nhello world"),
	NO_MORE_REPLIES,
};

static const struct {
	const char *path;
	struct fetch_limits limits;
	enum fetch_error error;
} cases[] = {
	{ "/status-line", { .message.start_line_bytes = 20 }, FETCH_STATUS_LINE_TOO_LONG },
	{ "/field", { .message.field_bytes = 30 }, FETCH_FIELD_TOO_LARGE },
	{ "/fields", { .message.field_count = 3 }, FETCH_TOO_MANY_FIELDS },
	{ "/head", { .message.head_bytes = 40 }, FETCH_FIELDS_TOO_LARGE },
	{ "/informational", { .message.informational_count = 1 }, FETCH_TOO_MANY_INFORMATIONAL },
	{ "/chunks", { .message.chunk_overhead = 32 }, FETCH_CHUNK_OVERHEAD },
	{ "/trailers", { .message.trailer_bytes = 16 }, FETCH_TRAILERS_TOO_LARGE },
	{ "/body", { .message.body_bytes = 10 }, FETCH_BODY_TOO_LARGE },
};

static void check_case(struct rig *rig, const char *url, const struct fetch_limits *limits,
		       enum fetch_error e)
{
	struct fetch_request req = { .method = STR("GET"), .limits = *limits };
	struct fetched *f = fetched_new();
	fetched_run(f, rig, context_background(), &req, url);
	CHECK_ERROR(f, e);
	fetched_free(f);
}

TEST_GO(limits_each_has_an_error_of_its_own)
{
	struct origin *o = origin_open(&(struct origin_options){ .replies = replies });
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig *rig = rig_open(&(struct client_options){ .limits = cases[i].limits });
		check_get(rig, origin_url(o, cases[i].path), cases[i].error,
			  cases[i].error == FETCH_CHUNK_OVERHEAD ||
					  cases[i].error == FETCH_TRAILERS_TOO_LARGE ||
					  cases[i].error == FETCH_BODY_TOO_LARGE
				  ? 200
				  : 0,
			  NULL);
		rig_close(rig);
	}
	origin_close(o);
}

TEST_GO(limits_of_a_request_win_over_the_clients)
{
	static const struct fetch_limits none = { 0 };
	struct origin *o = origin_open(&(struct origin_options){ .replies = replies });
	struct rig *rig = rig_open(&(struct client_options){ 0 });
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check_case(rig, origin_url(o, cases[i].path), &cases[i].limits, cases[i].error);
		if (strcmp(cases[i].path, "/field") != 0 && strcmp(cases[i].path, "/head") != 0)
			check_case(rig, origin_url(o, cases[i].path), &none, FETCH_OK);
	}
	rig_close(rig);
	origin_close(o);
}

TEST_GO(limits_of_time_may_be_without_end)
{
	static const struct reply two[] = {
		REPLY("/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
		NO_MORE_REPLIES,
	};
	struct origin *o = origin_open(&(struct origin_options){ .replies = two });
	struct rig *rig =
		rig_open(&(struct client_options){ .idle_conn_ns = NEVER,
						   .limits = { .total_timeout_ns = NEVER,
							       .resolve_timeout_ns = NEVER,
							       .connect_timeout_ns = NEVER,
							       .tls_timeout_ns = NEVER,
							       .first_byte_timeout_ns = NEVER,
							       .idle_timeout_ns = NEVER,
							       .pace_ns = NEVER,
							       .min_speed = 1 } });
	check_get(rig, origin_url(o, "/ok"), FETCH_OK, 200, "hi");
	check_get(rig, origin_url(o, "/ok"), FETCH_OK, 200, "hi");
	CHECK_EQ(o->connections, 1);
	rig_close(rig);
	origin_close(o);
}
