/* SPDX-License-Identifier: MIT
 *
 * timeout: an answer, or a deadline, whichever comes first. The slow goroutine learns from its context that nobody listens.
 */
#include <stdio.h>

#include "runtime/context.h"
#include "runtime/goroutine.h"
#include "runtime/select.h"
#include "runtime/ticker.h"

CHAN_OF(const char *, text_chan);

struct question {
	text_chan_tx answer;
	struct context *ctx;
	int64_t takes_ns;
};

/* Answers after a while, or gives up when ctx ends. */
static void think(struct question *q)
{
	enum {
		ON_TIME,
		ON_DONE
	};
	time_chan later = time_after(q->takes_ns);
	struct select_case cases[] = {
		[ON_TIME] = on_recv(later, NULL),
		[ON_DONE] = on_recv(context_done(q->ctx), NULL),
	};
	chan_send(q->answer, select_wait(cases) == ON_TIME ? "42" : "never mind");
	chan_unref(later);
}

static void ask(int64_t takes_ns, int64_t patience_ns)
{
	enum {
		ON_ANSWER,
		ON_TIMEOUT
	};
	const char *answer = NULL;
	text_chan c = chan_make(text_chan, 0);
	struct context *ctx = context_with_cancel(context_background());
	time_chan timeout = time_after(patience_ns);
	go_with(think, (struct question){ c.as_tx, ctx, takes_ns });

	struct select_case cases[] = {
		[ON_ANSWER] = on_recv(c, &answer),
		[ON_TIMEOUT] = on_recv(timeout, NULL),
	};
	switch (select_wait(cases)) {
	case ON_ANSWER:
		printf("answer: %s\n", answer);
		break;
	case ON_TIMEOUT:
		context_cancel(ctx);
		chan_recv(c, &answer);
		printf("timeout: %s\n", answer);
		break;
	}
	chan_unref(timeout);
	context_unref(ctx);
	chan_unref(c);
}

static int start(int argc, char **argv)
{
	(void)argc, (void)argv;
	ask(MILLISECOND, 3600 * SECOND);
	ask(3600 * SECOND, MILLISECOND);
	return 0;
}

int main(int argc, char **argv)
{
	return runtime_main(start, argc, argv);
}
