/* SPDX-License-Identifier: MIT
 *
 * proc: the verbs on which channels, locks, timers and the netpoller stand: self, park, ready, yield. Internal to runtime/.
 *
 * The hand-shake between parking and readying. A goroutine that is about to wait publishes itself (in a channel's queue, a poll
 * descriptor, ...) and parks. `commit` runs on the scheduler's stack after the goroutine has left its own stack: only then
 * may another thread resume it. commit typically unlocks the lock under which the goroutine was published; when it returns
 * false the park is undone and the goroutine goes on at once. (Go's gopark and its unlockf.)
 */
#ifndef RUNTIME_PROC_H
#define RUNTIME_PROC_H

#include "runtime/base.h"
#include "runtime/lock.h"

struct g;

/* X-macro: enum, text as the goroutine dump shows it (Go's waitReason strings). */
#define WAIT_REASONS(X)                                  \
	X(WAIT_NONE, "")                                 \
	X(WAIT_CHAN_SEND, "chan send")                   \
	X(WAIT_CHAN_RECV, "chan receive")                \
	X(WAIT_CHAN_SEND_NIL, "chan send (nil chan)")    \
	X(WAIT_CHAN_RECV_NIL, "chan receive (nil chan)") \
	X(WAIT_SELECT, "select")                         \
	X(WAIT_SELECT_NONE, "select (no cases)")         \
	X(WAIT_SLEEP, "sleep")                           \
	X(WAIT_IO, "IO wait")                            \
	X(WAIT_MUTEX, "sync.Mutex.Lock")                 \
	X(WAIT_RWMUTEX_READ, "sync.RWMutex.RLock")       \
	X(WAIT_RWMUTEX_WRITE, "sync.RWMutex.Lock")       \
	X(WAIT_COND, "sync.Cond.Wait")                   \
	X(WAIT_WAITGROUP, "sync.WaitGroup.Wait")         \
	X(WAIT_SEMAPHORE, "semacquire")                  \
	X(WAIT_BLOCKING, "blocking call")                \
	X(WAIT_SIGNAL, "signal wait")

#define X(name, text) name,
enum wait_reason {
	WAIT_REASONS(X) WAIT_REASON_COUNT
};
#undef X

/* The current goroutine; NULL on an OS thread that runs none. Any thread. */
struct g *g_self(void);

/* Parks the current goroutine until g_ready. commit runs on the scheduler's stack and must not park; NULL = just park. */
void g_park(enum wait_reason reason, bool (*commit)(struct g *g, void *arg), void *arg);

/* Parks and then releases l, which the caller holds. */
void g_park_unlock(enum wait_reason reason, struct lock *l);

/* Lets others run if they have waited for too long, or if this goroutine has lost its processor. May park. For the beginning of each operation
 * that may park but need not: a goroutine that never has to wait must give way, too. Costs a nanosecond. */
void g_give_way(void);

/* The same for a lock, which is mostly free and then costs little more than that nanosecond: a look at a word that sysmon sets while anybody,
 * not just this goroutine, has been asked for its processor. */
extern _Atomic bool sysmon__asks;
static inline void g_give_way_if_asked(void)
{
	if (UNLIKELY(atomic_load_explicit(&sysmon__asks, memory_order_relaxed)))
		g_give_way();
}

/* Makes a parked goroutine runnable: exactly once for each park. Any thread, also one that is not the runtime's. From a
 * goroutine it goes into runnext (direct hand-off keeps ping-pong on one processor). */
void g_ready(struct g *g);

/* As g_ready but to the end of the local queue: for batches (netpoller, timers, close). */
void g_ready_tail(struct g *g);

/* 64 KiB that belong to this OS thread, for what is read and used up before the next park. */
void *g_scratch(void);
#define G_SCRATCH_SIZE ((size_t)64 * 1024)

/* Counts what waits for the netpoller (+1, -1), so that "nothing can ever wake us" is exact. Any thread of the runtime. */
void sched_io_wait(int change);

/* From begin to end somebody outside the scheduler (an OS thread) may still call g_ready: that is no deadlock. Any thread. */
void sched_external_begin(void);
void sched_external_end(void);

/* fn says whether a signal may still wake a goroutine. Asked when nothing else can. One, for good. */
void sched_set_signal_hook(bool (*fn)(void));

/* One pointer-sized scratch word of a parked goroutine, written by whoever readies it (before g_ready), read after the park. */
void g_set_wake(struct g *g, uintptr_t value);
uintptr_t g_wake(struct g *g);

/* For the race detector (sanitizer.h): as if g, which is parked, did HAPPENS_AFTER(addr) and HAPPENS_BEFORE(addr) now. Any thread. */
void g_pass(struct g *g, const void *addr);

#endif
