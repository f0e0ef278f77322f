/* SPDX-License-Identifier: MIT
 *
 * runq: see runq.h. The orders are those of a single-producer, multi-consumer ring: tail is released after an entry is written and
 * acquired before it is read; head is released after an entry is read and acquired before its place is used again.
 */
#include "runtime/runq.h"

#include "runtime/sched.h"

void g_chain_push(struct g_chain *c, struct g *g)
{
	g->next = NULL;
	if (c->first == NULL)
		c->first = g;
	else
		c->last->next = g;
	c->last = g;
	c->len++;
}

struct g *g_chain_pop(struct g_chain *c)
{
	struct g *g = c->first;
	if (g == NULL)
		return NULL;
	c->first = g->next;
	c->len--;
	return g;
}

void g_chain_append(struct g_chain *c, struct g_chain *more)
{
	if (more->first == NULL)
		return;
	if (c->first == NULL)
		c->first = more->first;
	else
		c->last->next = more->first;
	c->last = more->last;
	c->len += more->len;
	*more = (struct g_chain){ 0 };
}

static struct g *ring_load(struct runq *q, uint32_t i)
{
	return atomic_load_explicit(&q->ring[i % RUNQ_SIZE], memory_order_relaxed);
}

static void ring_store(struct runq *q, uint32_t i, struct g *g)
{
	atomic_store_explicit(&q->ring[i % RUNQ_SIZE], g, memory_order_relaxed);
}

/* Moves the first half of a full ring to *ret_spill; false if thieves have made room meanwhile. */
static bool spill_half(struct runq *q, uint32_t head, struct g_chain *ret_spill)
{
	struct g *moved[RUNQ_SIZE / 2];
	for (uint32_t i = 0; i < ARRAY_LEN(moved); i++)
		moved[i] = ring_load(q, head + i);
	if (!atomic_compare_exchange_strong_explicit(&q->head, &head, head + ARRAY_LEN(moved),
						     memory_order_acq_rel, memory_order_relaxed))
		return false;
	for (uint32_t i = 0; i < ARRAY_LEN(moved); i++)
		g_chain_push(ret_spill, moved[i]);
	return true;
}

void runq_put(struct runq *q, struct g *g, struct g_chain *ret_spill)
{
	for (;;) {
		uint32_t head = atomic_load_explicit(&q->head, memory_order_acquire);
		uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
		if (LIKELY(tail - head < RUNQ_SIZE)) {
			ring_store(q, tail, g);
			atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
			return;
		}
		if (spill_half(q, head, ret_spill)) {
			g_chain_push(ret_spill, g);
			return;
		}
	}
}

void runq_put_next(struct runq *q, struct g *g, struct g_chain *ret_spill)
{
	struct g *old = atomic_load_explicit(&q->next, memory_order_relaxed);
	if (old == NULL) { /* and nobody else may change that: no exchange needed */
		atomic_store_explicit(&q->next, g, memory_order_release);
		return;
	}
	old = atomic_exchange_explicit(&q->next, g, memory_order_acq_rel);
	if (old != NULL)
		runq_put(q, old, ret_spill);
}

static struct g *take_next(struct runq *q)
{
	if (atomic_load_explicit(&q->next, memory_order_relaxed) == NULL)
		return NULL;
	return atomic_exchange_explicit(&q->next, NULL, memory_order_acquire);
}

/* Whoever is at i comes next, most likely: its g's two lines are on their way while the one before it runs. A stale entry does no harm. */
static void prefetch(struct runq *q, uint32_t i)
{
	const char *g = (const char *)ring_load(q, i);
	__builtin_prefetch(g, 1);
	__builtin_prefetch(g + 64, 1);
}

static struct g *take_ring(struct runq *q)
{
	uint32_t head = atomic_load_explicit(&q->head, memory_order_acquire);
	for (;;) {
		if (head == atomic_load_explicit(&q->tail, memory_order_relaxed))
			return NULL;
		struct g *g = ring_load(q, head);
		if (atomic_compare_exchange_weak_explicit(&q->head, &head, head + 1,
							  memory_order_acq_rel,
							  memory_order_acquire)) {
			prefetch(q, head + 1);
			return g;
		}
	}
}

struct g *runq_get(struct runq *q, bool ring_first)
{
	struct g *g = ring_first ? take_ring(q) : take_next(q);
	if (g == NULL)
		g = ring_first ? take_next(q) : take_ring(q);
	return g;
}

/* Copies half of victim's ring behind q's tail, unpublished; gives how many. */
static uint32_t grab(struct runq *q, struct runq *victim, uint32_t at)
{
	for (;;) {
		uint32_t head = atomic_load_explicit(&victim->head, memory_order_acquire);
		uint32_t tail = atomic_load_explicit(&victim->tail, memory_order_acquire);
		uint32_t n = tail - head;
		n -= n / 2;
		if (n == 0)
			return 0;
		if (n > RUNQ_SIZE / 2) /* head and tail were not read at one moment */
			continue;
		for (uint32_t i = 0; i < n; i++)
			ring_store(q, at + i, ring_load(victim, head + i));
		if (atomic_compare_exchange_strong_explicit(&victim->head, &head, head + n,
							    memory_order_acq_rel,
							    memory_order_relaxed))
			return n;
	}
}

struct g *runq_steal(struct runq *q, struct runq *victim, bool steal_next)
{
	uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
	uint32_t n = grab(q, victim, tail);
	if (n == 0)
		return steal_next ? take_next(victim) : NULL;
	struct g *g = ring_load(q, tail + n - 1);
	atomic_store_explicit(&q->tail, tail + n - 1, memory_order_release);
	return g;
}

uint32_t runq_len(const struct runq *q)
{
	uint32_t head = atomic_load_explicit(&q->head, memory_order_acquire);
	uint32_t tail = atomic_load_explicit(&q->tail, memory_order_acquire);
	bool next = atomic_load_explicit(&q->next, memory_order_relaxed) != NULL;
	return (tail - head > RUNQ_SIZE ? 0 : tail - head) + next;
}
