/* SPDX-License-Identifier: MIT
 *
 * idle.c with handoff.c, machine.c, procs.c, sysmon.c, timer.c, runq.c and note.c: no wake-up gets lost. Ms lie down while goroutines are queued, timers
 * set and processors taken; whatever was to be run is run by somebody, and nobody sleeps while it waits.
 *
 * Not here: goroutines themselves (proc.c). A thread of a model is an m's loop, written out for the one thing that it looks for. The netpoller is
 * an event that stays until it is taken, as an eventfd in an edge-triggered epoll is; the locks are one step each.
 */
#include "tests/model/shadow/runtime/self.h" /* before all that would take the runtime's */

#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/futex.h"
#include "runtime/poll.h"
#include "runtime/sched.h"
#include "runtime/shrink.h"
#include "runtime/thread.h"
#include "tests/model/model.h"

#define FAR SECOND /* a time that doesn't come in an execution */

struct sched sched;

static struct p ps[3];
static struct m ms[3]; /* thread i is m i, where it is one */
static struct g gs[2];
static _Atomic int ran[2]; /* how often each g */
static bool is_m[THREADS_MAX];

/* --- what lies below, and beside --- */

struct m *m_self(void)
{
	int self = model_self();
	return self >= 0 && is_m[self] ? &ms[self] : NULL;
}

void m_answer(struct m *m)
{
	if (!lease_answer(&m->lease))
		m->p = NULL;
}

void *m_main(void *arg)
{
	(void)arg;
	model_fail("a thread is made");
}

static void *(*sysmon_loop)(void *);

int thread_start(const char *name, void *(*fn)(void *), void *arg)
{
	(void)name, (void)arg;
	if (sysmon_loop != NULL)
		model_fail("a thread is made");
	sysmon_loop = fn;
	return 0;
}

static _Atomic uint32_t event;

void poll_interrupt(void)
{
	atomic_store(&event, 1);
	futex_wake(&event, 1);
}

int poll_wait(struct poll_report *ret_reports, int64_t until_ns)
{
	(void)ret_reports;
	while (atomic_exchange(&event, 0) == 0 && clock_now() < until_ns)
		futex_wait(&event, 0, until_ns >= FAR ? NEVER : until_ns);
	return 0;
}

bool shrink_one(struct g *g)
{
	(void)g;
	return false;
}

int64_t shrink_tick(int64_t now_ns, bool idle)
{
	(void)now_ns, (void)idle;
	return NEVER;
}

void shrink_wait(void)
{
}

void stack_trim(void)
{
}

bool stack_is_untrimmed(void)
{
	return false;
}

void stack_cache_flush(struct stack_cache *cache)
{
	(void)cache;
}

struct g *g_self(void)
{
	return NULL;
}

void g_yield(void)
{
}

/* sysmon looks once. */
void clock_sleep_thread(int64_t ns)
{
	(void)ns;
	atomic_store_explicit(&sched.stopping, true, memory_order_relaxed);
}

/* --- the state to begin with --- */

static void give(int m, int p)
{
	ms[m].p = &ps[p];
	is_m[m] = true;
	atomic_store(&ps[p].m, &ms[m]);
	sched.running++;
}

static void setup(uint32_t procs)
{
	sched.p = ps;
	sched.procs = sched.maxprocs = procs;
	sched.ms = sched.ms_max = procs;
	sched.poller_until = INT64_MIN;
	sched.knobs.slice_ns = 10 * MILLISECOND;
	for (uint32_t i = 0; i < procs; i++) {
		ps[i].index = ms[i].id = i;
		ms[i].started = true;
		ms[i].lease.inside = 1;
		timer_heap_init(&ps[i].timers);
	}
}

static void run(struct g *g)
{
	atomic_fetch_add_explicit(&ran[g - gs], 1, memory_order_relaxed);
}

static void put(struct m *m, struct g *g)
{
	struct g_chain spill = { 0 };
	runq_put(&m->p->runq, g, &spill);
	sched_queued(&m->p->runq);
}

