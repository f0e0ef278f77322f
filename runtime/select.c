/* SPDX-License-Identifier: MIT
 *
 * select: after Go's runtime/select.go, in three passes.
 *
 *	1. Under the locks of all channels, look in random order for a case that can go on. Done if there is one.
 *	2. Else get in line at each of them, park, and release the locks.
 *	3. Woken by exactly one of them, leave the lines of the others.
 *
 * All locks at once make pass 1 a snapshot: "none is ready" was true of all at the same instant, which `default` promises.
 * They are taken in the order of the channels' addresses, so that two selects never wait for each other in a circle.
 *
 * Several channels may want to wake one select: `claimed` on its stack is theirs to set, under their own locks; who sets it
 * first wakes, the others throw the case out of their line. After pass 3 no channel knows of `claimed` any more.
 *
 * In pass 2 the goroutine may be woken as soon as the first lock is released, by commit, on the scheduler's stack; pass 3
 * then stops at the next lock until commit has released that too. So the cases stay alive until commit has read the last.
 */
#include "runtime/select.h"

#include "runtime/chan_internal.h"
#include "runtime/proc.h"
#include "runtime/rand.h"
#include "runtime/sanitizer.h"

struct selecting {
	struct select_case *cases;
	size_t n; /* of those with a channel: the first n `poll` and `order` hold their indices */
};

static struct select_case *polled(struct selecting *s, size_t i)
{
	return &s->cases[s->cases[i].poll];
}

static struct select_case *ordered(struct selecting *s, size_t i)
{
	return &s->cases[s->cases[i].order];
}

/* Fisher-Yates, inside out. One draw, spread over the cases by Knuth's MMIX generator. */
static void shuffle(struct selecting *s, size_t n)
{
	uint64_t bits = rand_u64();
	s->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (s->cases[i].chan == NULL)
			continue;
		size_t j = (bits >> 32) * (s->n + 1) >> 32;
		bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		s->cases[s->n].poll = s->cases[j].poll;
		s->cases[j].poll = (uint16_t)i;
		s->n++;
	}
}

/* By address, from the shuffled order: so that of two cases with one channel either may be the first in its line. Shell's
 * sort with gaps of 4^k: an insertion sort for the usual handful. */
static void sort(struct selecting *s)
{
	size_t gap = 1;
	for (size_t i = 0; i < s->n; i++)
		s->cases[i].order = s->cases[i].poll;
	while (gap * 4 < s->n)
		gap *= 4;
	for (; gap > 0; gap /= 4) {
		for (size_t i = gap; i < s->n; i++) {
			uint16_t moving = s->cases[i].order;
			struct chan *c = s->cases[moving].chan;
			size_t j = i;
			for (; j >= gap && (uintptr_t)ordered(s, j - gap)->chan > (uintptr_t)c;
			     j -= gap)
				s->cases[j].order = s->cases[j - gap].order;
			s->cases[j].order = moving;
		}
	}
}

static void lock_all(struct selecting *s)
{
	struct chan *last = NULL;
	for (size_t i = 0; i < s->n; i++) {
		struct chan *c = ordered(s, i)->chan;
		if (c != last)
			chan__lock(c);
		last = c;
	}
}

/* Reads nothing of the select after the last release: its goroutine may run again then. */
static void unlock_all(struct selecting *shared)
{
	struct selecting s = *shared;
	for (size_t i = 0; i < s.n;) {
		struct chan *c = ordered(&s, i)->chan;
		do {
			i++;
		} while (i < s.n && ordered(&s, i)->chan == c);
		chan__unlock(c);
	}
}

static bool unlock_after_park(struct g *g, void *arg)
{
	(void)g;
	unlock_all(arg);
	return true;
}

static bool step(struct select_case *sc, struct g **ret_wake)
{
	if (!sc->is_send)
		return chan__take(sc->chan, sc->node.elem, &sc->ok, ret_wake);
	sc->ok = true;
	return chan__put(sc->chan, sc->node.elem, ret_wake);
}

static bool is_closed_send(struct select_case *sc)
{
	return sc->is_send && atomic_load_explicit(&sc->chan->closed, memory_order_relaxed);
}

/* Pass 1. Locks all; a case that went on releases them again. -1: none, and the locks are still held. */
static int poll_locked(struct selecting *s)
{
	struct g *wake;
	lock_all(s);
	for (size_t i = 0; i < s->n; i++) {
		struct select_case *sc = polled(s, i);
		if (is_closed_send(sc)) {
			unlock_all(s);
			panic("send on closed channel");
		}
		if (!step(sc, &wake))
			continue;
		unlock_all(s);
		if (wake)
			g_ready(wake);
		return (int)(sc - s->cases);
	}
	return -1;
}

static struct waitq *line_of(struct select_case *sc)
{
	return sc->is_send ? &sc->chan->senders : &sc->chan->receivers;
}

static void get_in_lines(struct selecting *s, _Atomic bool *claimed)
{
	struct g *self = g_self();
	for (size_t i = 0; i < s->n; i++) {
		struct select_case *sc = ordered(s, i);
		sc->node.waiter.g = self;
		sc->node.claimed = claimed;
		waitq_push(line_of(sc), &sc->node.waiter);
	}
}

/* Locks each channel, also where the case is out of line already: see the head of the file. */
static void leave_lines(struct selecting *s, const struct chan_waiter *woken)
{
	for (size_t i = 0; i < s->n; i++) {
		struct select_case *sc = ordered(s, i);
		if (&sc->node == woken)
			continue;
		chan__lock(sc->chan);
		waitq_remove(line_of(sc), &sc->node.waiter);
		chan__unlock(sc->chan);
	}
}

/* Passes 2 and 3, with the locks held. */
static int wait_locked(struct selecting *s)
{
	_Atomic bool claimed = false;
	get_in_lines(s, &claimed);
	g_park(WAIT_SELECT, unlock_after_park, s);

	struct chan_waiter *woken = (struct chan_waiter *)g_wake(g_self());
	leave_lines(s, woken);
	struct select_case *sc = CONTAINER_OF(woken, struct select_case, node);
	sc->ok = woken->ok;
	if (!sc->ok)
		HAPPENS_AFTER(sc->chan);
	if (sc->is_send && !sc->ok)
		panic("send on closed channel");
	return (int)(sc - s->cases);
}

static void check_count(size_t n)
{
	if (n > SELECT_CASES_MAX)
		panic("select: too many cases");
}

/* For the race detector: what the case has done for its goroutine. */
static inline __attribute__((always_inline)) void account(const struct select_case *sc)
{
	if (sc->is_send)
		RACE_READ(sc->chan, 1);
	else
		chan__received(sc->chan, sc->node.elem);
}

int select_wait_n(struct select_case *cases, size_t n)
{
	struct selecting s = { .cases = cases };
	check_count(n);
	g_give_way();
	shuffle(&s, n);
	while (s.n == 0)
		g_park(n ? WAIT_SELECT : WAIT_SELECT_NONE, NULL, NULL);
	sort(&s);
	int chosen = poll_locked(&s);
	if (chosen < 0)
		chosen = wait_locked(&s);
	account(&cases[chosen]);
	return chosen;
}

int select_try_n(struct select_case *cases, size_t n)
{
	struct selecting s = { .cases = cases };
	check_count(n);
	shuffle(&s, n);
	sort(&s);
	int chosen = poll_locked(&s);
	if (chosen < 0)
		unlock_all(&s);
	else
		account(&cases[chosen]);
	return chosen;
}
