/* SPDX-License-Identifier: MIT
 *
 * hostile_stalls: peers that fall silent, trickle, leave, or reset, in each phase. Only the limit that has to end it is short:
 * a slow machine ends it by the same error.
 */
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "tests/client/hostile.h"
#include "tests/client/rig.h"
#include "tests/harness.h"

#define OK	"HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define SHORT	(100 * MILLISECOND)
#define PAUSE	(10 * MILLISECOND)

/* --- Parts that are no text --- */

/* Until the origin has read so many requests, or closes. */
static void await_requests(struct peer *p, int n)
{
	WAIT_FOR(p->origin->requests == n || context_err(errgroup_context(p->origin->group)));
}

/* Not even the end, which can't get past what isn't read: so it lasts until the next request has come. */
static void read_nothing(struct peer *p)
{
	await_requests(p, 1);
}

static void leave_at_once(struct peer *p)
{
	(void)p;
}

static void reset_at_once(struct peer *p)
{
	peer_reset(p);
}

static void say_half(struct peer *p, const char *text)
{
	peer_say(p, text);
	CHECK_OK(conn_shutdown_write(p->conn));
	peer_wait_closed(p);
}

static void half_close_before_answering(struct peer *p)
{
	say_half(p, "");
}

static void half_close_in_the_head(struct peer *p)
{
	say_half(p, OK "Content-");
}

static void half_close_in_the_body(struct peer *p)
{
	say_half(p, OK "Content-Length: 9\r\n\r\nhi");
}

static void half_close_behind_the_answer(struct peer *p)
{
	say_half(p, OK "Content-Length: 2\r\n\r\nhi");
}

/* The connection is at rest by then. */
static void answer_later(struct peer *p, const char *text)
{
	peer_say(p, OK "Content-Length: 2\r\n\r\nhi");
	goroutine_sleep(PAUSE);
	peer_say(p, text);
	peer_wait_closed(p);
}

static void answer_again(struct peer *p)
{
	answer_later(p, OK "Content-Length: 4\r\n\r\nevil");
}

static void say_a_byte_more(struct peer *p)
{
	answer_later(p, "!");
}