static struct g *steal(struct m *m)
{
	for (uint32_t i = 0; i < sched.procs; i++) {
		struct g *g = &ps[i] == m->p ? runq_get(&m->p->runq, false)
					     : runq_steal(&m->p->runq, &ps[i].runq, true);
		if (g != NULL)
			return g;
	}
	return NULL;
}

/* An m's loop until it has something to run. */
static void find_and_run(void)
{
	struct m *m = m_self();
	struct g *g;
	while ((g = sched_take_global(m->p, 1)) == NULL && (g = steal(m)) == NULL)
		m_idle(m);
	if (m->spinning)
		m_found_work(m);
	run(g);
}

static void first_ran(void)
{
	CHECK(ran[0] == 1);
}

static void second_ran(void)
{
	CHECK(ran[1] == 1);
}

static void both_ran(void)
{
	CHECK(ran[0] == 1 && ran[1] == 1);
}

/* --- rings --- */

static void two_run(void)
{
	setup(2);
	give(0, 0);
	give(1, 1);
}

static void three_run(void)
{
	setup(3);
	give(0, 0);
	give(1, 1);
	give(2, 2);
}

/* And goes on running its goroutine. */
static void put_one(void)
{
	put(m_self(), &gs[0]);
}

MODEL(an_m_that_lies_down_sees_what_was_put_or_is_woken, .setup = two_run,
      .threads = { put_one, find_and_run }, .check = first_ran)

static void two_run_one_spins(void)
{
	two_run();
	ms[1].spinning = true;
	sched.spinning = 1;
}

MODEL(an_m_that_was_woken_for_nothing_can_be_woken_again, .setup = two_run_one_spins,
      .threads = { put_one, find_and_run }, .check = first_ran)

/* Somebody looks for an idle m just before this one lies down: then nobody else may wake one. */
static void wake_any(void)
{
	m_wake();
}

static void put_next(void)
{
	struct g_chain spill = { 0 };
	struct m *m = m_self();
	runq_put_next(&m->p->runq, &gs[0], &spill);
	sched_queued(&m->p->runq);
}

static void lie_down(void)
{
	struct m *m = m_self();
	struct g *g;
	do
		m_idle(m);
	while ((g = runq_steal(&m->p->runq, &ps[0].runq, true)) == NULL);
	run(g);
}

MODEL(who_has_kept_others_from_waking_looks_again, .setup = two_run, .most = 5000,
      .threads = { put_next, lie_down, wake_any }, .check = first_ran)

MODEL(of_two_ms_that_lie_down_one_comes_for_it, .setup = three_run, .may_sleep = true, .most = 5000,
      .threads = { put_one, find_and_run, find_and_run }, .check = first_ran)

/* --- the global queue --- */

static void inject(void)
{
	sched_inject(&gs[0]);
}

static void poller_and_outside(void)
{
	setup(1);
	give(0, 0);
	sched.external = 1;
}

/* The thread that is no m comes second. */
MODEL(the_poller_is_woken_for_what_is_injected, .setup = poller_and_outside,
      .threads = { find_and_run, inject }, .check = first_ran)

static void one_runs_one_looks(void)
{
	setup(2);
	give(0, 0);
	give(1, 1);
}

static void nothing(void)
{
}

MODEL(a_sleeping_m_is_woken_for_what_is_injected, .setup = one_runs_one_looks,
      .threads = { nothing, find_and_run, inject }, .check = first_ran)

/* The last to lie down blocks in the netpoller; so nothing is left that nobody comes for. */
static void two_run_and_outside(void)
{
	two_run();
	sched.external = 1;
	sched.knobs.wake_len =
		16; /* with 0, who lies down last waits for the poller to get up, in a loop */
}

MODEL(of_two_that_lie_down_one_is_there_for_what_is_injected, .setup = two_run_and_outside,
      .most = 5000, .may_sleep = true, .threads = { find_and_run, find_and_run, inject },
      .check = first_ran)

/* --- timers --- */

static struct timer timer;

static void fire(struct timer *t)
{
	(void)t;
	run(&gs[0]);
}

static void poller_and_timer(void)
{
	poller_and_outside();
	timer_init(&timer, fire);
}

