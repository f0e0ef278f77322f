/* SPDX-License-Identifier: MIT
 *
 * Channels: a round trip, and a stream from producers to consumers.
 */
#include "bench/runtime/bench.h"
#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"

CHAN_OF(int64_t, long_chan);

struct ends {
	long_chan in, out;
	int64_t n;
	struct waitgroup *wg;
};

static void echo(struct ends *e)
{
	int64_t v;
	while (chan_recv(e->in, &v))
		chan_send(e->out, v);
	waitgroup_done(e->wg);
}

BENCH(ChanPingPong, "unbuffered channels, there and back")
{
	long_chan a = chan_make(long_chan, 0), b = chan_make(long_chan, 0);
	struct waitgroup wg = { 0 };
	bench_report_cpu();
	waitgroup_add(&wg, 1);
	go_with(echo, (struct ends){ .in = a, .out = b, .wg = &wg });
	for (int64_t i = 0, v; i < n; i++) {
		chan_send(a, i);
		chan_recv(b, &v);
	}
	chan_close(a);
	waitgroup_wait(&wg);
	chan_unref(a);
	chan_unref(b);
}

static void produce(struct ends *e)
{
	for (int64_t i = 0; i < e->n; i++)
		chan_send(e->out, i);
	waitgroup_done(e->wg);
}

static void consume(struct ends *e)
{
	int64_t v;
	while (chan_recv(e->in, &v))
		;
	waitgroup_done(e->wg);
}

static void stream(int64_t n, int producers, int consumers, size_t capacity)
{
	long_chan c = chan_make(long_chan, capacity);
	struct waitgroup sent = { 0 }, received = { 0 };
	bench_report_cpu();
	waitgroup_add(&sent, producers);
	waitgroup_add(&received, consumers);
	for (int i = 0; i < producers; i++)
		go_with(produce,
			(struct ends){ .out = c, .n = bench_share(n, i, producers), .wg = &sent });
	for (int i = 0; i < consumers; i++)
		go_with(consume, (struct ends){ .in = c, .wg = &received });
	waitgroup_wait(&sent);
	chan_close(c);
	waitgroup_wait(&received);
	chan_unref(c);
}

BENCH(ChanUnbuffered, "a value from one goroutine to another, unbuffered")
{
	stream(n, 1, 1, 0);
}

BENCH(ChanBuffered1to1, "the same with a buffer of 128")
{
	stream(n, 1, 1, 128);
}

BENCH(ChanBuffered2to2, "two producers, two consumers, a buffer of 128")
{
	stream(n, 2, 2, 128);
}

BENCH(ChanBuffered8to1, "eight producers, one consumer, a buffer of 128")
{
	stream(n, 8, 1, 128);
}

BENCH(ChanAlone, "one goroutine sends into a buffer and receives: lock and ring")
{
	long_chan c = chan_make(long_chan, 1);
	for (int64_t i = 0, v; i < n; i++) {
		chan_send(c, i);
		chan_recv(c, &v);
	}
	chan_unref(c);
}
