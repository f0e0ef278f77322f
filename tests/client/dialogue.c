/* SPDX-License-Identifier: MIT
 *
 * dialogue: on scripted.h's origin, which hands a connection to play.
 */
#include "tests/client/dialogue.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "tests/harness.h"

static bool hear(struct peer *p, struct str want)
{
	char heard[1024];
	size_t len = 0;
	CHECK_LT(want.len, sizeof(heard));
	while (len < want.len) {
		ssize_t n = peer_read(p, heard + len, want.len - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
	}
	if (want.len && memcmp(heard, want.data, want.len) != 0)
		test_fail("heard \"%.*s\", not \"%.*s\"", (int)len, heard, STR_ARG(want));
	return true;
}

static bool say(struct peer *p, struct str reply, size_t piece)
{
	size_t step = piece ? piece : reply.len;
	for (size_t at = 0; at < reply.len; at += step) {
		struct str part = str_slice(reply, at, step);
		if (!peer_write(p, part.data, part.len))
			return false;
		goroutine_yield();
	}
	return true;
}

static void echo(struct peer *p)
{
	char bytes[256];
	ssize_t n;
	while ((n = peer_read(p, bytes, sizeof(bytes))) > 0)
		if (!peer_write(p, bytes, (size_t)n))
			return;
}

static void play(struct peer *p)
{
	struct dialogue_with *w = p->origin->options.user;
	for (int i = 0; i < DIALOGUE_LINES; i++) {
		const struct dialogue_line *line = &w->dialogue->lines[i];
		if (!hear(p, line->want) || !say(p, line->reply, w->piece))
			return;
	}
	if (w->dialogue->end == END_ECHO)
		echo(p);
	else if (w->dialogue->end == END_RESET)
		peer_reset(p);
}

void dialogue_open(struct dialogue_with *w, const struct dialogue *d, size_t piece)
{
	w->dialogue = d;
	w->piece = piece;
	w->scope = scope_of(context_background(), clock_now() + 60 * SECOND);
	w->proxy = origin_open(&(struct origin_options){ .play = play, .user = w });
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(w->proxy->port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CHECK_OK(conn_dial((const void *)&to, sizeof(to), w->scope.deadline_ns, &w->conn));
	conn_set_deadline(w->conn, w->scope.deadline_ns);
}

void dialogue_close(struct dialogue_with *w)
{
	conn_close(w->conn);
	origin_close(w->proxy);
}

void dialogue_check_echo(struct dialogue_with *w)
{
	char heard[9] = "";
	CHECK_EQ(conn_write(w->conn, "are you?", 8), 8);
	for (size_t len = 0; len < 8;) {
		ssize_t n = conn_read(w->conn, heard + len, 8 - len);
		CHECK(n > 0);
		len += (size_t)n;
	}
	CHECK_STR(heard, "are you?");
}
