/* SPDX-License-Identifier: MIT */
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

/* One round trip between two goroutines. */
static void ping_pong(int64_t n, size_t capacity)
{
	long_chan a = chan_make(long_chan, capacity), b = chan_make(long_chan, capacity);
	struct waitgroup wg = { 0 };
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

BENCH(ChanPingPong)
{
	ping_pong(n, 0);
}

BENCH(ChanPingPongBuffered)
{
	ping_pong(n, 1);
}

static void produce(struct ends *e)
{
	for (int64_t i = 0; i < e->n; i++)
		chan_send(e->out, i);
	waitgroup_done(e->wg);
}

/* One value from producers to a consumer. */
static void stream(int64_t n, int producers, size_t capacity)
{
	long_chan c = chan_make(long_chan, capacity);
	struct waitgroup wg = { 0 };
	int64_t each = n / producers + 1, v;
	waitgroup_add(&wg, producers);
	for (int i = 0; i < producers; i++)
		go_with(produce, (struct ends){ .out = c, .n = each, .wg = &wg });
	for (int64_t i = 0; i < each * producers; i++)
		chan_recv(c, &v);
	waitgroup_wait(&wg);
	chan_unref(c);
}

BENCH(ChanSync)
{
	stream(n, 1, 0);
}

BENCH(ChanBuffered100)
{
	stream(n, 1, 100);
}

BENCH(ChanFanIn8Buffered100)
{
	stream(n, 8, 100);
}

/* Send and receive by one goroutine: what the lock and the ring cost. */
BENCH(ChanUncontended)
{
	long_chan c = chan_make(long_chan, 1);
	for (int64_t i = 0, v; i < n; i++) {
		chan_send(c, i);
		chan_recv(c, &v);
	}
	chan_unref(c);
}

BENCH(ChanTryRecvEmpty)
{
	long_chan c = chan_make(long_chan, 1);
	int64_t v;
	for (int64_t i = 0; i < n; i++)
		if (chan_try_recv(c, &v, NULL))
			return;
	chan_unref(c);
}

BENCH(ChanMakeFree)
{
	for (int64_t i = 0; i < n; i++)
		chan_unref(chan_make(long_chan, 8));
}
