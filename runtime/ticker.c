/* SPDX-License-Identifier: MIT
 *
 * ticker: a timer whose callback tries to send into a channel with room for one, and sets the timer anew as its last act.
 *
 * period_ns and next_ns belong to the callback, and to stop and reset once timer_stop has returned: no callback runs then. t->lock makes
 * stop and reset one step each; callbacks don't take it.
 */
#include "runtime/ticker.h"

#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/lock.h"
#include "runtime/timer.h"

struct ticker {
	struct timer timer;
	struct lock lock;
	time_chan chan;
	int64_t period_ns, next_ns;
};

static void tick(struct timer *timer)
{
	struct ticker *t = CONTAINER_OF(timer, struct ticker, timer);
	int64_t now_ns = clock_now();
	chan_try_send(t->chan, now_ns);
	int64_t missed = (now_ns - t->next_ns) / t->period_ns;
	t->next_ns += (missed + 1) * t->period_ns;
	timer_set(&t->timer, t->next_ns);
}

/* The timer is stopped. */
static void start(struct ticker *t, int64_t period_ns)
{
	t->period_ns = period_ns;
	t->next_ns = clock_after(clock_now(), period_ns);
	HAPPENS_BEFORE(&t->timer);
	timer_set(&t->timer, t->next_ns);
}

/* Under t->lock. */
static void stop(struct ticker *t)
{
	timer_stop(&t->timer);
	chan_try_recv(t->chan, NULL, NULL);
}

struct ticker *ticker_new(int64_t period_ns)
{
	if (period_ns <= 0)
		panic("non-positive interval for ticker_new");
	struct ticker *t = xmalloc(sizeof(*t));
	*t = (struct ticker){ .chan = chan_make(time_chan, 1) };
	timer_init(&t->timer, tick);
	start(t, period_ns);
	return t;
}

time_chan_rx ticker_chan(struct ticker *t)
{
	return t->chan.as_rx;
}

void ticker_stop(struct ticker *t)
{
	lock_acquire(&t->lock);
	stop(t);
	lock_release(&t->lock);
}

void ticker_reset(struct ticker *t, int64_t period_ns)
{
	if (period_ns <= 0)
		panic("non-positive interval for ticker_reset");
	lock_acquire(&t->lock);
	stop(t);
	start(t, period_ns);
	lock_release(&t->lock);
}

void ticker_free(struct ticker *t)
{
	if (t == NULL)
		return;
	timer_stop(&t->timer);
	HAPPENS_AFTER(&t->timer); /* its callback */
	chan_unref(t->chan);
	free(t);
}
