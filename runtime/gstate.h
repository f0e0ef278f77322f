/* SPDX-License-Identifier: MIT
 *
 * gstate: what a goroutine is doing, and who may touch its stack. Internal to runtime/. No other file is needed to check it (tests/model does).
 *
 *	FREE -> RUNNABLE -> RUNNING --park--> PARKED --ready--> RUNNABLE
 *	 ^                     |              |    ^
 *	 +---------------------+           claim  release, not readied meanwhile
 *	                                      v    |
 *	                                      CLAIMED --ready--> WANTED --release--> RUNNABLE
 *
 * Whoever has changed the state to RUNNABLE queues the goroutine, and nobody else does: the one who readies it, or, when the shrinker had claimed
 * it, the shrinker, at release. From PARKED on three may race: the one who readies (one for each park; a second is a
 * misuse that is told), and the shrinker. Each leaves PARKED by a compare-and-swap, so one of them wins; ready of a CLAIMED one
 * doesn't wait, it leaves word by WANTED. So a claimed goroutine never runs, and a readied one is never lost.
 *
 * Orders. park releases: the saved sp and all that lies on the stack are seen by whoever acquires, by claim or by ready, and through the run
 * queue by the m that resumes it. release releases what the shrinker did to the stack; a later ready (or claim) acquires it. ready
 * releases too: what the shrinker queues in its place carries what the readier wrote before (g_set_wake). A compare-and-swap here was measured
 * against a plain store with membarrier on the shrinker's side: no difference in a channel's round trip.
 */
#ifndef RUNTIME_GSTATE_H
#define RUNTIME_GSTATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum g_state {
	G_FREE,
	G_RUNNABLE,
	G_RUNNING,
	G_PARKED,
	G_CLAIMED, /* parked, and the shrinker is at its stack */
	G_WANTED   /* the same, and readied */
};

struct gstate {
	_Atomic uint32_t word; /* enum g_state */
};

/* What gstate_ready leaves to its caller. */
enum gstate_ready {
	READY_QUEUE,  /* queue it */
	READY_LEFT,   /* nothing: whoever has claimed it will queue it */
	READY_MISUSED /* it isn't parked */
};

/* For dumps and sweeps: a claimed goroutine still waits, a wanted one no longer. */
static inline enum g_state gstate_get(const struct gstate *s)
{
	uint32_t seen = atomic_load_explicit(&s->word, memory_order_acquire);
	return seen == G_CLAIMED ? G_PARKED : seen == G_WANTED ? G_RUNNABLE : (enum g_state)seen;
}

/* For all that is not raced for: FREE, RUNNABLE when started or yielded, RUNNING. */
static inline void gstate_set(struct gstate *s, enum g_state state)
{
	atomic_store_explicit(&s->word, state, memory_order_release);
}

/* By the m, when the goroutine has left its stack. */
static inline void gstate_park(struct gstate *s)
{
	atomic_store_explicit(&s->word, G_PARKED, memory_order_release);
}

static inline bool gstate__move(struct gstate *s, uint32_t *from, enum g_state to)
{
	return atomic_compare_exchange_strong_explicit(&s->word, from, to, memory_order_acq_rel,
						       memory_order_acquire);
}

/* Once for each park. Any thread. */
static inline enum gstate_ready gstate_ready(struct gstate *s)
{
	for (;;) {
		uint32_t seen = G_PARKED;
		if (gstate__move(s, &seen, G_RUNNABLE))
			return READY_QUEUE;
		if (seen != G_CLAIMED)
			return READY_MISUSED;
		if (gstate__move(s, &seen, G_WANTED))
			return READY_LEFT;
		if (seen != G_PARKED) /* else it has just been released */
			return READY_MISUSED;
	}
}

/* True: until gstate_release the stack is at rest and the caller's alone. */
static inline bool gstate_claim(struct gstate *s)
{
	uint32_t seen = G_PARKED;
	return gstate__move(s, &seen, G_CLAIMED);
}

/* True: it was readied meanwhile, and the caller must queue it. */
static inline bool gstate_release(struct gstate *s)
{
	uint32_t seen = G_CLAIMED;
	if (gstate__move(s, &seen, G_PARKED))
		return false;
	atomic_store_explicit(&s->word, G_RUNNABLE, memory_order_relaxed);
	return true;
}

#endif
