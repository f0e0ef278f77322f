/* SPDX-License-Identifier: MIT
 *
 * runq: a processor's queue of runnable goroutines: a ring of 256 and one slot before it, runnext.
 *
 * Only the processor's owner puts and gets; any other may steal. head is moved by compare-and-swap (owner and thieves), tail by the owner alone.
 * runnext holds what the running goroutine has just made ready: handing over directly keeps a ping-pong on one processor.
 * Only the owner makes runnext non-NULL; thieves may only take it away. (Go's runq in proc.go.)
 */
#ifndef RUNTIME_RUNQ_H
#define RUNTIME_RUNQ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct g;

#define RUNQ_SIZE 256u

struct runq {
	_Atomic uint32_t head;
	_Atomic uint32_t tail;
	struct g *_Atomic next;
	struct g *_Atomic ring[RUNQ_SIZE];
};

/* A chain of goroutines through g->next, for moving many at once. */
struct g_chain {
	struct g *first, *last;
	uint32_t len;
};

void g_chain_push(struct g_chain *c, struct g *g);
struct g *g_chain_pop(struct g_chain *c);
void g_chain_append(struct g_chain *c, struct g_chain *more);

/* Appends g. When the ring is full, half of it and g go to *ret_spill (for the global queue). Owner. */
void runq_put(struct runq *q, struct g *g, struct g_chain *ret_spill);

/* Puts g before all others; what was there goes to the ring's end, as runq_put. Owner. */
void runq_put_next(struct runq *q, struct g *g, struct g_chain *ret_spill);

/* The next goroutine or NULL. ring_first: look at runnext last, so that a ping-pong doesn't starve the ring. Owner. */
struct g *runq_get(struct runq *q, bool ring_first);

/* Takes half of victim's ring into q (empty; owned by the caller) and returns one of them; NULL if there is nothing.
 * steal_next: take runnext when the ring is empty. */
struct g *runq_steal(struct runq *q, struct runq *victim, bool steal_next);

/* How many wait, runnext included; a guess unless the owner asks. Any thread. */
uint32_t runq_len(const struct runq *q);

#endif
