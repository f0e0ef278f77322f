/* SPDX-License-Identifier: MIT */
#include "bench/runtime/bench.h"
#include "runtime/goroutine.h"
#include "runtime/select.h"
#include "runtime/waitgroup.h"

CHAN_OF(int64_t, long_chan);

/* One of four is ready. */
BENCH(SelectReady4)
{
	long_chan c[4];
	int64_t v;
	for (int i = 0; i < 4; i++)
		c[i] = chan_make(long_chan, 1);
	for (int64_t i = 0; i < n; i++) {
		chan_send(c[i & 3], i);
		struct select_case cases[] = { on_recv(c[0], &v), on_recv(c[1], &v),
					       on_recv(c[2], &v), on_recv(c[3], &v) };
		select_wait(cases);
	}
	for (int i = 0; i < 4; i++)
		chan_unref(c[i]);
}

BENCH(SelectDefault4)
{
	long_chan c[4];
	int64_t v;
	for (int i = 0; i < 4; i++)
		c[i] = chan_make(long_chan, 1);
	for (int64_t i = 0; i < n; i++) {
		struct select_case cases[] = { on_recv(c[0], &v), on_recv(c[1], &v),
					       on_recv(c[2], &v), on_recv(c[3], &v) };
		select_try(cases);
	}
	for (int i = 0; i < 4; i++)
		chan_unref(c[i]);
}

struct sender {
	long_chan *c;
	int64_t n;
	struct waitgroup *wg;
};

static void send_in_turn(struct sender *s)
{
	for (int64_t i = 0; i < s->n; i++)
		chan_send(s->c[i & 3], i);
	waitgroup_done(s->wg);
}

/* Both sides meet in the line: the select parks, or the sender does. */
BENCH(SelectSync4)
{
	long_chan c[4];
	int64_t v;
	struct waitgroup wg = { 0 };
	for (int i = 0; i < 4; i++)
		c[i] = chan_make(long_chan, 0);
	waitgroup_add(&wg, 1);
	go_with(send_in_turn, (struct sender){ c, n, &wg });
	for (int64_t i = 0; i < n; i++) {
		struct select_case cases[] = { on_recv(c[0], &v), on_recv(c[1], &v),
					       on_recv(c[2], &v), on_recv(c[3], &v) };
		select_wait(cases);
	}
	waitgroup_wait(&wg);
	for (int i = 0; i < 4; i++)
		chan_unref(c[i]);
}
