/* SPDX-License-Identifier: MIT
 *
 * idle: which ms run, which one sleeps in the netpoller, which sleep on their notes, and who wakes whom.
 *
 * The policy (measured: one thread that polls and runs is as good as it gets until there is really much to do):
 * - The m that finds nothing and is the last one running blocks in the netpoller, keeping its p. Others give their p back and sleep.
 *   So while somebody blocks there, nobody runs; `running` and `poller` change together, under sched.lock.
 * - What a poll brings goes to the poller's own queue. Another m is woken when a queue gets longer than knobs.wake_len; what waits behind a
 *   long-running goroutine is noticed by sysmon.
 * - One m at a time is woken ("spinning") until it has found work; then it wakes the next one if need be.
 *
 * No wake-up gets lost. To the global queue everything comes under sched.lock, and whoever is about to sleep looks at it under the same hold of the
 * lock in which it becomes idle. For the rings: the producer puts, fences, looks for an idle p; the m about to sleep publishes itself as idle, fences,
 * looks at the rings again: one of the two sees the other. For timers, see timer.c.
 */
#include "runtime/clock.h"
#include "runtime/poll.h"
#include "runtime/sched.h"
#include "runtime/shrink.h"

static void add(_Atomic uint32_t *counter, uint32_t n)
{
	uint32_t old = atomic_load_explicit(counter, memory_order_relaxed);
	atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

/* --- the global queue --- */

static void publish_global_len(void)
{
	atomic_store_explicit(&sched.global_len, sched.global.len, memory_order_relaxed);
}

bool sched_claim_poller_wake(void)
{
	if (sched.poller == NULL || sched.poller_woken)
		return false;
	sched.poller_woken = true;
	return true;
}

static bool worth_waking(uint32_t waiting)
{
	return waiting > atomic_load_explicit(&sched.knobs.wake_len, memory_order_relaxed) &&
	       atomic_load_explicit(&sched.idle_count, memory_order_relaxed) > 0 &&
	       atomic_load_explicit(&sched.spinning, memory_order_relaxed) == 0;
}

void sched_inject(struct g *g)
{
	lock_acquire(&sched.lock);
	g_chain_push(&sched.global, g);
	publish_global_len();
	bool interrupt = sched_claim_poller_wake();
	lock_release(&sched.lock);
	if (interrupt)
		poll_interrupt();
	else if (worth_waking(atomic_load_explicit(&sched.global_len, memory_order_relaxed)))
		m_wake();
}

void sched_spill(struct g_chain *spill)
{
	lock_acquire(&sched.lock);
	g_chain_append(&sched.global, spill);
	publish_global_len();
	lock_release(&sched.lock);
}

struct g *sched_take_global(struct p *p, uint32_t most)
{
	if (atomic_load_explicit(&sched.global_len, memory_order_relaxed) == 0)
		return NULL;
	struct g_chain taken = { 0 }, spill = { 0 };
	lock_acquire(&sched.lock);
	uint32_t fair = sched.global.len / sched.maxprocs + 1;
	while (taken.len < most && taken.len < fair && sched.global.len > 0)
		g_chain_push(&taken, g_chain_pop(&sched.global));
	publish_global_len();
	lock_release(&sched.lock);
	struct g *first = g_chain_pop(&taken), *g;
	while ((g = g_chain_pop(&taken)) != NULL)
		runq_put(&p->runq, g, &spill);
	if (UNLIKELY(spill.len > 0))
		sched_spill(&spill);
	return first;
}

/* --- waking --- */

void sched_queued(struct runq *q)
{
	uint32_t len = runq_len(q);
	if (LIKELY(len <= atomic_load_explicit(&sched.knobs.wake_len, memory_order_relaxed)) ||
	    atomic_load_explicit(&sched.maxprocs, memory_order_relaxed) == 1)
		return;
	atomic_thread_fence(memory_order_seq_cst);
	if (worth_waking(len))
		m_wake();
}

struct p *sched_take_idle_p(void)
{
	struct p *p = sched.idle_ps;
	if (p != NULL) {
		sched.idle_ps = p->next_idle;
		add(&sched.idle_count, -1u);
		add(&sched.running, 1);
	}
	return p;
}

/* Under sched.lock: an idle p to run on, if one may be started. While somebody polls nobody runs: the poller is the one to wake. */
static struct p *claim_p(bool *ret_interrupt)
{
	*ret_interrupt = sched_claim_poller_wake();
	if (sched.poller != NULL || atomic_load(&sched.stopping))
		return NULL;
	return sched_take_idle_p();
}

static bool try_wake(void)
{
	struct m *m = NULL;
	bool interrupt;
	lock_acquire(&sched.lock);
	struct p *p = claim_p(&interrupt);
	if (p != NULL)
		m = m_take(p);
	lock_release(&sched.lock);
	if (interrupt)
		poll_interrupt();
	if (m == NULL)
		return false;
	sched_count(NULL, COUNT_wakeups, 1);
	m->spinning = true;
	m_launch(m);
	return true;
}

bool sched_has_long_queue(void)
{
	uint32_t most = atomic_load_explicit(&sched.knobs.wake_len, memory_order_relaxed);
	for (uint32_t i = 0; i < sched.procs; i++)
		if (runq_len(&sched.p[i].runq) > most)
			return true;
	return atomic_load_explicit(&sched.global_len, memory_order_relaxed) > most;
}

/* An m that lay down while this one held `spinning` has not been able to wake anybody: hence the second look. */
void m_wake(void)
{
	uint32_t none = 0;
	while (atomic_compare_exchange_strong(&sched.spinning, &none, 1)) {
		if (try_wake())
			return;
		atomic_store(&sched.spinning, 0);
		atomic_thread_fence(memory_order_seq_cst); /* before the look at the rings */
		if (atomic_load(&sched.idle_count) == 0 || atomic_load(&sched.stopping) ||
		    !sched_has_long_queue())
			return;
	}
}

static void stop_spinning(struct m *m)
{
	if (m->spinning) {
		m->spinning = false;
		atomic_store(&sched.spinning, 0);
	}
}

void m_found_work(struct m *m)
{
	stop_spinning(m);
	sched_queued(&m->p->runq);
}

void sched_poll_before(int64_t when_ns)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (LIKELY(when_ns >= atomic_load_explicit(&sched.poller_until, memory_order_relaxed)))
		return;
	lock_acquire(&sched.lock);
	bool interrupt = sched_claim_poller_wake();
	lock_release(&sched.lock);
	if (interrupt)
		poll_interrupt();
}

