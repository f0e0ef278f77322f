/* SPDX-License-Identifier: MIT
 *
 * overflow: see overflow.h. An overflow is told by two addresses: the one that faulted lies in the guard of the goroutine that runs, and its stack
 * pointer is there, too, or about to be. (A wild pointer into a guard is no overflow.) What the signal's si_code says is of no use: it
 * differs by guard mode and kernel. Under canaries nothing stops a stack at its end: it runs through the slots below, until it leaves
 * the arena; there the stack pointer alone tells.
 */
#include "runtime/overflow.h"

#include "runtime/guard.h"
#include "runtime/sched.h"
#include "runtime/thread.h"

/* Compilers touch a new frame at least once in so many bytes (-fstack-clash-protection), the stack pointer may be that far above the touch. */
#define PROBE_BYTES 4096
/* How far below the arena an overflow that nothing stopped may fault: a library's largest frame. */
#define FRAME_BYTES (64 * 1024)

static bool is_in(const char *addr, const char *low, size_t size)
{
	return addr >= low && addr < low + size;
}

bool overflow_is(const struct g *g, const struct stack_point *at, const siginfo_t *info,
		 const stack_t *alternate)
{
	const char *sp = at->sp, *addr = info->si_addr;
	if (g == NULL || is_in(sp, alternate->ss_sp, alternate->ss_size))
		return false;
	const char *low = stack_low(g), *floor = stack_floor();
	if (guard_needs_check())
		return sp < low && sp >= floor - FRAME_BYTES;
	return sp < low + PROBE_BYTES && sp >= floor && stack_find(addr) == g &&
	       stack_is_guard(addr);
}

void overflow_bounds(const struct g *g, struct stack_point *at)
{
	at->low = guard_needs_check() ? stack_floor() : stack_low(g);
	at->high = (const char *)g;
	if ((const char *)at->sp < at->low)
		at->sp = at->low;
}

void overflow_write(struct writer *w, const struct g *g)
{
	writer_print(w,
		     "fatal error: goroutine stack overflow\ngoroutine %llu [%s] has used up its "
		     "stack of %zu KiB\n",
		     (unsigned long long)atomic_load(&g->id), g->name,
		     (size_t)((const char *)g - stack_low(g)) / 1024);
}

bool overflow_harms_others(void)
{
	return guard_needs_check();
}

bool overflow_is_of_signals(const void *addr, const stack_t *alternate)
{
	return is_in(addr, (const char *)alternate->ss_sp - SIGNAL_STACK_GUARD, SIGNAL_STACK_GUARD);
}
