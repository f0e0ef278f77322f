/* SPDX-License-Identifier: MIT
 *
 * sched: what the scheduler's files share: the goroutine (g), the OS thread (m), the processor (p), and the one `sched`. Nobody
 * else includes this.
 *
 * An m runs goroutines only while it owns a p; there are GOMAXPROCS of those. Whatever belongs to a p (queue, timers, stack cache,
 * counters) is touched by its owner alone, but where a comment says otherwise. Goroutine code reaches its p between m_enter() and
 * m_exit() alone: elsewhere sysmon may take it and give it to another m (lease.h is the protocol, handoff.c what follows from it). A call that
 * parks may return on another m: m is asked for anew after it.
 *
 * Lock order: a caller's own locks, then timer heap, then sched.lock; the stack arena's lock is a leaf.
 */
#ifndef RUNTIME_SCHED_H
#define RUNTIME_SCHED_H

#include <pthread.h>

#include "runtime/base.h"
#include "runtime/counter.h"
#include "runtime/gstate.h"
#include "runtime/lease.h"
#include "runtime/lock.h"
#include "runtime/note.h"
#include "runtime/proc.h"
#include "runtime/runq.h"
#include "runtime/sanitizer.h"
#include "runtime/self.h"
#include "runtime/stack.h"
#include "runtime/timer.h"

struct go_site;

/* The first 64 bytes are what each dispatch touches: one line of the cache. */
struct g {
	void *sp; /* where the stack rests; valid unless running */
	struct gstate state;
	_Atomic uint32_t reason;  /* enum wait_reason; valid while parked */
	_Atomic bool shrunk;	  /* in this park; by its claimer, and by itself before it parks */
	struct g *next;		  /* in a g_chain; by whoever holds the chain */
	uintptr_t wake;		  /* g_set_wake */
	_Atomic int64_t since_ns; /* parked since, to within a turn of the scheduler */
	int64_t queued_ns;	  /* when it became runnable, if that is being measured; else 0 */
	_Atomic uint64_t id;
	void (*fn)(void *arg);
	void *arg;
	const char *name;	    /* of fn, as written at go() */
	const struct go_site *site; /* of that go(); NULL for main */
	uint64_t creator_id;
	struct label_set *_Atomic labels; /* label.c; NULL = none */
	struct fiber fiber;
};

/* What the scheduler does with the goroutine that has just left its stack. */
enum leave {
	LEAVE_PARK,
	LEAVE_YIELD,
	LEAVE_EXIT
};

struct m {
	struct g *_Atomic g; /* running now; NULL on the scheduler's stack */
	struct p *p; /* owned, if the lease still says so; NULL while idle, and once found taken */
	struct lease lease;
	void *sp; /* the scheduler's stack while a goroutine runs */
	enum leave leave;
	bool (*commit)(struct g *g, void *arg); /* for LEAVE_PARK */
	void *commit_arg;
	bool spinning;		    /* woken to look for work, has found none yet */
	struct timer *timer;	    /* whose fn runs on this m */
	uint32_t burst, burst_tick; /* goroutines started since the dispatch with that tick */
	void *read_buf;		    /* g_scratch, made when first used */
	struct fiber fiber;

	const char *stack_low; /* of the scheduler's stack */
	size_t stack_size;

	struct note note;    /* where an idle m sleeps */
	struct p *next_p;    /* given by the waker before note_wake */
	struct m *next_idle; /* sched.lock */
	bool started;	     /* it has a thread */
	uint32_t id;
};

struct p {
	_Alignas(64) struct runq runq;	    /* owner; thieves: see runq.h */
	_Alignas(64) _Atomic uint32_t tick; /* dispatches; written by the owner, read by sysmon */
	_Atomic uint32_t slice;		    /* those that didn't come through runnext; likewise */
	struct m *_Atomic m; /* the owner; NULL while idle; written under sched.lock */
	_Atomic bool urged;  /* by sysmon: keep house at the next dispatch; cleared by the owner */
	int64_t now_ns;	     /* the last time read here: good enough for since_ns */
	uint64_t id_next, id_end;	/* goroutine ids in reserve */
	_Atomic int64_t started, ended; /* goroutines; owner writes, any reads */
	_Atomic int64_t
		io_waits; /* ++ where one begins, -- where it ends: only the sum over all p has a meaning */
	struct stack_cache stacks;
	bool inherits;	      /* what was got last came through runnext */
	bool timers_left;     /* due, when it last looked for work */
	bool ring_first;      /* the last housekeeping put the ring before the global queue */
	uint32_t house_slice; /* slice at the last housekeeping */
	bool sample;	      /* measure how long the next one put waits */
	struct counters counters;
	_Alignas(64) struct timer_heap timers; /* its own lock: any m */
	struct p *next_idle;		       /* sched.lock */
	uint32_t index;
	bool retired; /* not in use, owned by nobody; sched.lock */
};

