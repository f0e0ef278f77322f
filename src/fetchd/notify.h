/* SPDX-License-Identifier: MIT
 *
 * notify: what a daemon and systemd tell each other: sd_notify(3) and sd_listen_fds(3), whose
 * protocols are a datagram and three variables of the environment. Without systemd both do nothing.
 * Never parks.
 *
 *	notify_send("READY=1\nSTATUS=3 batches");
 */
#ifndef FETCHD_NOTIFY_H
#define FETCHD_NOTIFY_H

#include "runtime/base.h"

/* Sends the assignments, a line each, to $NOTIFY_SOCKET. 0, also when nobody asked for it; or
 * -errno. Any thread. */
int notify_send(const char *state);

/* How many sockets systemd has handed over; they are the descriptors from NOTIFY_FIRST_FD on, from
 * now on closed at exec. A second call gives 0: the variables are taken out of the environment.
 * Before there are threads. */
#define NOTIFY_FIRST_FD 3
int notify_listen_fds(void) MUST_USE;

#endif
