/* SPDX-License-Identifier: MIT
 *
 * signal: operating system signals as a channel, as Go's os/signal. (The guard name keeps clear of libc's <signal.h>: -I. only.)
 */
#ifndef RUNTIME_SIGNAL_H
#define RUNTIME_SIGNAL_H

#include "runtime/chan.h"

CHAN_OF(int, signal_chan);

/* Delivers the signals (ended by 0) to c: a send that never blocks, so c needs a buffer. Replaces their default action. */
void signal_notify(signal_chan c, int first, ...);
/* Stops delivery to c; the signals' default actions come back when nobody is left. */
void signal_stop(signal_chan c);

#endif