#define PROCS_MAX 256

/* Settings that may change while running: for measuring. */
struct sched_knobs {
	_Atomic uint32_t wake_len; /* wake another m when more than so many wait in a queue */
	_Atomic int64_t spin_ns;  /* an m without work keeps looking for so long before it sleeps */
	_Atomic bool others_poll; /* an m without work polls although others run */
	_Atomic int64_t slice_ns; /* how long a goroutine may keep a p that others need */
};

struct sched {
	struct lock lock; /* guards all fields up to the blank line */
	struct g_chain global;
	struct m *idle_ms;
	struct p *idle_ps;
	struct m *poller;  /* blocked in the netpoller, owning its p; set only while running == 0 */
	bool poller_woken; /* the poller has been sent a wake-up that it hasn't seen */
	uint32_t ms;	   /* ever made */
	uint32_t ms_max;   /* constant */

	_Atomic uint32_t
		running; /* ms that own a p and neither sleep nor block in the netpoller; written under lock */
	_Atomic uint32_t
		lost; /* ms whose p was taken, until they come to rest; written under lock */
	_Atomic uint32_t idle_count; /* length of idle_ps; written under lock */
	_Atomic uint32_t global_len; /* length of global; written under lock */
	_Atomic uint32_t spinning;   /* ms with ->spinning: 0 or 1 */
	_Atomic uint32_t external;   /* what outside the runtime may still call g_ready */
	_Atomic int64_t io_waits;    /* as a p's, from threads without one */
	_Atomic int64_t
		poller_until; /* the poller sleeps at most until then; INT64_MIN = nobody polls */
	_Atomic int64_t last_poll_ns;
	_Atomic uint64_t counts[COUNTER_COUNT]; /* of threads that own no p */
	_Atomic uint64_t next_id;
	atomic_bool stopping; /* main has returned: every m stops at its next dispatch */
	struct note stopped;  /* running and lost have become 0 after that */

	_Atomic uint32_t procs;	   /* made; grows under lock */
	_Atomic uint32_t maxprocs; /* in use: those with an index below; written under lock */
	struct p *p;		   /* PROCS_MAX */
	struct sched_knobs knobs;
};

extern struct sched sched;

/* --- proc.c --- */

/* A lease_enter that has been asked. Sets m->p to NULL if it has been taken. */
void m_answer(struct m *m);

/* Two ms inside one p: what must never be. */
static inline void m_check_owner(const struct m *m)
{
#ifdef RUNTIME_DEBUG
	if (m->p != NULL && atomic_load_explicit(&m->p->m, memory_order_relaxed) != m)
		panic("m %u is inside p %u, which is not its own", m->id, m->p->index);
#else
	(void)m;
#endif
}

/* From here to m_exit m->p stays ours, if it still is: m->p == NULL says that it has been taken. Nests. Never parks, also where sysmon has
 * asked for the p. NULL on a thread that has no m. */
static inline struct m *m_enter(void)
{
	struct m *m = m_self();
	if (UNLIKELY(m == NULL))
		return NULL;
	if (UNLIKELY(!lease_enter(&m->lease)))
		m_answer(m);
	m_check_owner(m);
	return m;
}

static inline void m_exit(struct m *m)
{
	if (LIKELY(m != NULL))
		lease_leave(&m->lease);
}

/* As m_enter, but waits in the queue for a p if that has been taken. Parks, then; goroutine only. */
struct m *m_enter_with_p(void);

