/* SPDX-License-Identifier: MIT
 *
 * desc: a socket on the netpoller: who may use it, readiness, deadlines, interruption. Internal to runtime/; conn.c and listener.c stand on it.
 *
 * Each direction is in one of Go's pollDesc states: nothing known; ready (a report came and nobody has used it); a goroutine waits. A report
 * turns "nothing" into "ready", or readies the waiter; a wait turns "ready" into "nothing" and returns, or parks. Since the registration is
 * edge-triggered, each report is kept until it is used. All is under d->lock, which the park releases: no window between look and sleep.
 *
 * Reads wait first and read then (a read right after a write finds nothing nearly each time). For that, what an edge won't report again must stick:
 * hangup (the peer's FIN may come in one report with its data), and "more" (the last read filled the buffer: desc_more).
 *
 * Users are counted in d->use, a field for each kind: a close while others are inside takes effect at once (they get -EBADF), but
 * the descriptor's number and the owner's memory go only when the last has left (Go's fdMutex).
 */
#ifndef RUNTIME_DESC_H
#define RUNTIME_DESC_H

#include <stdatomic.h>

#include "runtime/poll.h"

struct g;

enum desc_dir {
	DESC_READ,
	DESC_WRITE
};

enum desc_use {
	DESC_CLOSED = 1 << 0,
	DESC_READING = 1 << 8,	/* at most one */
	DESC_WRITING = 1 << 16, /* at most one */
	DESC_CALLING = 1 << 24, /* the idle watch's function */
};

struct desc_half {
	struct g *waiter;
	struct timer timer;
	int64_t deadline_ns;
	int64_t armed_ns; /* when the timer will fire; NEVER = not armed. Not later than the deadline, maybe earlier */
	bool ready;
	bool expired; /* the deadline has passed */
};

struct desc {
	struct poll_source source;
	_Atomic uint32_t use; /* enum desc_use */
	struct lock
		lock; /* guards the rest, but fd, destroy and owner, which are constant while open */
	uint16_t tag; /* of this registration */
	bool open;
	bool hangup; /* reads don't block any more */
	int error;   /* of desc_interrupt; 0 = none */
	struct desc_half half[2];
	void (*watch)(void *owner, void *arg);
	void *watch_arg;
	int fd;
	void (*destroy)(void *owner);
	void *owner;
	struct desc *next_free;
};

/* Registers fd. destroy(owner) is called when it is closed and nobody uses it any more: it calls desc_free, and frees owner.
 * Returns 0 or -errno; fd stays the caller's then. */
int desc_open(int fd, void (*destroy)(void *owner), void *owner, struct desc **ret_desc) MUST_USE;

/* Wakes all waiters with -EBADF; destroys at once or when the last user leaves. */
void desc_close(struct desc *d);

/* Closes fd, gives d back. From destroy. */
void desc_free(struct desc *d);

/* Brackets each use. enter gives 0, or -EBADF when closed; panics if the field's one place is taken. */
int desc_enter(struct desc *d, enum desc_use use) MUST_USE;
void desc_leave(struct desc *d, enum desc_use use);

/* Parks until the direction is ready; uses that readiness up. 0, or -EBADF, -ETIMEDOUT, or the error of desc_interrupt. Between enter and leave. */
int desc_wait(struct desc *d, enum desc_dir dir) MUST_USE;

/* -ETIMEDOUT when the deadline has passed, else 0: for a use that tries before it waits. */
int desc_in_time(struct desc *d, enum desc_dir dir) MUST_USE;

/* The last use may have left something behind: the next wait returns at once. */
void desc_more(struct desc *d, enum desc_dir dir);

/* Reports were used up and what they were about is still there: the next reads try, until one would block. */
void desc_unsure(struct desc *d);

/* A read would have blocked although hangup said that it would not. */
void desc_blocked(struct desc *d);

void desc_set_deadline(struct desc *d, enum desc_dir dir, int64_t deadline_ns);
void desc_interrupt(struct desc *d, int error);

/* Calls watch(owner, arg) at the next read report, once, on the netpoller, and gives true. False, and no watch, if a report or a hangup came before:
 * it is used up, and the caller looks at the socket itself. */
bool desc_watch(struct desc *d, void (*watch)(void *owner, void *arg), void *arg);
/* Takes the watch off; true if it had not fired. Waits for its function to end; not from that function. */
bool desc_unwatch(struct desc *d);

#endif
