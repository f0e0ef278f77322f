/* SPDX-License-Identifier: MIT
 *
 * counter: four goroutines count to a thousand each, together: once on a number that a mutex guards, once by sending to the one goroutine
 * that owns the number. Shared state wants the mutex; what is handed on wants the channel.
 */
#include <stdio.h>

#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/mutex.h"
#include "runtime/waitgroup.h"

enum {
	COUNTERS = 4,
	EACH = 1000
};

CHAN_OF(int, int_chan);

struct shared {
	struct mutex lock;
	int count; /* under lock */
	struct waitgroup counting;
};

static void count_locked(struct shared *s)
{
	for (int i = 0; i < EACH; i++) {
		mutex_lock(&s->lock);
		s->count++;
		mutex_unlock(&s->lock);
	}
	waitgroup_done(&s->counting);
}

static int with_mutex(void)
{
	struct shared s = { 0 };
	waitgroup_add(&s.counting, COUNTERS);
	for (int i = 0; i < COUNTERS; i++)
		go(count_locked, &s);
	waitgroup_wait(&s.counting);
	return s.count;
}

static void count_by_sending(int_chan_tx *ones)
{
	for (int i = 0; i < EACH; i++)
		chan_send(*ones, 1);
}

static int with_channel(void)
{
	int_chan ones = chan_make(int_chan, 0);
	int count = 0, one;
	for (int i = 0; i < COUNTERS; i++)
		go_with(count_by_sending, (int_chan_tx){ .tx = ones.tx });
	while (count < COUNTERS * EACH && chan_recv(ones, &one))
		count += one;
	chan_unref(ones);
	return count;
}

static int start(int argc, char **argv)
{
	(void)argc, (void)argv;
	printf("mutex: %d\n", with_mutex());
	printf("channel: %d\n", with_channel());
	return 0;
}

int main(int argc, char **argv)
{
	return runtime_main(start, argc, argv);
}
