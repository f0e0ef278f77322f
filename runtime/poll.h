/* SPDX-License-Identifier: MIT
 *
 * poll: the netpoller. Internal to runtime/. Portable half: poll.c; the half that knows the kernel: poll_epoll.c.
 *
 * A poll_source is something that the kernel reports events for. Reports may be late: an m holds a batch in its hands while another closes
 * the descriptor and uses the source again. So a source's memory is never freed, only used again, with the next tag; each
 * report carries the tag of its registration; deliver() compares the two under the source's own lock and drops what is stale.
 *
 * deliver() runs on a scheduler stack or on sysmon's thread. It must not park; it readies goroutines.
 */
#ifndef RUNTIME_POLL_H
#define RUNTIME_POLL_H

#include "runtime/base.h"
#include "runtime/lock.h"
#include "runtime/timer.h"

enum poll_events {
	POLL_READ = 1,
	POLL_WRITE = 2,
	POLL_HANGUP =
		4, /* RDHUP, HUP or ERR: reads don't block any more; HUP and ERR come with POLL_WRITE */
};

struct poll_source {
	void (*deliver)(struct poll_source *s, uint16_t tag, unsigned events);
};

/* --- poll_epoll.c. Any thread. --- */

void poll_init(void);

/* Registers fd for life, edge-triggered, for all events. */
int poll_add_edge(int fd, struct poll_source *s, uint16_t tag) MUST_USE;

/* Registers fd, or changes it, to report once when one of events is there. */
int poll_add_once(int fd, struct poll_source *s, uint16_t tag, unsigned events) MUST_USE;

void poll_remove(int fd);

#define POLL_BATCH 128 /* 16 to 512 make no difference */

struct poll_report {
	struct poll_source *source;
	uint16_t tag;
	uint16_t events;
};

/* Takes up to POLL_BATCH reports; sleeps for them until until_ns at most (0 = doesn't). Gives their number. */
int poll_wait(struct poll_report *ret_reports, int64_t until_ns);

/* Ends the sleep of whoever is in poll_wait, or the next one. Signal handlers may call it. */
void poll_interrupt(void);

/* fn is called, on the netpoller, some time after each poll_interrupt. One, for good. */
void poll_set_interrupt_hook(void (*fn)(void));

#endif
