/* SPDX-License-Identifier: MIT
 *
 * dialogue: a proxy that plays one conversation, byte by byte, on a loopback port of its own: it reads
 * exactly what it expects, checks it, and says its reply. For the handshakes with proxies (socks.h,
 * tunnel.h), each in whole replies and in single bytes.
 *
 *	static const struct dialogue d = { .lines = { { STR_INIT("\5\1\0"), STR_INIT("\5\0") }, ... } };
 *	struct dialogue_with with;
 *	dialogue_open(&with, &d, 0);
 *	e = socks_connect(with.conn, ...);
 *	dialogue_close(&with);
 */
#ifndef TESTS_CLIENT_DIALOGUE_H
#define TESTS_CLIENT_DIALOGUE_H

#include "src/client/scope.h"
#include "src/common/str.h"
#include "tests/client/scripted.h"

#define DIALOGUE_LINES 4

struct dialogue {
	struct dialogue_line {
		struct str want, reply; /* up to one without either */
	} lines[DIALOGUE_LINES];
	enum dialogue_end {
		END_CLOSE,
		END_RESET,
		END_ECHO, /* says what it hears, until the client closes */
	} end;
};

struct dialogue_with {
	const struct dialogue *dialogue;
	size_t piece;
	struct origin *proxy;
	struct conn *conn; /* to it */
	struct scope scope;
};

/* piece: bytes a write; 0 = a reply at once. */
void dialogue_open(struct dialogue_with *w, const struct dialogue *d, size_t piece);
void dialogue_close(struct dialogue_with *w);
/* What the proxy echoes is what we say. */
void dialogue_check_echo(struct dialogue_with *w);

#endif