/* For metrics.h; p is the caller's own, NULL if it has none. */
static inline void sched_count(struct p *p, enum counter what, uint64_t n)
{
	if (p != NULL)
		counter_add(&p->counters.count[what], n);
	else
		atomic_fetch_add_explicit(&sched.counts[what], n, memory_order_relaxed);
}

/* The thread function of an m that has next_p. */
void *m_main(void *m);

/* Ends the current goroutine. */
_Noreturn void g_exit(void);

/* Puts the current goroutine at the end of its processor's queue and lets the others run. */
void g_yield(void);

/* A new runnable goroutine with `size` bytes copied from args onto its stack (size 0: arg as it is). */
struct g *g_new(struct p *p, void (*fn)(void *), const void *args, size_t size, const char *name,
		const struct go_site *site);

/* Puts a runnable g into p's queue (p is the caller's), first or last. */
void p_put(struct p *p, struct g *g, bool next);

/* --- find.c --- */

/* The goroutine that m runs next; sleeps until there is one. On the scheduler's stack. */
struct g *sched_find(struct m *m);

/* --- idle.c --- */

/* Puts g (runnable) at the end of the global queue and sees to it that somebody will look. Any thread. */
void sched_inject(struct g *g);

/* Up to `most` from the global queue into p's queue; returns the first. */
struct g *sched_take_global(struct p *p, uint32_t most);

/* Moves what a full ring has spilled to the global queue. */
void sched_spill(struct g_chain *spill);

/* After something was put into q: wakes another m if q is long. */
void sched_queued(struct runq *q);

/* Wakes one idle m, unless there is none or one is already looking for work. Any thread. */
void m_wake(void);

/* m has found work: it spins no longer. */
void m_found_work(struct m *m);

/* m has found nothing to do: blocks in the netpoller if it is the last one running, else sleeps until it is given a p. */
void m_idle(struct m *m);

/* Delivers what the netpoller has; doesn't sleep. On a scheduler's stack. */
void sched_poll(int64_t now_ns);

/* The same for a thread without a p (sysmon's), beside which another may block in the netpoller. */
void sched_poll_aside(int64_t now_ns);

/* Wakes the blocked poller if it would sleep beyond when_ns. Any thread. */
void sched_poll_before(int64_t when_ns);

/* True if the caller must call poll_interrupt() after it has released sched.lock, which it holds. */
bool sched_claim_poller_wake(void);

/* An idle p, to be run on; NULL if there is none. Under sched.lock. */
struct p *sched_take_idle_p(void);

/* Puts m's p among the idle ones. Under sched.lock. */
void m_give_up_p(struct m *m);

/* Puts m, which has no p, among those that sleep. Under sched.lock. */
void m_lie_down(struct m *m);

/* Sleeps, after m_lie_down and without the lock, until somebody gives m a p. */
void m_sleep(struct m *m);

/* True if a goroutine may become runnable without another that runs now: by timer, netpoller or from outside. A guess while ms run. */
bool sched_may_be_woken(void);

/* More than knobs.wake_len wait in one queue. */
bool sched_has_long_queue(void);

/* m stops for good (runtime_main is about to return). */
_Noreturn void m_stop(struct m *m);

/* --- machine.c --- */

/* The first m; it gets p once it is launched. */
struct m *m_new(struct p *p);

/* A sleeping m, or a new one, that gets p once it is launched. Dies at the limit of threads. Under sched.lock. */
struct m *m_take(struct p *p);

/* Wakes or starts an m that m_new or m_take has given. Without the lock. */
void m_launch(struct m *m);

/* --- procs.c --- */

/* Makes n processors, all idle. */
void procs_init(uint32_t n);

/* Puts p, which nobody owns any more, among the idle ones, or retires it. Under sched.lock. */
void p_put_idle(struct p *p);

/* m's p is not in use any more: goes on with another, or sleeps. On the scheduler's stack. */
void m_retire_p(struct m *m);

/* --- handoff.c --- */

/* Tries to take p from its m, which has been asked for it, and gives it to another. From sysmon. */
bool sched_hand_off(struct p *p);

/* m has lost its p and left its goroutine: finds another p or sleeps until it is given one. On the scheduler's stack. */
void m_rest(struct m *m);

/* --- sysmon.c --- */

void sysmon_start(void);

/* The first m runs again after everything was idle: sysmon must watch again. */
void sysmon_rouse(void);

#endif
