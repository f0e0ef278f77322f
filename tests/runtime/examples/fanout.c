/* SPDX-License-Identifier: MIT
 *
 * fanout: how many primes are below 10,000? Four goroutines take ranges from one channel (fan-out) and send what they find into another
 * (fan-in). Whichever is free takes the next range: no schedule, and none idle while there is work.
 */
#include <stdio.h>

#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"

enum {
	WORKERS = 4,
	RANGE = 500,
	BELOW = 10000
};

CHAN_OF(int, int_chan);

static bool is_prime(int n)
{
	for (int d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return n >= 2;
}

struct stage {
	int_chan_rx in;
	int_chan_tx out;
	struct waitgroup *running;
};

static void deal_ranges(struct stage *s)
{
	for (int begin = 0; begin < BELOW; begin += RANGE)
		chan_send(s->out, begin);
	chan_close(s->out);
	waitgroup_done(s->running);
}

static void search(struct stage *s)
{
	int begin, count;
	while (chan_recv(s->in, &begin)) {
		count = 0;
		for (int n = begin; n < begin + RANGE; n++)
			count += is_prime(n);
		chan_send(s->out, count);
	}
	waitgroup_done(s->running);
}

static int start(int argc, char **argv)
{
	(void)argc, (void)argv;
	int_chan ranges = chan_make(int_chan, 0), counts = chan_make(int_chan, 0);
	struct waitgroup running = { 0 };
	waitgroup_add(&running, 1 + WORKERS);
	go_with(deal_ranges, (struct stage){ .out = ranges.as_tx, .running = &running });
	for (int i = 0; i < WORKERS; i++)
		go_with(search, (struct stage){ ranges.as_rx, counts.as_tx, &running });

	int primes = 0, count;
	for (int i = 0; i < BELOW / RANGE && chan_recv(counts, &count); i++)
		primes += count;
	printf("%d primes below %d\n", primes, BELOW);

	waitgroup_wait(&running);
	chan_unref(counts);
	chan_unref(ranges);
	return 0;
}

int main(int argc, char **argv)
{
	return runtime_main(start, argc, argv);
}
