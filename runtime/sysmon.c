/* SPDX-License-Identifier: MIT
 *
 * sysmon: a thread without a processor that looks, every few milliseconds while goroutines run, at what the scheduler's own loop can't see
 * because a goroutine keeps it from turning: goroutines that wait behind one that runs long, timers overdue, a netpoller that nobody asks.
 *
 * While there is an idle p, it wakes an m for what waits: that one steals, runs timers, polls. Else it relieves a goroutine that has had its p for
 * longer than a slice (10 ms; a chain of goroutines that ready one another through runnext counts as one: it shares a slice):
 * - it asks: the goroutine gives way at its next safe point (handoff.c), and the loop is urged to look everywhere before it goes on with that chain;
 * - if the loop still hasn't turned at the next look, 1 ms later, it takes the p and hands it to another m.
 *
 * Only where somebody needs that p: one with goroutines in its own queue, or one that is to retire; one at a time for what any m could do (the global queue, a long queue
 * elsewhere, overdue timers). And one where no loop turns at all, if anything could yet wake a goroutine: somebody must be there
 * to block in the netpoller, and wake up at once. A goroutine that blocks in the kernel while nobody waits for anything costs nothing.
 *
 * It ticks faster while it finds something. When no m runs with a p it sleeps without a limit, and the poller's return wakes it (asleep: both
 * publish, fence, look).
 */
#include <string.h>

#include "runtime/clock.h"
#include "runtime/sched.h"
#include "runtime/shrink.h"
#include "runtime/thread.h"

#define TICK_MAX_NS   (10 * MILLISECOND)
#define POLL_STALE_NS (10 * MILLISECOND)
#define TIMER_LATE_NS (1 * MILLISECOND)
#define TRIM_EVERY_NS (1 * SECOND)

/* What was last seen of a p. */
struct watch {
	uint32_t tick, slice;
	int64_t turned_ns; /* tick has stood still since then */
	int64_t begun_ns;  /* and slice */
	bool still;	   /* tick is as at the last look */
	bool asked;	   /* its m has been asked for it since tick changed */
};

static struct {
	atomic_bool asleep;
	struct note note;
	int64_t trimmed_ns;
	struct watch *watch; /* of each p */
} sysmon;

/* One look at all p. */
struct view {
	bool all_still; /* none has dispatched anything since the last look */
	bool ages;	/* something runnable waits for an m that is busy with one goroutine */
	bool stuck;	/* none has dispatched anything for a slice */
	bool kept;	/* at least one is in the same slice for longer than that */
};

static int64_t slice_ns(void)
{
	return atomic_load_explicit(&sched.knobs.slice_ns, memory_order_relaxed);
}

static int64_t tick_min_ns(void)
{
	return slice_ns() / 10;
}

static bool has_owner(struct p *p)
{
	return atomic_load_explicit(&p->m, memory_order_relaxed) != NULL;
}

static void watch_p(struct watch *w, struct p *p, int64_t now_ns)
{
	uint32_t tick = atomic_load_explicit(&p->tick, memory_order_relaxed);
	uint32_t slice = atomic_load_explicit(&p->slice, memory_order_relaxed);
	bool idle = !has_owner(p);
	w->still = tick == w->tick;
	if (!w->still || idle) {
		w->turned_ns = now_ns;
		w->asked = false;
	}
	if (slice != w->slice || idle)
		w->begun_ns = now_ns;
	w->tick = tick;
	w->slice = slice;
}

static bool is_kept(const struct watch *w, int64_t now_ns)
{
	return now_ns - w->begun_ns >= slice_ns();
}

static struct view watch_all(int64_t now_ns)
{
	struct view v = { .all_still = true, .stuck = true };
	for (uint32_t i = 0; i < sched.procs; i++) {
		struct p *p = &sched.p[i];
		struct watch *w = &sysmon.watch[i];
		watch_p(w, p, now_ns);
		v.all_still = v.all_still && w->still;
		v.ages = v.ages || (w->still && runq_len(&p->runq) > 0);
		v.stuck = v.stuck && (!has_owner(p) || now_ns - w->turned_ns >= slice_ns());
		v.kept = v.kept || is_kept(w, now_ns);
	}
	v.ages = v.ages || (v.all_still && atomic_load(&sched.global_len) > 0);
	return v;
}

/* While nobody runs, nobody keeps anything. */
static void forget_slices(int64_t now_ns)
{
	for (uint32_t i = 0; i < sched.procs; i++)
		sysmon.watch[i].turned_ns = sysmon.watch[i].begun_ns = now_ns;
}

static bool timers_late(int64_t now_ns)
{
	for (uint32_t i = 0; i < sched.procs; i++)
		if (atomic_load_explicit(&sched.p[i].timers.first_ns, memory_order_relaxed) <
		    now_ns - TIMER_LATE_NS)
			return true;
	return false;
}

static bool poll_is_stale(int64_t now_ns)
{
	return now_ns - atomic_load_explicit(&sched.last_poll_ns, memory_order_relaxed) >
	       POLL_STALE_NS;
}

/* Each m that runs looks at timers and netpoller as soon as its goroutine lets it, and not at the 61st dispatch. */
static void urge(struct p *p)
{
	atomic_store_explicit(&p->urged, true, memory_order_relaxed);
}

