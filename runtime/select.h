/* SPDX-License-Identifier: MIT
 *
 * select: waits for the first of several sends and receives. Go's select.
 *
 *	enum { ON_PAGE, ON_DONE };
 *	struct select_case cases[] = {
 *		[ON_PAGE] = on_recv(pages, &page),
 *		[ON_DONE] = on_recv(context_done(ctx), NULL),
 *	};
 *	switch (select_wait(cases)) { case ON_PAGE: ... case ON_DONE: ... }
 *
 * If several can go on at once, each is as likely as the others. A nil channel's case is never ready; without any case that can
 * become ready the goroutine parks for ever. Panics with "send on closed channel" as chan_send does. A case holds its own
 * wait node, so nothing is allocated; cases may be used again, by one goroutine at a time.
 */
#ifndef RUNTIME_SELECT_H
#define RUNTIME_SELECT_H

#include "runtime/chan.h"

struct select_case {
	struct chan *chan;
	struct chan_waiter node;
	bool is_send;
	bool ok; /* once chosen: false when a receive found the channel closed and drained */
	uint16_t poll,
		order; /* scratch: the i-th case says which one is polled, and locked, as the i-th */
};

#define SELECT_CASES_MAX 65535

/* As chan_recv and chan_send. The value to send is copied now; the copy lives until the end of the enclosing block. */
#define on_recv(c, ptr) \
	((struct select_case){ .chan = (c).rx, .node = { .elem = CHAN__PTR(c, ptr) } })
#define on_send(c, ...)                                                         \
	((struct select_case){ .chan = (c).tx,                                  \
			       .node = { .elem = CHAN__VALUE(c, __VA_ARGS__) }, \
			       .is_send = true })

/* The index of the case that went on. Parks. cases: an array (refused when it is a pointer). */
#define select_wait(cases) select_wait_n((cases), SELECT__LEN(cases))

/* As select with a default: -1 if none can go on at once. Never parks. Any thread of the runtime. */
#define select_try(cases) select_try_n((cases), SELECT__LEN(cases))

int select_wait_n(struct select_case *cases, size_t n);
int select_try_n(struct select_case *cases, size_t n);

#define SELECT__LEN(a)                                                                             \
	(ARRAY_LEN(a) +                                                                            \
	 0 * sizeof(struct {                                                                       \
		 _Static_assert(!__builtin_types_compatible_p(__typeof__(a), __typeof__(&(a)[0])), \
				"select: an array of cases, or the _n form");                      \
		 int dummy;                                                                        \
	 }))

#endif
