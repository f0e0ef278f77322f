/* SPDX-License-Identifier: MIT
 *
 * self: which m an OS thread is. Internal to runtime/. tests/model has a header of the same name in front of this one, for its threads are
 * not the system's.
 *
 * The compilers keep a thread-local's address across calls, also across one that returns on another thread. So there is this one accessor, which
 * they can't see through: two instructions on x86-64, which as volatile asm are neither merged nor moved across a call; elsewhere a function
 * that is never inlined.
 */
#ifndef RUNTIME_SELF_H
#define RUNTIME_SELF_H

struct m;

/* This OS thread's m; NULL on a thread that has none. Never kept across a park. Any thread. */
#ifdef __x86_64__
static inline struct m *m_self(void)
{
	struct m *m;
	__asm__ volatile("movq sched__current_m@gottpoff(%%rip), %0\n\t"
			 "movq %%fs:(%0), %0"
			 : "=r"(m)
			 :
			 : "memory");
	return m;
}
#else
struct m *m_self(void);
#endif

#endif
