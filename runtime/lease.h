/* SPDX-License-Identifier: MIT
 *
 * lease: an m's claim to the p that it runs on, which sysmon may take back from a goroutine that hogs it, without a signal and
 * without an atomic read-modify-write on the m's side. Internal to runtime/. No other file is needed to check it (tests/model does).
 *
 * Two words, both in the m. `inside` counts how deep the m is inside the runtime: there it uses its p, and nothing can be taken. `state` says
 * whose the p is:
 *
 *	OWNED --sysmon: request--> REQUESTED --sysmon: take, only while inside == 0--> TAKEN
 *	  ^                            |                                                 |
 *	  +----- m: enters, answers ---+-------------------------------------------------+
 *
 * The m, at each entry: inside = 1; light barrier; state == OWNED? else answer. sysmon: state = REQUESTED; heavy barrier; inside == 0? then
 * CAS(REQUESTED -> TAKEN). Either the m's entry is before the barrier, and sysmon sees inside != 0; or after it, and the m sees REQUESTED or TAKEN
 * and answers: of its CAS(REQUESTED -> OWNED) and sysmon's CAS only one succeeds. An entry that read OWNED before the request is
 * still inside, or its leaving (a release) is what sysmon read (an acquire): so whoever gets the p sees all that the m did to it.
 *
 * A request may stand for long: every entry since its barrier answers it, so sysmon may try to take at any later time without another barrier.
 * TAKEN stays until this m itself has answered. The words lie in the m and not in the p: in the p, the next holder's OWNED would tell the
 * one who has lost it that it still has it.
 */
#ifndef RUNTIME_LEASE_H
#define RUNTIME_LEASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/barrier.h"

enum lease_state {
	LEASE_OWNED,
	LEASE_REQUESTED,
	LEASE_TAKEN
};

struct lease {
	_Atomic uint32_t state;	 /* enum lease_state */
	_Atomic uint32_t inside; /* written by the m alone */
};

/* --- the m --- */

/* From here until lease_leave the p stays. Nests. False: lease_answer must be called. */
static inline bool lease_enter(struct lease *l)
{
	uint32_t depth = atomic_load_explicit(&l->inside, memory_order_relaxed);
	atomic_store_explicit(&l->inside, depth + 1, memory_order_relaxed);
	barrier_light();
	return atomic_load_explicit(&l->state, memory_order_relaxed) == LEASE_OWNED;
}

/* True: the p is still ours, and others wait for it. False: it has gone. */
static inline bool lease_answer(struct lease *l)
{
	uint32_t seen = LEASE_REQUESTED;
	if (atomic_compare_exchange_strong_explicit(&l->state, &seen, LEASE_OWNED,
						    memory_order_acq_rel, memory_order_acquire))
		return true;
	atomic_store_explicit(&l->state, LEASE_OWNED, memory_order_relaxed);
	return false;
}

static inline void lease_leave(struct lease *l)
{
	uint32_t depth = atomic_load_explicit(&l->inside, memory_order_relaxed);
	atomic_store_explicit(&l->inside, depth - 1, memory_order_release);
}

/* --- sysmon alone --- */

/* Asks for the p; barrier_heavy() must follow before lease_take. False if the m has yet to answer. */
static inline bool lease_request(struct lease *l)
{
	uint32_t seen = LEASE_OWNED;
	return atomic_compare_exchange_strong_explicit(&l->state, &seen, LEASE_REQUESTED,
						       memory_order_relaxed, memory_order_relaxed);
}

static inline bool lease_is_requested(struct lease *l)
{
	return atomic_load_explicit(&l->state, memory_order_relaxed) == LEASE_REQUESTED;
}

/* True: the p is the caller's, to give to another m. What the caller has read of the m between lease_may_take and here was still so. */
static inline bool lease_may_take(struct lease *l)
{
	return atomic_load_explicit(&l->inside, memory_order_acquire) == 0;
}

static inline bool lease_take(struct lease *l)
{
	uint32_t seen = LEASE_REQUESTED;
	return atomic_compare_exchange_strong_explicit(&l->state, &seen, LEASE_TAKEN,
						       memory_order_acq_rel, memory_order_relaxed);
}

#endif
