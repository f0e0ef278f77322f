/* SPDX-License-Identifier: MIT
 *
 * Skynet: a tree of goroutines, ten children each, whose million leaves send their numbers up to be summed.
 */
#include "bench/runtime/bench.h"
#include "runtime/chan.h"
#include "runtime/goroutine.h"

CHAN_OF(int64_t, long_chan);

struct node {
	long_chan out;
	int64_t number, leaves;
};

static void skynet(struct node *s)
{
	if (s->leaves == 1) {
		chan_send(s->out, s->number);
		return;
	}
	long_chan in = chan_make(long_chan, 0);
	int64_t part = s->leaves / 10, sum = 0, v;
	for (int64_t i = 0; i < 10; i++)
		go_with(skynet, (struct node){ in, s->number + i * part, part });
	for (int i = 0; i < 10; i++) {
		chan_recv(in, &v);
		sum += v;
	}
	chan_unref(in);
	chan_send(s->out, sum);
}

BENCH(Skynet1M, "a tree of goroutines with 1,000,000 leaves, summed over channels")
{
	int64_t leaves = bench_crowd(1000000) < 1000000 ? 1000 : 1000000, sum;
	long_chan out = chan_make(long_chan, 0);
	bench_report_cpu();
	for (int64_t i = 0; i < n; i++) {
		go_with(skynet, (struct node){ out, 0, leaves });
		chan_recv(out, &sum);
		if (sum != leaves * (leaves - 1) / 2)
			panic("skynet's sum is wrong: %lld", (long long)sum);
	}
	chan_unref(out);
}
