/* SPDX-License-Identifier: MIT
 *
 * sysmon: a thread without a processor that looks, every few milliseconds while goroutines run, at what the scheduler's own loop can't see
 * because a goroutine keeps it from turning: goroutines that wait behind one that runs long, timers overdue, a netpoller that nobody asks.
 *
 * For each it wakes an idle m, if there is one; nothing depends on it but how soon work is shared. It ticks faster while it finds something. When
 * all is idle it sleeps without a limit, and the poller's return wakes it (asleep: both publish, fence, look).
 */
#include <string.h>

#include "runtime/clock.h"
#include "runtime/sched.h"
#include "runtime/shrink.h"
#include "runtime/thread.h"

#define TICK_MIN_NS   (1 * MILLISECOND)
#define TICK_MAX_NS   (10 * MILLISECOND)
#define POLL_STALE_NS (10 * MILLISECOND)
#define TIMER_LATE_NS (1 * MILLISECOND)
#define TRIM_EVERY_NS (1 * SECOND)

static struct {
	atomic_bool asleep;
	struct note note;
	int64_t trimmed_ns;
	uint32_t *seen; /* each p's tick at the last look */
} sysmon;

/* True if p's m has dispatched nothing since the last look. */
static bool stood_still(struct p *p)
{
	uint32_t tick = atomic_load_explicit(&p->tick, memory_order_relaxed);
	bool same = tick == sysmon.seen[p->index];
	sysmon.seen[p->index] = tick;
	return same;
}

/* True if something runnable waits for an m that is busy with one goroutine. */
static bool work_ages(bool *ret_all_still)
{
	bool ages = false;
	*ret_all_still = true;
	for (uint32_t i = 0; i < sched.procs; i++) {
		bool still = stood_still(&sched.p[i]);
		*ret_all_still = *ret_all_still && still;
		ages = ages || (still && runq_len(&sched.p[i].runq) > 0);
	}
	return ages || (*ret_all_still && atomic_load(&sched.global_len) > 0);
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
static void urge_all(void)
{
	for (uint32_t i = 0; i < sched.procs; i++)
		atomic_store_explicit(&sched.p[i].urged, true, memory_order_relaxed);
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
	bool all_still, ages = work_ages(&all_still);
	bool idle = atomic_load(&sched.running) == 0;
	int64_t untidy_ns = tidy_up(now_ns, idle);
	if (idle) {
		if (all_still) /* when all is tidy, there is nothing to wake up for */
			sleep_until_roused(untidy_ns);
		return tick_ns;
	}
	bool stale = poll_is_stale(now_ns), late = timers_late(now_ns);
	if (stale)
		sched_poll_aside(now_ns);
	if (stale || late)
		urge_all();
	if (ages || late || atomic_load(&sched.global_len) > 0) {
		m_wake();
		return TICK_MIN_NS;
	}
	return tick_ns * 2 < TICK_MAX_NS ? tick_ns * 2 : TICK_MAX_NS;
}

static void *watch(void *arg)
{
	(void)arg;
	thread_set_name("sysmon");
	for (int64_t tick_ns = TICK_MIN_NS; !atomic_load(&sched.stopping); tick_ns = look(tick_ns))
		clock_sleep_thread(tick_ns);
	return NULL;
}

void sysmon_start(void)
{
	sysmon.seen = xcalloc(sched.procs, sizeof(*sysmon.seen));
	int err = thread_start(watch, NULL);
	if (err != 0)
		fatal("can't start sysmon's thread: %s", strerror(-err));
}