/* --- going to sleep --- */

void sched_external_begin(void)
{
	atomic_fetch_add(&sched.external, 1);
}

/* The poller may have gone to sleep in the belief that somebody may still come from there: it looks again whether that's a deadlock. */
static void last_hope_gone(void)
{
	sched_poll_before(NEVER - 1);
}

void sched_external_end(void)
{
	if (atomic_fetch_sub(&sched.external, 1) == 1)
		last_hope_gone();
}

static bool (*_Atomic signal_hook)(void);

void sched_set_signal_hook(bool (*fn)(void))
{
	atomic_store(&signal_hook, fn);
}

static bool outside_may_wake(void)
{
	bool (*signal_may_wake)(void) = atomic_load(&signal_hook);
	return atomic_load(&sched.external) != 0 || (signal_may_wake != NULL && signal_may_wake());
}

void sched_io_wait(int change)
{
	struct m *m = m_enter();
	_Atomic int64_t *counter = m == NULL || m->p == NULL ? NULL : &m->p->io_waits;
	if (counter == NULL) {
		atomic_fetch_add(&sched.io_waits, change);
		if (change < 0)
			last_hope_gone();
	} else {
		atomic_store_explicit(counter,
				      atomic_load_explicit(counter, memory_order_relaxed) + change,
				      memory_order_relaxed);
	}
	m_exit(m);
}

static int64_t first_timer(void)
{
	int64_t first = NEVER;
	for (uint32_t i = 0; i < sched.procs; i++) {
		int64_t t = atomic_load_explicit(&sched.p[i].timers.first_ns, memory_order_acquire);
		first = t < first ? t : first;
	}
	return first;
}

static bool anything_waits_for_io(void)
{
	int64_t waits = atomic_load(&sched.io_waits);
	for (uint32_t i = 0; i < sched.procs; i++)
		waits += atomic_load_explicit(&sched.p[i].io_waits, memory_order_relaxed);
	return waits != 0;
}

bool sched_may_be_woken(void)
{
	return anything_waits_for_io() || outside_may_wake() || first_timer() != NEVER;
}

/* Nobody runs, no m had lost its p to a goroutine that still runs there, and no timer is set. What is outside injects before it calls
 * external_end: with `external` at 0, the queue is the last word. */
static void check_deadlock(void)
{
	if (anything_waits_for_io() || outside_may_wake())
		return;
	shrink_wait(); /* what it holds back comes to the global queue */
	lock_acquire(&sched.lock);
	bool dead = sched.global.len == 0 && !atomic_load(&sched.stopping);
	lock_release(&sched.lock);
	if (dead)
		fatal("all goroutines are asleep - deadlock!");
}