static void urge_all(void)
{
	for (uint32_t i = 0; i < sched.procs; i++)
		urge(&sched.p[i]);
}

/* --- relieving --- */

_Atomic bool sysmon__asks; /* a hint: g_give_way looks at what counts */

static bool is_anybody_asked(void)
{
	if (atomic_load(&sched.lost) > 0)
		return true;
	for (uint32_t i = 0; i < sched.procs; i++) {
		struct m *m = atomic_load_explicit(&sched.p[i].m, memory_order_acquire);
		if (m != NULL && lease_is_asked_for(&m->lease))
			return true;
	}
	return false;
}

/* p's m may change meanwhile: then another one gives way for nothing, once. */
static void relieve(struct p *p, struct watch *w, int64_t now_ns)
{
	struct m *m = atomic_load_explicit(&p->m, memory_order_acquire);
	if (m == NULL)
		return;
	atomic_store_explicit(&sysmon__asks, true, memory_order_relaxed);
	lease_request(&m->lease);
	barrier_heavy();
	urge(p);
	if (w->asked && sched_hand_off(p)) {
		w->turned_ns = w->begun_ns = now_ns;
		w->asked = false;
	} else {
		w->asked = true;
	}
}

/* True if there is something that any m with a p could do. */
static bool any_p_will_do(const struct view *v, bool late)
{
	if (v->stuck && sched_may_be_woken())
		return true;
	return atomic_load(&sched.idle_count) == 0 &&
	       (late || atomic_load(&sched.global_len) > 0 || sched_has_long_queue());
}

/* True if there was need. */
static bool relieve_where_needed(const struct view *v, bool late, int64_t now_ns)
{
	bool any = any_p_will_do(v, late), needed = false;
	for (uint32_t i = 0; i < sched.procs; i++) {
		struct p *p = &sched.p[i];
		if (!is_kept(&sysmon.watch[i], now_ns))
			continue;
		bool retires = p->index >= atomic_load(&sched.maxprocs);
		bool own = atomic_load(&sched.idle_count) == 0 && runq_len(&p->runq) > 0;
		if (any || own || retires) {
			relieve(p, &sysmon.watch[i], now_ns);
			any = false;
			needed = true;
		}
	}
	return needed;
}

static void sleep_until_roused(int64_t until_ns)
{
	atomic_store(&sysmon.asleep, true);
	if (atomic_load(&sched.running) > 0 && atomic_exchange(&sysmon.asleep, false))
		return;
	if (!note_sleep_until(&sysmon.note, until_ns) && atomic_exchange(&sysmon.asleep, false))
		return;
	note_sleep(&sysmon.note);
	note_clear(&sysmon.note);
}

void sysmon_rouse(void)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (UNLIKELY(atomic_load_explicit(&sysmon.asleep, memory_order_relaxed)) &&
	    atomic_exchange(&sysmon.asleep, false))
		note_wake(&sysmon.note);
}

/* When there may be more to trim: what the last burst has left behind is tidied up a second after it. */
static int64_t trim_stacks(int64_t now_ns)
{
	if (now_ns - sysmon.trimmed_ns >= TRIM_EVERY_NS) {
		sysmon.trimmed_ns = now_ns;
		stack_trim();
	}
	return stack_is_untrimmed() ? sysmon.trimmed_ns + TRIM_EVERY_NS : NEVER;
}

/* Gives back the memory of stacks; when there may be more to give back. */
static int64_t tidy_up(int64_t now_ns, bool idle)
{
	int64_t trim_ns = trim_stacks(now_ns), shrink_ns = shrink_tick(now_ns, idle);
	return trim_ns < shrink_ns ? trim_ns : shrink_ns;
}

/* One look; gives how long to sleep until the next. */
static int64_t look(int64_t tick_ns)
{
	int64_t now_ns = clock_now();
	struct view v = watch_all(now_ns);
	bool idle = atomic_load(&sched.running) == 0;
	atomic_store_explicit(&sysmon__asks, is_anybody_asked(), memory_order_relaxed);
	int64_t untidy_ns = tidy_up(now_ns, idle);
	if (idle) {
		if (v.all_still) /* when all is tidy, there is nothing to wake up for */
			sleep_until_roused(untidy_ns);
		forget_slices(clock_now());
		return tick_ns;
	}
	bool stale = poll_is_stale(now_ns), late = timers_late(now_ns);
	if (stale)
		sched_poll_aside(now_ns);
	if (stale || late)
		urge_all();
	bool waiting = v.ages || late || atomic_load(&sched.global_len) > 0;
	if (waiting)
		m_wake();
	bool relieving = v.kept && relieve_where_needed(&v, late, now_ns);
	if (waiting || relieving)
		return tick_min_ns();
	return tick_ns * 2 < TICK_MAX_NS ? tick_ns * 2 : TICK_MAX_NS;
}

static void *watch(void *arg)
{
	(void)arg;
	for (int64_t tick_ns = tick_min_ns(); !atomic_load(&sched.stopping);
	     tick_ns = look(tick_ns))
		clock_sleep_thread(tick_ns);
	return NULL;
}

void sysmon_start(void)
{
	sysmon.watch = xcalloc(PROCS_MAX, sizeof(*sysmon.watch));
	int err = thread_start("sysmon", watch, NULL);
	if (err != 0)
		fatal("can't start sysmon's thread: %s", strerror(-err));
}
