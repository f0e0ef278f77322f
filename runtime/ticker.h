/* SPDX-License-Identifier: MIT
 *
 * ticker: timers as channels: after and tick.
 *
 *	time_chan timeout = time_after(5 * SECOND);
 *	struct select_case cases[] = { on_recv(pages, &page), on_recv(timeout, NULL) };
 *	bool late = select_wait(cases) == 1;
 *	chan_unref(timeout);
 */
#ifndef RUNTIME_TICKER_H
#define RUNTIME_TICKER_H

#include "runtime/chan.h"

CHAN_OF(int64_t, time_chan);

/* A channel that gets clock_now() once, ns from now. Unref'd by the caller with chan_unref; pending ones do not keep it alive. */
time_chan time_after(int64_t ns) MUST_USE;

/* A channel that gets clock_now() every period_ns (> 0), slow receivers miss ticks. */
struct ticker;
struct ticker *ticker_new(int64_t period_ns) MUST_USE;
time_chan ticker_chan(struct ticker *t); /* borrowed */
void ticker_free(struct ticker *t);

#endif
