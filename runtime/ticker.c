/* SPDX-License-Identifier: MIT
 *
 * ticker: timers whose callback tries to send into a channel with room for one.
 *
 * The channel of time_after holds its timer in its own memory: its last unref stops the timer, so a forgotten one needs no
 * goroutine and no second owner. A ticker owns timer and channel; its callback sets the timer anew as its last act.
 */
#include "runtime/ticker.h"

#include <stdlib.h>

#include "runtime/chan_internal.h"
#include "runtime/clock.h"
#include "runtime/timer.h"

struct after {
	struct timer timer;
	struct chan chan; /* last: its slots follow */
};

struct ticker {
	struct timer timer;
	time_chan chan;
	int64_t period_ns, next_ns; /* next_ns: by the callback, one after the other */
};

static int64_t add_ns(int64_t time_ns, int64_t ns)
{
	int64_t sum;
	return __builtin_add_overflow(time_ns, ns, &sum) ? NEVER : sum;
}

static void send_after(struct timer *t)
{
	time_chan c = { .tx = &CONTAINER_OF(t, struct after, timer)->chan };
	chan_try_send(c, clock_now());
}

static void destroy_after(struct chan *c)
{
	struct after *a = CONTAINER_OF(c, struct after, chan);
	timer_stop(&a->timer);
	POISON(a, sizeof(*a));
	free(a);
}

time_chan time_after(int64_t ns)
{
	struct after *a = xmalloc(offsetof(struct after, chan) + chan__size(1, sizeof(int64_t)));
	chan__init(&a->chan, 1, sizeof(int64_t), destroy_after);
	timer_init(&a->timer, send_after);
	timer_set(&a->timer, add_ns(clock_now(), ns));
	return (time_chan){ .tx = &a->chan };
}

static void tick(struct timer *timer)
{
	struct ticker *t = CONTAINER_OF(timer, struct ticker, timer);
	int64_t now_ns = clock_now();
	chan_try_send(t->chan, now_ns);
	int64_t missed = (now_ns - t->next_ns) / t->period_ns;
	t->next_ns += (missed + 1) * t->period_ns;
	timer_set(&t->timer, t->next_ns);
}

struct ticker *ticker_new(int64_t period_ns)
{
	if (period_ns <= 0)
		panic("non-positive interval for ticker_new");
	struct ticker *t = xmalloc(sizeof(*t));
	*t = (struct ticker){ .chan = chan_make(time_chan, 1), .period_ns = period_ns };
	t->next_ns = add_ns(clock_now(), period_ns);
	timer_init(&t->timer, tick);
	timer_set(&t->timer, t->next_ns);
	return t;
}

time_chan ticker_chan(struct ticker *t)
{
	return t->chan;
}

void ticker_free(struct ticker *t)
{
	timer_stop(&t->timer);
	chan_unref(t->chan);
	free(t);
}
