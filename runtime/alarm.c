/* SPDX-License-Identifier: MIT
 *
 * alarm: a timer whose callback tries to send into a channel with room for one, or starts a goroutine.
 *
 * The channel lies in the alarm's memory, and its count of references is the alarm's: whoever holds one holds the other, and a forgotten
 * alarm needs no goroutine and no second owner. An alarm_func has the channel for its count alone; while its time is to come, the
 * timer holds a reference too.
 *
 * Stop: timer_stop, after which no callback runs, and then the channel is emptied. a->lock makes that, and a reset's setting of the timer
 * after it, one step: or one reset could leave the value of another's behind. Callbacks don't take it. Lock order: a->lock,
 * then the timer heap's or the channel's.
 */
#include "runtime/alarm.h"

#include <stdlib.h>

#include "runtime/chan_internal.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/timer.h"

struct alarm {
	struct timer timer;
	struct lock lock;
	void (*fn)(void *arg); /* NULL: the channel is used */
	void *arg;
	struct chan chan; /* last: its slots follow */
};

static int64_t time_in(int64_t ns)
{
	return clock_after(clock_now(), ns > 0 ? ns : 0);
}

static time_chan chan_of(struct alarm *a)
{
	return (time_chan){ .tx = &a->chan };
}

static void send_time(struct timer *t)
{
	chan_try_send(chan_of(CONTAINER_OF(t, struct alarm, timer)), clock_now());
}

static void start_fn(struct timer *t)
{
	struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
	goroutine__start(a->fn, a->arg, "alarm_func", GO_SITE_);
	chan__unref(&a->chan); /* the timer's: from here it may be gone */
}

static void destroy(struct chan *c)
{
	struct alarm *a = CONTAINER_OF(c, struct alarm, chan);
	timer_stop(&a->timer);
	HAPPENS_AFTER(&a->timer); /* its callback */
	POISON(a, sizeof(*a));
	free(a);
}

/* Sets, and with it orders what was before, before the callback. */
static void set(struct alarm *a, int64_t ns)
{
	HAPPENS_BEFORE(&a->timer);
	timer_set(&a->timer, time_in(ns));
}

static struct alarm *new_alarm(void (*callback)(struct timer *t))
{
	struct alarm *a = xmalloc(offsetof(struct alarm, chan) + chan__size(1, sizeof(int64_t)));
	*a = (struct alarm){ .fn = NULL };
	chan__init(&a->chan, 1, sizeof(int64_t), destroy);
	timer_init(&a->timer, callback);
	return a;
}

struct alarm *alarm_new(int64_t ns)
{
	struct alarm *a = new_alarm(send_time);
	set(a, ns);
	return a;
}

struct alarm *alarm_func(int64_t ns, void (*fn)(void *arg), void *arg)
{
	struct alarm *a = alarm_ref(new_alarm(start_fn));
	a->fn = fn;
	a->arg = arg;
	set(a, ns);
	return a;
}

time_chan time_after(int64_t ns)
{
	return chan_of(alarm_new(ns));
}

time_chan_rx alarm_chan(struct alarm *a)
{
	return (time_chan_rx){ .rx = a->fn ? NULL : &a->chan };
}

/* Under a->lock. */
static bool stop(struct alarm *a)
{
	bool pending = timer_stop(&a->timer);
	if (a->fn == NULL)
		pending = chan_try_recv(chan_of(a), NULL, NULL) || pending;
	return pending;
}

bool alarm_stop(struct alarm *a)
{
	lock_acquire(&a->lock);
	bool pending = stop(a);
	lock_release(&a->lock);
	if (pending && a->fn)
		chan__unref(&a->chan);
	return pending;
}

bool alarm_reset(struct alarm *a, int64_t ns)
{
	lock_acquire(&a->lock);
	bool pending = stop(a);
	if (!pending && a->fn)
		alarm_ref(a);
	set(a, ns);
	lock_release(&a->lock);
	return pending;
}

struct alarm *alarm_ref(struct alarm *a)
{
	chan__ref(&a->chan);
	return a;
}

void alarm_unref(struct alarm *a)
{
	if (a != NULL)
		chan__unref(&a->chan);
}
