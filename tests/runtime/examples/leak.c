/* SPDX-License-Identifier: MIT
 *
 * leak: two replicas are asked, the first answer is taken. The slower one then waits for ever for somebody to take its own: a goroutine
 * that has leaked. Three ways to let it go: room in the channel, a channel that is closed, a context that is cancelled.
 */
#include <stdio.h>

#include "runtime/context.h"
#include "runtime/goroutine.h"
#include "runtime/select.h"

CHAN_OF(int, int_chan);

struct replica {
	int_chan answers;  /* a reference of its own: it may outlive who asked */
	done_chan_rx stop; /* nil: never */
};

static void answer(struct replica *r)
{
	struct select_case cases[] = { on_send(r->answers, 42), on_recv(r->stop, NULL) };
	select_wait(cases);
	chan_unref(r->answers);
}

static int_chan ask_two(size_t room, done_chan_rx stop)
{
	int_chan answers = chan_make(int_chan, room);
	for (int i = 0; i < 2; i++)
		go_with(answer, (struct replica){ chan_ref(answers), stop });
	chan_recv(answers, NULL);
	return answers;
}

/* Waits until at most so many are left besides this one. A test's leak check does the same, and fails when they don't go. */
static void report(const char *how, int left)
{
	while (goroutine_count() > 1 + left)
		goroutine_yield();
	printf("%s: %d left\n", how, (int)goroutine_count() - 1);
}

static int start(int argc, char **argv)
{
	(void)argc, (void)argv;
	done_chan_rx never = { 0 };

	int_chan leaky = ask_two(0, never);
	report("leak", 1);
	chan_recv(leaky, NULL); /* only so that this program ends clean */
	chan_unref(leaky);

	chan_unref(ask_two(1, never));
	report("buffered channel", 0);

	done_chan stop = chan_make(done_chan, 0);
	int_chan answers = ask_two(0, stop.as_rx);
	chan_close(stop);
	report("closed channel", 0);
	chan_unref(answers);
	chan_unref(stop);

	struct context *ctx = context_with_cancel(context_background());
	answers = ask_two(0, context_done(ctx));
	context_cancel(ctx);
	report("cancelled context", 0);
	chan_unref(answers);
	context_unref(ctx);
	return 0;
}

int main(int argc, char **argv)
{
	return runtime_main(start, argc, argv);
}
