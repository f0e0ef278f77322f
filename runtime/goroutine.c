/* SPDX-License-Identifier: MIT
 *
 * goroutine: start one, give way, sleep, count: goroutine.h on the verbs of the scheduler. runtime_main is in startup.c.
 */
#include "runtime/goroutine.h"

#include "runtime/clock.h"
#include "runtime/sched.h"

/* More would take a second page of the new stack. */
#define COPY_MAX 1024

/* Who starts so many in a row gives way: they end, and the next ones find their stacks still in the cache, instead of a hundred thousand
 * lying about that have yet to run. No more than fill a first-level cache; less would be only more switches. */
#define BURST_MAX 64

/* Counts one more started by m's goroutine. True if it has started BURST_MAX since it was dispatched. */
static bool ends_burst(struct m *m)
{
	uint32_t tick = atomic_load_explicit(&m->p->tick, memory_order_relaxed);
	if (m->burst_tick != tick) {
		m->burst_tick = tick;
		m->burst = 0;
	}
	return ++m->burst >= BURST_MAX && atomic_load_explicit(&m->g, memory_order_relaxed) != NULL;
}

static void start(void (*fn)(void *), const void *args, size_t size, const char *name,
		  const struct go_site *site)
{
	if (UNLIKELY(m_self() == NULL))
		panic("go(%s): not on a goroutine", name);
	g_give_way();
	struct m *m = m_enter_with_p();
	struct g *g = g_new(m->p, fn, args, size, name, site);
	p_put(m->p, g, true);
	bool enough = ends_burst(m);
	m_exit(m);
	if (UNLIKELY(enough))
		g_yield();
}

void goroutine__start(void (*fn)(void *), void *arg, const char *name, const struct go_site *site)
{
	CALL_BEGIN();
	start(fn, arg, 0, name, site);
	CALL_END();
}

void goroutine__start_copy(void (*fn)(void *), const void *args, size_t size, const char *name,
			   const struct go_site *site)
{
	if (UNLIKELY(size > COPY_MAX))
		panic("go_with(%s): %zu bytes of arguments, at most %d are copied", name, size,
		      COPY_MAX);
	CALL_BEGIN();
	start(fn, args, size, name, site);
	CALL_END();
}

void goroutine_yield(void)
{
	g_yield();
}

struct sleeper {
	struct timer timer;
	struct g *g;
	int64_t until_ns;
};

static void wake_sleeper(struct timer *t)
{
	g_ready_tail(CONTAINER_OF(t, struct sleeper, timer)->g);
}

/* Runs when the goroutine has left its stack: the timer can't come too early. */
static bool arm(struct g *g, void *arg)
{
	(void)g;
	struct sleeper *s = arg;
	timer_set(&s->timer, s->until_ns);
	return true;
}

void goroutine_sleep(int64_t ns)
{
	if (ns <= 0)
		return;
	int64_t now = clock_now();
	struct sleeper s = { .g = g_self(), .until_ns = ns < NEVER - now ? now + ns : NEVER };
	timer_init(&s.timer, wake_sleeper);
	g_park(WAIT_SLEEP, arm, &s);
	timer_stop(&s.timer); /* its fn may still be about to return, on another thread */
}

uint64_t goroutine_id(void)
{
	struct g *g = g_self();
	return g == NULL ? 0 : g->id;
}

/* Ended first: a goroutine that starts another and ends between the two loads is counted, not missed. */
int64_t goroutine_count(void)
{
	int64_t n = 0;
	for (uint32_t i = 0; i < sched.procs; i++)
		n -= atomic_load_explicit(&sched.p[i].ended, memory_order_acquire);
	for (uint32_t i = 0; i < sched.procs; i++)
		n += atomic_load_explicit(&sched.p[i].started, memory_order_acquire);
	return n;
}

int64_t goroutine_limit(void)
{
	return stack_limit();
}
