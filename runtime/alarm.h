/* SPDX-License-Identifier: MIT
 *
 * alarm: one moment in the future, as a channel or as a goroutine: Go's time.Timer, time.After and time.AfterFunc. (timer.h is what the
 * scheduler keeps underneath; ticker.h is for moments that come again and again.)
 *
 *	struct alarm *idle = alarm_new(30 * SECOND);
 *	struct select_case cases[] = { on_recv(lines, &line), on_recv(alarm_chan(idle), NULL) };
 *	while (select_wait(cases) == 0)
 *		alarm_reset(idle, 30 * SECOND);	// no stale time can be waiting
 *	alarm_unref(idle);
 *
 * The semantics are those since Go 1.23: once stop or reset has returned, no time from before it can be received; and an alarm that nobody
 * refers to any more is gone, stopped or not. The difference: chan_len is 1 when the time has come and nobody has taken it.
 * A time of 0 or less comes at once, one beyond the end of the clock (NEVER too) never. Counted: alarm and channel live and go together.
 */
#ifndef RUNTIME_ALARM_H
#define RUNTIME_ALARM_H

#include "runtime/chan.h"

CHAN_OF(int64_t, time_chan);

struct alarm;

/* Sends clock_now() once, ns from now, on alarm_chan. One reference for the caller. Any thread of the runtime. */
struct alarm *alarm_new(int64_t ns) MUST_USE;

/* Starts fn(arg) in a goroutine of its own, ns from now; also when the caller has let go of it by then. Has no channel. */
struct alarm *alarm_func(int64_t ns, void (*fn)(void *arg), void *arg) MUST_USE;

/* Borrowed; chan_ref keeps the alarm too. nil for an alarm_func. */
time_chan_rx alarm_chan(struct alarm *a);

/* True if the time had not come, or had not been received: it will not be. False: stopped before, or too late (an alarm_func's
 * goroutine has started, and may still be running). */
bool alarm_stop(struct alarm *a);

/* alarm_stop, and then the alarm is as new: ns from now. */
bool alarm_reset(struct alarm *a, int64_t ns);

/* NULL is fine. The last unref stops a channel's alarm; that of an alarm_func still comes. Any thread of the runtime. */
struct alarm *alarm_ref(struct alarm *a);
void alarm_unref(struct alarm *a);

/* The channel of an alarm_new alone: for a timeout that is not moved. Ends with chan_unref, pending or not. */
time_chan time_after(int64_t ns) MUST_USE;

#endif
