/* SPDX-License-Identifier: MIT
 *
 * timer.c: two threads set and stop the same timer while a third runs the heaps. A timer fires once for each setting that wasn't stopped; when
 * timer_stop returns its fn is not running; what was written before the setting is seen by fn, what fn wrote after the stop.
 *
 * The heaps' locks are the model's. Each thread is an m with a p of its own.
 */
#include "tests/model/shadow/runtime/self.h" /* before all that would take the runtime's */

#include "runtime/clock.h"
#include "runtime/sched.h"
#include "tests/model/model.h"

struct sched sched;

static struct p ps[3];
static struct m ms[3];
static struct timer timer;
static int payload; /* plain: written before a setting, and by fn */
static int fired;
static _Atomic int stops_that_kept;
static bool stopped;

struct m *m_self(void)
{
	return model_self() < 0 ? &ms[0] : &ms[model_self()];
}

/* timer.c's half: the poller's is checked by model_idle. */
void sched_poll_before(int64_t when_ns)
{
	(void)when_ns;
}

static void fire(struct timer *t)
{
	CHECK(t == &timer);
	CHECK(!stopped);
	payload++;
	fired++;
}

static void setup(void)
{
	sched.p = ps;
	sched.procs = 3;
	for (int i = 0; i < 3; i++) {
		ms[i].p = &ps[i];
		timer_heap_init(&ps[i].timers);
	}
	timer_init(&timer, fire);
}

static void setup_armed(void)
{
	setup();
	timer_set(&timer, 1);
}

static void run_heaps(void)
{
	for (int i = 0; i < 2; i++)
		timer_heap_run(&ps[i].timers, 10);
}

static void run_first_heap(void)
{
	timer_heap_run(&ps[0].timers, 10);
}

static void run_twice(void)
{
	run_first_heap();
	run_first_heap();
}

static void empty_heaps(void)
{
	for (int i = 0; i < 3; i++)
		CHECK(ps[i].timers.len == 0 && ps[i].timers.first_ns == NEVER);
	CHECK((timer.runs & 0xffff) == 0);
}

/* --- stop --- */

/* The memory may go: nobody writes there any more. */
static void stop_and_use(void)
{
	bool kept = timer_stop(&timer);
	stopped = true;
	CHECK(kept == (fired == 0));
	payload = 100;
}

MODEL(after_a_stop_fn_does_not_run, .setup = setup_armed,
      .threads = { stop_and_use, run_first_heap }, .check = empty_heaps)

static void stop(void)
{
	if (timer_stop(&timer))
		atomic_fetch_add_explicit(&stops_that_kept, 1, memory_order_relaxed);
}

static void fired_or_stopped(void)
{
	empty_heaps();
	CHECK(fired + stops_that_kept == 1);
}

MODEL(a_timer_fires_or_is_stopped_by_one, .setup = setup_armed,
      .threads = { stop, stop, run_first_heap }, .check = fired_or_stopped)

MODEL(two_that_run_a_heap_fire_once, .setup = setup_armed,
      .threads = { run_first_heap, run_first_heap }, .check = fired_or_stopped)

/* --- set --- */

static void write_and_set(void)
{
	payload = 7;
	timer_set(&timer, 5);
}

static void drain(void)
{
	for (int i = 0; i < 3; i++)
		timer_heap_run(&ps[i].timers, 10);
	empty_heaps();
	CHECK(fired == 1);
}

MODEL(what_was_written_before_a_setting_is_seen_by_fn, .setup = setup,
      .threads = { write_and_set, run_twice }, .check = drain)

static void set(void)
{
	timer_set(&timer, 2 + model_self());
}

static void set_later(void)
{
	timer_set(&timer, 20);
}

MODEL(two_that_set_one_timer_set_it_once, .setup = setup, .threads = { set, set }, .check = drain)

static void one_left_or_fired(void)
{
	int64_t first = NEVER;
	int queued = 0;
	for (int i = 0; i < 3; i++) {
		queued += (int)ps[i].timers.len;
		if (ps[i].timers.len > 0)
			CHECK(timer.heap == &ps[i].timers &&
			      ps[i].timers.first_ns == timer.when_ns);
		first = ps[i].timers.first_ns < first ? ps[i].timers.first_ns : first;
	}
	CHECK(queued <= 1);
	CHECK(queued + fired >= 1 && fired <= 2);
	model_outcome((uint64_t)(queued * 10 + fired));
}

