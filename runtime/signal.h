/* SPDX-License-Identifier: MIT
 *
 * signal: the operating system's signals as values in channels: Go's os/signal.
 *
 *	signal_chan stop = chan_make(signal_chan, 1);
 *	signal_notify(stop, SIGINT, SIGTERM, 0);
 *	chan_recv(stop, NULL);			// parks until one comes
 *	signal_stop(stop);			// a second Ctrl-C kills, as always
 *	chan_unref(stop);
 *
 * The lists of signals end with 0; a list that is 0 alone means all that can be caught. A channel gets a signal once however often it
 * was asked for. The send never blocks: a full channel loses it, so a channel needs a buffer. Equal signals that come faster than they
 * are delivered become one, as in the kernel. SIGKILL and SIGSTOP never come. Those of faults (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
 * SIGSYS, SIGABRT) are the runtime's own: naming one panics, as a number that is no signal does.
 *
 * The threads that run goroutines block all signals but those of faults, and a program that a goroutine starts (posix_spawn, fork and exec)
 * inherits that: give it a mask of its own.
 */
#ifndef RUNTIME_SIGNAL_H
#define RUNTIME_SIGNAL_H

#include "runtime/chan.h"

CHAN_OF(int, signal_chan);

/* From now on c gets these signals, besides those that it gets already; they have no other effect any more. Borrows: holds a reference
 * until signal_stop. */
void signal_notify(signal_chan c, int first, ...);

/* c gets no more signals once this returns. Those that came before are in c. What nobody else wants has its former effect again. */
void signal_stop(signal_chan c);

/* Nobody gets these any more, nor are they ignored: they have the effect that they had before the first notify or ignore. */
void signal_reset(int first, ...);

/* These have no effect, until signal_notify or signal_reset; no channel gets them any more. */
void signal_ignore(int first, ...);

/* Whether that signal has no effect now, by signal_ignore or since before the program started (nohup). Any thread. */
bool signal_ignored(int signal_number);

#endif
