/* SPDX-License-Identifier: MIT
 *
 * shutdown: works until SIGINT or SIGTERM comes, then lets each worker finish what it has begun. A second signal, should that take too
 * long, kills as always: delivery has been stopped by then.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "runtime/errgroup.h"
#include "runtime/goroutine.h"
#include "runtime/select.h"
#include "runtime/signal.h"
#include "runtime/ticker.h"

enum {
	WORKERS = 3
};

/* A little work at each tick, until its context ends. */
static int work(void *arg)
{
	enum {
		ON_TICK,
		ON_DONE
	};
	struct context *ctx = arg;
	struct ticker *t = ticker_new(MILLISECOND);
	struct select_case cases[] = {
		[ON_TICK] = on_recv(ticker_chan(t), NULL),
		[ON_DONE] = on_recv(context_done(ctx), NULL),
	};
	while (select_wait(cases) == ON_TICK)
		;
	ticker_free(t);
	return 0;
}

static int start(int argc, char **argv)
{
	(void)argc, (void)argv;
	signal_chan signals = chan_make(signal_chan, 1);
	signal_notify(signals, SIGINT, SIGTERM, 0);

	struct context *ctx = context_with_cancel(context_background());
	struct errgroup *workers = errgroup_new(ctx);
	for (int i = 0; i < WORKERS; i++)
		errgroup_go(workers, work, ctx);
	printf("working; Ctrl-C stops\n");
	fflush(stdout);

	int number;
	chan_recv(signals, &number);
	signal_stop(signals);
	chan_unref(signals);
	printf("SIG%s: stopping\n", sigabbrev_np(number));

	context_cancel(ctx);
	int err = errgroup_wait(workers);
	context_unref(ctx);
	printf("all %d workers have finished\n", WORKERS);
	return err;
}

int main(int argc, char **argv)
{
	return runtime_main(start, argc, argv);
}
