/* SPDX-License-Identifier: MIT
 *
 * inject: makes one system call or allocation of this process fail, that which the test names by its
 * number; counts them all.
 *
 *	inject_begin(&(struct injection){ CALL_SEND, .error = EPIPE, .first = 2, .count = 1 });
 *	... the request ...
 *	if (!inject_end())	// the request made fewer calls than that
 *		break;
 *
 * inject.c defines malloc and its like, and the system calls' functions, in the test program itself. So
 * they are what every library of the process calls, too: OpenSSL, c-ares, the decoders. No product
 * code knows of it. Between begin and end, calls of all threads are counted.
 *
 * Left alone are what the runtime asks for itself (out of memory inside the runtime is fatal, by
 * design): allocations made in runtime/, but for those that give -ENOMEM to their callers (conn.c), and
 * those of the C library for a new thread.
 */
#ifndef TESTS_CLIENT_FAULTS_INJECT_H
#define TESTS_CLIENT_FAULTS_INJECT_H

#include <stdbool.h>

#define INJECTED_CALLS(X)             \
	X(MEMORY, "an allocation")    \
	X(SOCKET, "socket")           \
	X(CONNECT, "connect")         \
	X(BIND, "bind")               \
	X(SEND, "send")               \
	X(RECV, "recv")               \
	X(WRITEV, "writev")           \
	X(SETSOCKOPT, "setsockopt")   \
	X(GETSOCKOPT, "getsockopt")   \
	X(GETSOCKNAME, "getsockname") \
	X(FCNTL, "fcntl") X(EPOLL_ADD, "epoll_ctl") X(CLOSE, "close") X(FOPEN, "fopen")

enum injected_call {
#define X(name, text) CALL_##name,
	INJECTED_CALLS(X)
#undef X
	INJECTED_CALLS_LEN
};

/* Instead of an errno: the call does its work with one byte. */
#define INJECT_SHORT (-1)

struct injection {
	enum injected_call call;
	int error; /* for CALL_GETSOCKOPT: the socket's error */
	int first; /* the number of the first call to fail, from 1; 0 = none does */
	int count; /* how many fail */
};

void inject_begin(const struct injection *what);
/* Whether a call failed. */
bool inject_end(void);

/* Of the last window: how many calls there were, and where the last that failed was made. */
int inject_calls(enum injected_call call);
const char *inject_where(void);

const char *inject_name(enum injected_call call);

#endif