/* From a thread without a p, while the only m may be on its way into the netpoller. */
static void set_timer(void)
{
	timer_set(&timer, 5);
}

static void wait_for_timer(void)
{
	struct m *m = m_self();
	while (atomic_load_explicit(&ran[0], memory_order_relaxed) == 0) {
		m_idle(m);
		timer_heap_run(&ps[0].timers, clock_now());
	}
}

MODEL(the_poller_sleeps_no_longer_than_until_the_new_timer, .setup = poller_and_timer,
      .threads = { wait_for_timer, set_timer }, .check = first_ran)

static void poller_with_later_timer(void)
{
	poller_and_timer();
	static struct timer later;
	timer_init(&later, fire);
	timer_set(&later, FAR);
}

MODEL(the_poller_gets_up_earlier_for_an_earlier_timer, .setup = poller_with_later_timer,
      .threads = { wait_for_timer, set_timer }, .check = first_ran)

/* --- sysmon --- */

static void sysmon_and_poller(void)
{
	setup(1);
	give(0, 0);
	sched.external = 1;
	sysmon_start();
	atomic_store(&event, 1);
}

static void poll_once(void)
{
	m_idle(m_self());
}

static void watch(void)
{
	sysmon_loop(NULL);
}

MODEL(sysmon_does_not_sleep_while_an_m_runs, .setup = sysmon_and_poller,
      .threads = { poll_once, watch })

/* m 0's p is not in use any more; p 0 is idle. */
static void one_retires(void)
{
	setup(2);
	give(0, 1);
	sched.maxprocs = 1;
	sched.idle_ps = &ps[0];
	sched.idle_count = 1;
}

static void sysmon_and_one_that_retires(void)
{
	one_retires();
	sysmon_start();
}

static void retire(void)
{
	m_retire_p(m_self());
}

MODEL(sysmon_does_not_sleep_while_an_m_changes_its_p, .setup = sysmon_and_one_that_retires,
      .threads = { retire, watch })

/* --- the end --- */

static void run_main(void)
{
	atomic_store(&sched.stopping, true);
	m_stop(m_self());
}

static void stop_if_told(void)
{
	if (atomic_load(&sched.stopping))
		m_stop(m_self());
}

static void retire_or_stop(void)
{
	stop_if_told();
	m_retire_p(m_self());
	stop_if_told();
}

static void main_runs_and_one_retires(void)
{
	setup(2);
	give(0, 0);
	give(1, 1);
	sched.maxprocs = 1;
}

static void end_is_told(void)
{
	CHECK(atomic_load(&sched.stopped.woken) == 1);
}

MODEL(the_end_is_told_although_an_m_retires, .setup = main_runs_and_one_retires, .may_sleep = true,
      .threads = { run_main, retire_or_stop }, .check = end_is_told)

/* --- hand-off --- */

/* m 0's goroutine computes, with g 0 in its queue; m 1 sleeps. */
static void hog_and_sleeper(void)
{
	setup(1);
	sched.ms = sched.ms_max = 2;
	give(0, 0);
	is_m[1] = true;
	ms[0].lease.inside = 0;
	ms[1].lease.inside = 1;
	ms[1].id = 1;
	ms[1].started = true;
	sched.idle_ms = &ms[1];
	struct g_chain spill = { 0 };
	runq_put(&ps[0].runq, &gs[0], &spill);
}

/* It enters the runtime, and gives way where it finds itself without a p. */
static void hog(void)
{
	struct m *m = m_enter();
	if (m->p == NULL) {
		sched_inject(&gs[1]); /* its goroutine */
		m_rest(m);
		find_and_run();
		return;
	}
	put(m, &gs[1]);
	struct g *g;
	while ((g = steal(m)) != NULL)
		run(g);
}

static void take_from_hog(void)
{
	lease_request(&ms[0].lease);
	barrier_heavy();
	sched_hand_off(&ps[0]);
}

static void sleep_and_run(void)
{
	struct m *m = m_self();
	m_sleep(m);
	find_and_run();
	find_and_run();
}

