/* SPDX-License-Identifier: MIT
 *
 * pipeline: stages joined by channels, each a goroutine: numbers -> two that square -> one that sums. After the Go blog's
 * "Go Concurrency Patterns: Pipelines and cancellation".
 */
#include <stdio.h>

#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"

CHAN_OF(int, int_chan);

struct stage {
	int_chan_rx in;
	int_chan_tx out;
	struct waitgroup *running;
};

static void count_to_ten(struct stage *s)
{
	for (int i = 1; i <= 10; i++)
		chan_send(s->out, i);
	chan_close(s->out);
}

static void square(struct stage *s)
{
	int n;
	while (chan_recv(s->in, &n))
		chan_send(s->out, n * n);
	waitgroup_done(s->running);
}

/* Closes the channel into which several send, once all of them have returned. */
static void close_after(struct stage *s)
{
	waitgroup_wait(s->running);
	chan_close(s->out);
}

static int start(int argc, char **argv)
{
	(void)argc, (void)argv;
	int_chan numbers = chan_make(int_chan, 0), squares = chan_make(int_chan, 0);
	struct waitgroup squaring = { 0 };

	go_with(count_to_ten, (struct stage){ .out = numbers.as_tx });
	waitgroup_add(&squaring, 2);
	for (int i = 0; i < 2; i++)
		go_with(square, (struct stage){ numbers.as_rx, squares.as_tx, &squaring });
	go_with(close_after, (struct stage){ .out = squares.as_tx, .running = &squaring });

	int n, sum = 0;
	while (chan_recv(squares, &n))
		sum += n;
	printf("1² + 2² + … + 10² = %d\n", sum);

	chan_unref(squares);
	chan_unref(numbers);
	return 0;
}

int main(int argc, char **argv)
{
	return runtime_main(start, argc, argv);
}
