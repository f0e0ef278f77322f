/* SPDX-License-Identifier: MIT
 *
 * Select: four receive cases, of which one is ready, none is, or the two sides have to meet.
 */
#include "bench/runtime/bench.h"
#include "runtime/goroutine.h"
#include "runtime/select.h"
#include "runtime/waitgroup.h"

CHAN_OF(int64_t, long_chan);

static void make_four(long_chan *ret_c, size_t capacity)
{
	for (int i = 0; i < 4; i++)
		ret_c[i] = chan_make(long_chan, capacity);
}

static void free_four(long_chan *c)
{
	for (int i = 0; i < 4; i++)
		chan_unref(c[i]);
}

BENCH(SelectReady4, "a send into one of four buffers, and a select that finds it")
{
	long_chan c[4];
	int64_t v;
	make_four(c, 1);
	for (int64_t i = 0; i < n; i++) {
		chan_send(c[i & 3], i);
		struct select_case cases[] = { on_recv(c[0], &v), on_recv(c[1], &v),
					       on_recv(c[2], &v), on_recv(c[3], &v) };
		select_wait(cases);
	}
	free_four(c);
}

BENCH(SelectDefault4, "a select of four with default, nothing ready")
{
	long_chan c[4];
	int64_t v;
	make_four(c, 1);
	for (int64_t i = 0; i < n; i++) {
		struct select_case cases[] = { on_recv(c[0], &v), on_recv(c[1], &v),
					       on_recv(c[2], &v), on_recv(c[3], &v) };
		select_try(cases);
	}
	free_four(c);
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

BENCH(SelectSync4, "a select of four that waits for the sender, unbuffered")
{
	long_chan c[4];
	int64_t v;
	struct waitgroup wg = { 0 };
	make_four(c, 0);
	bench_report_cpu();
	waitgroup_add(&wg, 1);
	go_with(send_in_turn, (struct sender){ c, n, &wg });
	for (int64_t i = 0; i < n; i++) {
		struct select_case cases[] = { on_recv(c[0], &v), on_recv(c[1], &v),
					       on_recv(c[2], &v), on_recv(c[3], &v) };
		select_wait(cases);
	}
	waitgroup_wait(&wg);
	free_four(c);
}