static int64_t publish_poll_end(void)
{
	atomic_store_explicit(&sched.poller_until, NEVER, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	bool alone = atomic_load(&sched.lost) ==
		     0; /* first: it may set a timer, or wait for I/O, as its last act */
	int64_t until = first_timer();
	if (until == NEVER && alone)
		check_deadlock();
	atomic_store_explicit(&sched.poller_until, until, memory_order_relaxed);
	return until;
}

static void poll_deliver(const struct poll_report *reports, int n)
{
	for (int i = 0; i < n; i++)
		reports[i].source->deliver(reports[i].source, reports[i].tag, reports[i].events);
}

void sched_poll(int64_t now_ns)
{
	struct poll_report reports[POLL_BATCH];
	atomic_store_explicit(&sched.last_poll_ns, now_ns, memory_order_relaxed);
	int n = poll_wait(reports, 0);
	struct m *m = m_self();
	struct p *p = m == NULL ? NULL : m->p;
	sched_count(p, COUNT_polls, 1);
	sched_count(p, COUNT_poll_events, (uint64_t)n);
	poll_deliver(reports, n);
}

/* The last m may have lain down since the caller looked, and what was sent to wake it may have been among what was taken here: an
 * edge-triggered report comes to one sleeper only. */
void sched_poll_aside(int64_t now_ns)
{
	sched_poll(now_ns);
	lock_acquire(&sched.lock);
	bool stolen = sched.poller != NULL && sched.poller_woken;
	lock_release(&sched.lock);
	if (stolen)
		poll_interrupt();
}

/* Comes and goes with sched.lock held: between, this m is the poller. */
static int sleep_as_poller(struct m *m, struct poll_report *reports)
{
	sched.poller = m;
	add(&sched.running, -1u);
	lock_release(&sched.lock);
	int n = poll_wait(reports, publish_poll_end());
	atomic_store_explicit(&sched.poller_until, INT64_MIN, memory_order_relaxed);
	lock_acquire(&sched.lock);
	sched.poller = NULL;
	sched.poller_woken = false;
	add(&sched.running, 1);
	return n;
}

static void block_in_poller(struct m *m)
{
	struct poll_report reports[POLL_BATCH];
	int n = sleep_as_poller(m, reports);
	lock_release(&sched.lock);
	m->p->now_ns = clock_now();
	atomic_store_explicit(&sched.last_poll_ns, m->p->now_ns, memory_order_relaxed);
	sysmon_rouse();
	sched_count(m->p, COUNT_poll_waits, 1);
	sched_count(m->p, COUNT_poll_events, (uint64_t)n);
	poll_deliver(reports, n);
}

void m_lie_down(struct m *m)
{
	m->next_idle = sched.idle_ms;
	sched.idle_ms = m;
}

void m_sleep(struct m *m)
{
	note_sleep(&m->note);
	note_clear(&m->note);
	m->p = m->next_p;
}

void m_give_up_p(struct m *m)
{
	struct p *p = m->p;
	m->p = NULL;
	atomic_store_explicit(&p->m, NULL, memory_order_relaxed);
	p_put_idle(p);
	add(&sched.running, -1u);
}

/* With sched.lock held, which it releases. */
static void sleep_on_note(struct m *m)
{
	bool was_spinning = m->spinning; /* once published, m is its waker's */
	m->spinning = false;
	m_give_up_p(m);
	m_lie_down(m);
	lock_release(&sched.lock);
	if (was_spinning)
		atomic_store(&sched.spinning, 0);
	atomic_thread_fence(memory_order_seq_cst);
	if (sched_has_long_queue())
		m_wake(); /* most likely this m itself: the last to lie down is the first to be woken */
	m_sleep(m);
}

/* True as soon as there seems to be something to steal. */
static bool spin(void)
{
	int64_t ns = atomic_load_explicit(&sched.knobs.spin_ns, memory_order_relaxed);
	if (ns == 0)
		return false;
	for (int64_t until = clock_now() + ns; clock_now() < until;)
		for (uint32_t i = 0; i < sched.procs; i++)
			if (runq_len(&sched.p[i].runq) > 0)
				return true;
	return false;
}

void m_idle(struct m *m)
{
	if (spin())
		return;
	lock_acquire(&sched.lock);
	if (sched.global.len > 0 || atomic_load(&sched.stopping) ||
	    m->p->index >= atomic_load(&sched.maxprocs)) {
		lock_release(&sched.lock);
		return;
	}
	if (atomic_load_explicit(&sched.running, memory_order_relaxed) == 1) {
		stop_spinning(m);
		block_in_poller(m);
	} else {
		sleep_on_note(m);
	}
}

/* Of a main that had lost its p the end may find a poller: it has been woken, and is on its way here. */
void m_stop(struct m *m)
{
	static struct note never;
	lock_acquire(&sched.lock);
	add(m->p != NULL ? &sched.running : &sched.lost, -1u);
	bool last = atomic_load(&sched.running) == 0 && atomic_load(&sched.lost) == 0 &&
		    sched.poller == NULL;
	lock_release(&sched.lock);
	stop_spinning(m);
	if (last)
		note_wake(&sched.stopped);
	for (;;)
		note_sleep(&never);
}