MODEL(what_waits_behind_a_hog_is_run_and_the_hog_too, .setup = hog_and_sleeper, .may_sleep = true,
      .most = 5000, .threads = { hog, sleep_and_run, take_from_hog }, .check = both_ran)

static void hog_once(void)
{
	struct m *m = m_enter();
	struct g *g = m->p == NULL ? NULL : steal(m);
	if (g != NULL)
		run(g);
	m_exit(m);
}

static void sleep_and_steal(void)
{
	struct m *m = m_self();
	m_sleep(m);
	struct g *g = steal(m);
	if (g != NULL)
		run(g);
}

MODEL(what_waits_behind_a_hog_is_run_by_one, .setup = hog_and_sleeper, .may_sleep = true,
      .threads = { hog_once, sleep_and_steal, take_from_hog }, .check = first_ran)

/* The hog has lost its p: what it readies goes to the one who has it now. */
static void hog_without_p(void)
{
	sched_inject(&gs[1]);
	m_rest(&ms[0]);
	find_and_run();
}

static void lost_and_poller(void)
{
	setup(1);
	sched.ms = sched.ms_max = 2;
	give(1, 0);
	is_m[0] = true;
	sched.lost = 1;
	ms[0].lease.state = LEASE_TAKEN;
	ms[0].id = 0;
	ms[1].lease.inside = 1;
	ms[1].started = true;
}

/* Its g_exit waits for a p; the loop stops before it gets one. */
static void main_without_p(void)
{
	atomic_store(&sched.stopping, true);
	sched_inject(&gs[1]);
	m_stop(m_self());
}

static void poll_and_stop(void)
{
	m_idle(m_self());
	stop_if_told();
}

static void wait_for_end(void)
{
	note_sleep(&sched.stopped);
	lock_acquire(&sched.lock);
	bool all_rest = sched.poller == NULL && atomic_load(&sched.running) == 0;
	lock_release(&sched.lock);
	CHECK(all_rest);
}

MODEL(the_end_is_told_when_the_poller_rests_too, .setup = lost_and_poller, .may_sleep = true,
      .most = 5000, .threads = { main_without_p, poll_and_stop, wait_for_end })

MODEL(a_hog_that_comes_to_rest_is_run_on_by_another, .setup = lost_and_poller, .may_sleep = true,
      .threads = { hog_without_p, find_and_run }, .check = second_ran)

#define FENCED	  "a fence stands beside it, or sched.lock is held"
#define ONE_WAKER "with two wakers at once, two ms are woken: too many, but none too few"
#define SAVES	  "saves wake-ups; none is lost without"
#define LOOKS	  "sysmon looks once more than it had to"

MUTANTS(.of = "sched_queued sched_inject sched_poll_before m_wake try_wake publish_poll_end sleep_ "
	      "block_in find_p sysmon_rouse m_rest m_sleep",
	.survivors = {
		{ "publish_poll_end: load seq_cst 1: only acquire", FENCED },
		{ "publish_poll_end: store relaxed 2: left out", SAVES },
		{ "sleep_as_poller: store relaxed 1: left out", SAVES },
		{ "block_in_poller: store relaxed 1: left out", "only says when to poll again" },
		{ "m_wake: swap seq_cst 1: only acq_rel", FENCED },
		{ "m_wake: swap seq_cst 1: not atomic", ONE_WAKER },
		{ "m_wake: store seq_cst 1: only release", FENCED },
		{ "m_wake: load seq_cst 1: only acquire", FENCED },
		{ "m_wake: load seq_cst 2: only acquire", FENCED },
		{ "sleep_on_note: store seq_cst 1: only release", FENCED },
		{ "m_rest: load seq_cst 1: only acquire", FENCED },
		{ "m_rest: load seq_cst 2: only acquire", FENCED },
		{ "sleep_until_roused: change seq_cst 1: only acq_rel", FENCED },
		{ "sleep_until_roused: change seq_cst 1: not atomic", LOOKS },
		{ "sysmon_rouse: change seq_cst 1: only acq_rel", FENCED },
		{ "sysmon_rouse: change seq_cst 1: not atomic", LOOKS },
	});
