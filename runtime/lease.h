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
 *	  +----- m: enters, answers ---+------ m: has left its goroutine, regains -------+
 *
 * The m, at each entry from outside: inside = 1; light barrier; state == OWNED? else answer. sysmon: state = REQUESTED; heavy barrier; inside == 0?
 * then CAS(REQUESTED -> TAKEN). Either the m's entry is before the barrier, and sysmon sees inside != 0; or after it, and the m sees REQUESTED or
 * TAKEN and answers: of its CAS(REQUESTED -> OWNED) and sysmon's CAS only one succeeds. An entry that read OWNED before the request is
 * still inside, or its leaving (a release) is what sysmon read (an acquire): so whoever gets the p sees all that the m did to it.
 *
 * A request may stand for long: every entry since its barrier answers it, so sysmon may try to take at any later time without another barrier.
 * TAKEN stays until this m itself has given up its goroutine: each entry until then finds that it has no p. The words lie in the m and not in
 * the p: in the p, the next holder's OWNED would tell the one who has lost it that it still has it.
 *
 * The depth belongs to the goroutine: one that is switched away from inside takes its depth along (lease_depth) and brings it to the m on
 * which it goes on (lease_resume). The scheduler's own stack runs at whatever depth > 0 was left behind.
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
	return atomic_load_explicit(&l->state, memory_order_relaxed) == LEASE_OWNED || depth > 0;
}

/* True: the p is still ours, and others wait for it. False: it has gone. */
static inline bool lease_answer(struct lease *l)
{
	uint32_t seen = LEASE_REQUESTED;
	return atomic_compare_exchange_strong_explicit(&l->state, &seen, LEASE_OWNED,
						       memory_order_acq_rel, memory_order_acquire);
}

static inline void lease_leave(struct lease *l)
{
	uint32_t depth = atomic_load_explicit(&l->inside, memory_order_relaxed);
	atomic_store_explicit(&l->inside, depth - 1, memory_order_release);
}

/* False: nobody has asked for the p, or taken it. From inside or outside; a hint. */
static inline bool lease_is_asked_for(const struct lease *l)
{
	return atomic_load_explicit(&l->state, memory_order_relaxed) != LEASE_OWNED;
}

/* After TAKEN, inside: ready for another p. */
static inline void lease_regain(struct lease *l)
{
	atomic_store_explicit(&l->state, LEASE_OWNED, memory_order_relaxed);
}

static inline uint32_t lease_depth(const struct lease *l)
{
	return atomic_load_explicit(&l->inside, memory_order_relaxed);
}

/* Inside: goes on at this depth, which may be 0. */
static inline void lease_resume(struct lease *l, uint32_t depth)
{
	atomic_store_explicit(&l->inside, depth, memory_order_release);
}

/* --- sysmon alone --- */

/* Asks for the p; barrier_heavy() must follow before lease_take. Nothing happens where an earlier request still stands. */
static inline void lease_request(struct lease *l)
{
	uint32_t seen = LEASE_OWNED;
	atomic_compare_exchange_strong_explicit(&l->state, &seen, LEASE_REQUESTED,
						memory_order_relaxed, memory_order_relaxed);
}

/* True: the p is the caller's, to give to another m. What sysmon read of the m while it was outside was still so. */
static inline bool lease_take(struct lease *l)
{
	uint32_t seen = LEASE_REQUESTED;
	return atomic_load_explicit(&l->inside, memory_order_acquire) == 0 &&
	       atomic_compare_exchange_strong_explicit(&l->state, &seen, LEASE_TAKEN,
						       memory_order_acq_rel, memory_order_relaxed);
}

#endif
