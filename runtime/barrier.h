/* SPDX-License-Identifier: MIT
 *
 * barrier: a full memory barrier between two threads that is paid by one of them.
 *
 * For Dekker's pattern, "I write mine, then read yours; you write yours, then read mine; one of us sees the other", when one side runs a
 * million times as often as the other. The frequent side calls barrier_light() between its write and its read, which only keeps
 * the compiler from swapping them; the rare side calls barrier_heavy(), by which the kernel runs a full barrier on every CPU
 * that runs a thread of this process (membarrier(2), PRIVATE_EXPEDITED: about 1 to 5 µs). Without membarrier (a filter of system calls,
 * an old kernel) both are full fences, and so under TSan, which doesn't know membarrier.
 */
#ifndef RUNTIME_BARRIER_H
#define RUNTIME_BARRIER_H

#include <stdatomic.h>
#include <stdbool.h>

/* True when heavy barriers reach the other threads, so that light ones may be free. Constant after barrier_init. */
extern bool barrier_reaches_all;

/* Before the second thread that uses light barriers; before it both kinds are full fences. */
void barrier_init(void);

static inline void barrier_light(void)
{
	if (__builtin_expect(barrier_reaches_all, true))
		atomic_signal_fence(memory_order_seq_cst);
	else
		atomic_thread_fence(memory_order_seq_cst);
}

void barrier_heavy(void);

#endif
