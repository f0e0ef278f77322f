/* SPDX-License-Identifier: MIT
 *
 * stubs: what stands below the code under test, as steps of the engine: futexes, the heavy barrier, the clock, sched_yield, memory.
 *
 * Locks are one step each here; model_lock links the real lock.c instead, for the weak definitions give way.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/barrier.h"
#include "runtime/base.h"
#include "runtime/clock.h"
#include "runtime/futex.h"
#include "runtime/lock.h"
#include "tests/model/engine.h"

#define WEAK   __attribute__((weak))
#define CALLER __builtin_return_address(0)

static bool running(void)
{
	return engine->self != NULL;
}

/* --- barriers --- */

bool barrier_reaches_all = true;

static void fence_of(int thread, const void *site)
{
	struct op op = { .kind = OP_FENCE_OF, .target = (uint8_t)thread, .loc = -1, .site = site };
	step_op(&op);
}

/* The caller's own fence, then one of each other thread, at moments of its own, then the caller's again. */
void barrier_heavy(void)
{
	if (!running())
		return;
	int self = model_self();
	fence_of(self, CALLER);
	for (int i = 0; i < engine->threads_n; i++)
		if (i != self)
			fence_of(i, CALLER);
	fence_of(self, CALLER);
}

/* --- futex, yield, clock --- */

int64_t model_now_ns;

int64_t clock_now(void)
{
	return model_now_ns;
}

/* Sleeping until a time may end at any moment: then it is that time. */
void futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
	struct op op;
	step(OP_FUTEX_WAIT, (void *)(uintptr_t)word, expected, &op, CALLER);
	if (!op.done)
		return;
	step(OP_FUTEX_SLEEP, (void *)(uintptr_t)word, deadline_ns != NEVER, &op, CALLER);
	if (!op.done && model_now_ns < deadline_ns)
		model_now_ns = deadline_ns;
}

void futex_wake(_Atomic uint32_t *word, int count)
{
	struct op op;
	if (running())
		step(OP_FUTEX_WAKE, (void *)(uintptr_t)word, (uint64_t)count, &op, CALLER);
}

void model_await(void)
{
	struct thread *t = engine->self;
	struct op op = {
		.kind = OP_AWAIT, .loc = t->last.loc, .addr = t->last.addr, .site = CALLER
	};
	if (t->last.loc < 0)
		fail("awaits nothing");
	step_op(&op);
}

int model_sched_yield(void); /* by -D, as realloc below */
int model_sched_yield(void)
{
	model_await();
	return 0;
}

/* --- locks --- */

static bool lock_step(enum op_kind kind, struct lock *l, const void *site)
{
	struct op op;
	if (!running())
		return true;
	step(kind, &l->state, 0, &op, site);
	return op.done;
}

WEAK void lock__acquire(struct lock *l)
{
	lock_step(OP_LOCK, l, CALLER);
}

WEAK bool lock__try_acquire(struct lock *l)
{
	return lock_step(OP_TRY_LOCK, l, CALLER);
}

WEAK void lock__release(struct lock *l)
{
	lock_step(OP_UNLOCK, l, CALLER);
}

/* --- memory, out of the program's data, so that it is put back too --- */

static char arena[1 << 16] __attribute__((aligned(16)));
static size_t arena_used;

void *xmalloc(size_t size)
{
	size = (size + 15) / 16 * 16;
	if (arena_used + size > sizeof(arena))
		fail("too much memory");
	arena_used += size;
	return memset(arena + arena_used - size, 0, size);
}

void *xcalloc(size_t n, size_t size)
{
	return xmalloc(n * size);
}

void *model_realloc(void *old, size_t size);
void *model_realloc(void *old, size_t size)
{
	void *new = xmalloc(size);
	if (old != NULL)
		memcpy(new, old, size);
	return new;
}

void *model_memcpy(void *to, const void *from, size_t size);
void *model_memcpy(void *to, const void *from, size_t size)
{
	if (running()) {
		plain_access(from, size, false);
		plain_access(to, size, true);
	}
	return memcpy(to, from, size);
}

void *model_memset(void *to, int value, size_t size);
void *model_memset(void *to, int value, size_t size)
{
	if (running())
		plain_access(to, size, true);
	return memset(to, value, size);
}

/* --- the end --- */

static _Noreturn void die(const char *what, const char *fmt, va_list args)
{
	char message[200];
	vsnprintf(message, sizeof(message), fmt, args);
	fail("%s: %s", what, message);
}

void panic(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	die("panic", fmt, args);
}

void fatal(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	die("fatal error", fmt, args);
}
