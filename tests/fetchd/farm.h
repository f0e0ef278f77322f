/* SPDX-License-Identifier: MIT
 *
 * farm: many hosts in one origin, for tests of the engine: a listener on all of 127.0.0.0/8, so
 * that http://127.0.0.N:PORT/ is host N.
 *
 * Paths: /n/BYTES a body of so many 'x'; /status/CODE; /gate answers "ok" once farm_open_gate was
 * called; others "ok".
 */
#ifndef TESTS_FETCHD_FARM_H
#define TESTS_FETCHD_FARM_H

#include <stdatomic.h>

#include "runtime/chan.h"
#include "runtime/errgroup.h"
#include "runtime/lock.h"
#include "runtime/net.h"

#define FARM_HOSTS 32

struct farm {
	struct listener *listener;
	struct errgroup *group;
	uint16_t port;
	done_chan gate;
	struct lock lock;
	struct farmhand *hands;
	_Atomic int requests, at_gate; /* answered; waiting */
	_Atomic int running[FARM_HOSTS], most[FARM_HOSTS], running_all,
		most_all; /* requests under way, and their maximum */
};

struct farm *farm_open(void);
void farm_open_gate(struct farm *f);
void farm_close(struct farm *f); /* opens the gate */

#endif