/* Moved on, or fired and set again, or fired and set, in whichever heap. */
MODEL(a_timer_that_is_moved_while_it_fires_is_in_one_place, .setup = setup_armed,
      .threads = { run_heaps, set_later }, .check = one_left_or_fired, .outcomes = "10 11")

static void stop_for_good(void)
{
	timer_stop(&timer);
}

static void at_most_one(void)
{
	CHECK(fired <= 2);
	for (int i = 0; i < 3; i++)
		CHECK(ps[i].timers.len <= 1);
}

MODEL(set_stop_and_fire_from_three_threads, .setup = setup_armed,
      .threads = { run_heaps, set, stop_for_good }, .check = at_most_one)

/* --- fn itself --- */

static void stop_own(struct timer *t)
{
	CHECK(!timer_stop(t));
	payload++;
	fired++;
}

static void setup_stops_itself(void)
{
	setup_armed();
	timer.fn = stop_own;
}

MODEL(fn_may_stop_its_own_timer, .setup = setup_stops_itself, .threads = { run_first_heap, stop })

static void set_again(struct timer *t)
{
	if (++fired < 2)
		timer_set(t, 6);
}

static void setup_again(void)
{
	setup_armed();
	timer.fn = set_again;
}

MODEL(a_stop_waits_for_fn_and_takes_away_what_fn_has_set, .setup = setup_again,
      .threads = { run_first_heap, stop }, .check = empty_heaps)

static void stop_for_ever(void)
{
	timer_stop(&timer);
	fired = 100;
}

MODEL(a_stop_waits_for_fn_on_whichever_thread_it_runs_again, .setup = setup_again,
      .threads = { run_first_heap, run_first_heap, stop_for_ever })

/* The last run ends the timer's life; the one before may not have ended yet, on another thread. */
static void set_again_or_stop(struct timer *t)
{
	static _Atomic int begun;
	if (atomic_fetch_add_explicit(&begun, 1, memory_order_relaxed) == 0)
		timer_set(t, 6);
	else
		timer_stop(t);
	payload++;
}

static void setup_again_or_stop(void)
{
	setup_armed();
	timer.fn = set_again_or_stop;
}

MODEL(a_stop_from_fn_waits_for_the_run_before, .setup = setup_again_or_stop,
      .threads = { run_heaps, run_heaps })

/* --- on two heaps --- */

static void set_and_run(void)
{
	timer_set(&timer, 5);
	timer_heap_run(&ps[model_self()].timers, 10);
}

/* fn runs on two threads at once: it only reads what the one who stops it writes then. */
static _Atomic int runs;
static int seen_by_fn[THREADS_MAX];
static _Atomic bool is_set;

static void read_payload(struct timer *t)
{
	(void)t;
	seen_by_fn[model_self()] = payload;
	atomic_fetch_add_explicit(&runs, 1, memory_order_relaxed);
}

static void setup_readers(void)
{
	setup_armed();
	timer.fn = read_payload;
}

static void set_tell_and_run(void)
{
	timer_set(&timer, 5);
	atomic_store_explicit(&is_set, true, memory_order_release);
	timer_heap_run(&ps[1].timers, 10);
}

static void stop_when_set(void)
{
	while (!atomic_load_explicit(&is_set, memory_order_acquire))
		model_await();
	timer_stop(&timer);
	payload = 1;
}

MODEL(a_stop_waits_for_all_that_run_fn, .setup = setup_readers,
      .threads = { run_first_heap, set_tell_and_run, stop_when_set }, .check = empty_heaps)

static void count_run(struct timer *t)
{
	(void)t;
	atomic_fetch_add_explicit(&runs, 1, memory_order_relaxed);
}

static void setup_counted(void)
{
	setup();
	timer.fn = count_run;
}

static void once_or_twice(void)
{
	for (int i = 0; i < 3; i++)
		timer_heap_run(&ps[i].timers, 10);
	empty_heaps();
	CHECK(runs == 1 || runs == 2);
}

MODEL(a_timer_may_go_from_heap_to_heap, .setup = setup_counted,
      .threads = { set_and_run, set_and_run }, .check = once_or_twice)

#define UNDER_LOCK "a hint, or a heap whose lock is taken next"

MUTANTS(.of = "timer_ publish_first heap_ lock_heap_of claim end_run wait_while_running pop_due",
	.survivors = {
		{ "publish_first: store release 1: only relaxed", UNDER_LOCK },
		{ "lock_heap_of: load acquire 1: only relaxed", UNDER_LOCK },
		{ "claim: swap acq_rel 1: only acquire", UNDER_LOCK },
	});
