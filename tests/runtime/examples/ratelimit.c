/* SPDX-License-Identifier: MIT
 *
 * ratelimit: requests leave one per tick; a channel with room for three lets a burst through first.
 */
#include <stdio.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/select.h"
#include "runtime/ticker.h"
#include "runtime/waitgroup.h"

enum {
	BURST = 3,
	REQUESTS = 6
};
#define PERIOD (5 * MILLISECOND)

struct limiter {
	done_chan permits, stop; /* full of permits at first */
	struct waitgroup refilling;
};

/* A tick that finds the channel full is lost: permits don't pile up beyond a burst. */
static void refill(struct limiter *l)
{
	enum {
		ON_TICK,
		ON_STOP
	};
	struct ticker *t = ticker_new(PERIOD);
	struct select_case cases[] = {
		[ON_TICK] = on_recv(ticker_chan(t), NULL),
		[ON_STOP] = on_recv(l->stop, NULL),
	};
	while (select_wait(cases) == ON_TICK)
		chan_try_send(l->permits, NOTHING);
	ticker_free(t);
	waitgroup_done(&l->refilling);
}

static int start(int argc, char **argv)
{
	(void)argc, (void)argv;
	struct limiter l = { chan_make(done_chan, BURST), chan_make(done_chan, 0), { 0 } };
	int64_t begin = clock_now();
	for (int i = 0; i < BURST; i++)
		chan_send(l.permits, NOTHING);
	waitgroup_add(&l.refilling, 1);
	go(refill, &l);

	for (int i = 1; i <= REQUESTS; i++) {
		chan_recv(l.permits, NULL);
		printf("request %d\n", i);
	}
	bool limited = clock_now() - begin >= (REQUESTS - BURST) * PERIOD;
	printf("%s\n", limited ? "not faster than allowed" : "too fast");

	chan_close(l.stop);
	waitgroup_wait(&l.refilling);
	chan_unref(l.stop);
	chan_unref(l.permits);
	return 0;
}

int main(int argc, char **argv)
{
	return runtime_main(start, argc, argv);
}