static void say_request_timeout(struct peer *p)
{
	answer_later(p, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
}

static void reset_later(struct peer *p)
{
	peer_say(p, OK "Content-Length: 2\r\n\r\nhi");
	goroutine_sleep(PAUSE);
	peer_reset(p);
}

/* An answer in the middle of a large upload; the rest of it is read by nobody. */
static void answer_early(struct peer *p)
{
	peer_say(p, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
	await_requests(p, 2);
}

static void trickle_interim(struct peer *p)
{
	while (peer_say(p, "HTTP/1.1 102 Wait\r\n\r\n"))
		goroutine_sleep(PAUSE);
}

/* --- The table --- */

#define STALL(name_, text_, limit_, error_, status_)                                 \
	{                                                                            \
		.name = (name_), .text = TEXT(text_), .then = THEN_STALL,            \
		.limits = { limit_ = SHORT }, .error = (error_), .status = (status_) \
	}
#define TRICKLE(name_, text_, again_, limits_, error_, status_)                                 \
	{                                                                                       \
		.name = (name_), .text = TEXT(text_), .again = TEXT(again_), .pause_ns = PAUSE, \
		.alone = true, .limits = { limits_ }, .error = (error_), .status = (status_)    \
	}
#define END(name_, text_, then_, error_, status_, ...)                                    \
	{                                                                                 \
		.name = (name_), .text = TEXT(text_), .then = (then_), .error = (error_), \
		.status = (status_), __VA_ARGS__                                          \
	}
#define UPLOAD .method = "POST", .upload = 16 << 20

static const struct hostile rows[] = {
	/* silence */
	{ .name = "silence before a byte",
	  .raw = peer_wait_closed,
	  .limits.first_byte_timeout_ns = SHORT,
	  .error = FETCH_FIRST_BYTE_TIMEOUT },
	{ .name = "silence, and the request isn't read",
	  .raw = read_nothing,
	  .limits.first_byte_timeout_ns = SHORT,
	  .error = FETCH_FIRST_BYTE_TIMEOUT },
	STALL("silence behind the request", "", .first_byte_timeout_ns, FETCH_FIRST_BYTE_TIMEOUT,
	      0),
	STALL("silence in the version", "HTTP/", .idle_timeout_ns, FETCH_IDLE_TIMEOUT, 0),
	STALL("silence in the status line", "HTTP/1.1 200", .idle_timeout_ns, FETCH_IDLE_TIMEOUT,
	      0),
	STALL("silence behind an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", .idle_timeout_ns,
	      FETCH_IDLE_TIMEOUT, 0),
	STALL("silence in a name", OK "Content-", .idle_timeout_ns, FETCH_IDLE_TIMEOUT, 0),
	STALL("silence in a value", OK "Content-Length: 1", .idle_timeout_ns, FETCH_IDLE_TIMEOUT,
	      0),
	STALL("silence before the empty line", OK "Content-Length: 1\r\n", .idle_timeout_ns,
	      FETCH_IDLE_TIMEOUT, 0),
	STALL("silence between CR and LF", OK "Content-Length: 1\r\n\r", .idle_timeout_ns,
	      FETCH_IDLE_TIMEOUT, 0),
	STALL("silence behind the head", OK "Content-Length: 1\r\n\r\n", .idle_timeout_ns,
	      FETCH_IDLE_TIMEOUT, 200),
	STALL("silence in the body", OK "Content-Length: 2\r\n\r\nh", .idle_timeout_ns,
	      FETCH_IDLE_TIMEOUT, 200),
	STALL("silence in a body without length", OK "\r\nhi", .idle_timeout_ns, FETCH_IDLE_TIMEOUT,
	      200),
	STALL("silence in a chunk's size", CHUNKED "1", .idle_timeout_ns, FETCH_IDLE_TIMEOUT, 200),
	STALL("silence in an extension", CHUNKED "1;a", .idle_timeout_ns, FETCH_IDLE_TIMEOUT, 200),
	STALL("silence in a chunk", CHUNKED "2\r\nh", .idle_timeout_ns, FETCH_IDLE_TIMEOUT, 200),
	STALL("silence between chunks", CHUNKED "2\r\nhi\r\n", .idle_timeout_ns, FETCH_IDLE_TIMEOUT,
	      200),
	STALL("silence before the trailers", CHUNKED "0\r\n", .idle_timeout_ns, FETCH_IDLE_TIMEOUT,
	      200),
	STALL("silence in the trailers", CHUNKED "0\r\nA: ", .idle_timeout_ns, FETCH_IDLE_TIMEOUT,
	      200),
	{ .name = "silence ended by the total time",
	  .text = TEXT(OK "Content-Length: 2\r\n\r\nh"),
	  .then = THEN_STALL,
	  .limits.total_timeout_ns = SHORT,
	  .error = FETCH_TOTAL_TIMEOUT,
	  .alone = true },
	{ .name = "a large upload that nobody reads",
	  .raw = read_nothing,
	  UPLOAD,
	  .limits.idle_timeout_ns = SHORT,
	  .error = FETCH_SEND_FAILED },
	{ .name = "a large upload, ended by the total time",
	  .raw = read_nothing,
	  UPLOAD,
	  .limits.total_timeout_ns = SHORT,
	  .alone = true,
	  .error = FETCH_TOTAL_TIMEOUT },

	/* trickles */
	TRICKLE("a status line by bytes", "", "HTTP/1.1 200 x", .total_timeout_ns = SHORT,
		FETCH_TOTAL_TIMEOUT, 0),
	TRICKLE("a field by bytes", OK "A: ", "x", .total_timeout_ns = 5 * SHORT,
		FETCH_TOTAL_TIMEOUT, 0),
	{ .name = "interim answers, one by one",
	  .play = trickle_interim,
	  .limits.message.informational_count = 5,
	  .error = FETCH_TOO_MANY_INFORMATIONAL },
	{ .name = "interim answers during an upload",
	  .play = trickle_interim,
	  .then = THEN_CUT,
	  UPLOAD,
	  .error = FETCH_TOO_MANY_INFORMATIONAL },

	/* ends */
	{ .name = "closed at once",
	  .raw = leave_at_once,
	  .error = FETCH_CLOSED_EARLY,
	  .or_errors = { FETCH_RESET } },
	{ .name = "reset at once",
	  .raw = reset_at_once,
	  .error = FETCH_RESET,
	  .or_errors = { FETCH_SEND_FAILED, FETCH_CONNECT_FAILED, FETCH_CLOSED_EARLY } },
	END("closed behind the request", "", THEN_CLOSE, FETCH_CLOSED_EARLY, 0),
	END("reset behind the request", "", THEN_RESET, FETCH_RESET, 0),
	END("reset in the status line", "HTTP/1.1 2", THEN_RESET, FETCH_RESET, 0),
	END("reset in the head", OK "A: ", THEN_RESET, FETCH_RESET, 0),
	END("reset in the body", OK "Content-Length: 9\r\n\r\nhi", THEN_RESET, FETCH_RESET, 200),
	END("reset for the body's end", OK "\r\nhi", THEN_RESET, FETCH_RESET, 200),
	END("reset in a chunk", CHUNKED "9\r\nhi", THEN_RESET, FETCH_RESET, 200),
	END("reset before the trailers", CHUNKED "2\r\nhi\r\n0\r\n", THEN_RESET, FETCH_RESET, 200),
	{ .name = "half closed before the answer",
	  .play = half_close_before_answering,
	  .error = FETCH_CLOSED_EARLY,
	  .then = THEN_CLOSE },
	{ .name = "half closed in the head",
	  .play = half_close_in_the_head,
	  .error = FETCH_CLOSED_EARLY,
	  .then = THEN_CLOSE },
	{ .name = "half closed in the body",
	  .play = half_close_in_the_body,
	  .error = FETCH_TRUNCATED,
	  .status = 200,
	  .then = THEN_CLOSE },
	{ .name = "half closed behind the answer",
	  .play = half_close_behind_the_answer,
	  .status = 200,
	  .body = "hi",
	  .settle = true,
	  .then = THEN_CLOSE },
	{ .name = "an upload that is reset",
	  .raw = reset_at_once,
	  UPLOAD,
	  .error = FETCH_RESET,
	  .or_errors = { FETCH_SEND_FAILED, FETCH_CONNECT_FAILED, FETCH_CLOSED_EARLY } },
	{ .name = "an upload that is answered early",
	  .play = answer_early,
	  UPLOAD,
	  .status = 413,
	  .body = "no",
	  .then = THEN_CLOSE },

	/* what spoils a connection at rest */
	{ .name = "a second answer later",
	  .play = answer_again,
	  .status = 200,
	  .body = "hi",
	  .settle = true,
	  .then = THEN_CLOSE },
	{ .name = "a byte more later",
	  .play = say_a_byte_more,
	  .status = 200,
	  .body = "hi",
	  .settle = true,
	  .then = THEN_CLOSE },
	{ .name = "a 408 later",
	  .play = say_request_timeout,
	  .status = 200,
	  .body = "hi",
	  .settle = true,
	  .then = THEN_CLOSE },
	{ .name = "a reset later",
	  .play = reset_later,
	  .status = 200,
	  .body = "hi",
	  .settle = true,
	  .then = THEN_CLOSE },
	END("closed behind the answer", OK "Content-Length: 2\r\n\r\nhi", THEN_CLOSE, FETCH_OK, 200,
	    .body = "hi", .settle = true),
};

HOSTILE_TABLE(hostile_stalls, rows);
