/* SPDX-License-Identifier: MIT
 *
 * ticker: a channel that gets the time again and again: Go's time.Ticker.
 *
 *	struct ticker *t = ticker_new(100 * MILLISECOND);
 *	while (request_next(&r) && chan_recv(ticker_chan(t), NULL))
 *		send(r);			// at most ten a second
 *	ticker_free(t);
 *
 * The channel keeps one tick for a receiver that is late; those that it misses are dropped, and the next come in step with the
 * first, not with the receiver. As since Go 1.23, no tick from before can be received once stop or reset has returned.
 */
#ifndef RUNTIME_TICKER_H
#define RUNTIME_TICKER_H

#include "runtime/alarm.h"

struct ticker;

/* Sends clock_now() every period_ns; panics if that isn't more than 0. Any thread of the runtime. Owns: ends with ticker_free. */
struct ticker *ticker_new(int64_t period_ns) MUST_USE;

/* Borrowed. Never closed: who waits there for a stopped ticker waits until a reset. */
time_chan_rx ticker_chan(struct ticker *t);

/* No more ticks until ticker_reset. */
void ticker_stop(struct ticker *t);

/* From now on every period_ns, the first one period from now. */
void ticker_reset(struct ticker *t, int64_t period_ns);

/* NULL is fine. */
void ticker_free(struct ticker *t);

#endif
