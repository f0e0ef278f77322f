/* SPDX-License-Identifier: MIT
 *
 * lock: the three-state futex mutex (Drepper: Futexes are tricky, 2011, "mutex2"), with a short spin in front.
 *
 * Whoever has slept takes the lock with state 2: it can't know whether others still sleep, so one wake-up may be for nobody.
 */
#include "runtime/lock.h"

#include "runtime/base.h"
#include "runtime/futex.h"

#define FREE	  0u
#define HELD	  1u
#define CONTENDED 2u

/* About a microsecond: longer than any critical section under this lock whose holder is on a CPU. */
#define SPINS 40

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static bool try(struct lock *l)
{
	uint32_t seen = FREE;
	return atomic_compare_exchange_strong_explicit(&l->state, &seen, HELD, memory_order_acquire,
						       memory_order_relaxed);
}

bool lock__try_acquire(struct lock *l)
{
	return try(l);
}

static __attribute__((noinline)) void acquire_slow(struct lock *l)
{
	for (int i = 0; i < SPINS; i++) {
		if (atomic_load_explicit(&l->state, memory_order_relaxed) == FREE && try(l))
			return;
		cpu_relax();
	}
	while (atomic_exchange_explicit(&l->state, CONTENDED, memory_order_acquire) != FREE)
		futex_wait(&l->state, CONTENDED, NEVER);
}

void lock__acquire(struct lock *l)
{
	if (UNLIKELY(!try(l)))
		acquire_slow(l);
}

void lock__release(struct lock *l)
{
	if (UNLIKELY(atomic_exchange_explicit(&l->state, FREE, memory_order_release) == CONTENDED))
		futex_wake(&l->state, 1);
}
