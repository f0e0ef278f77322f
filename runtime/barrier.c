/* SPDX-License-Identifier: MIT
 *
 * barrier: membarrier(2), registered for; a child of fork is registered anew, for it may have lost that (the man page promises nothing).
 * Others have relied on it from then on: a barrier that doesn't come about is the end.
 */
#include "runtime/barrier.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base.h"
#include "runtime/sanitizer.h"

bool barrier_reaches_all;

static void enlist(void)
{
#ifndef HAVE_TSAN
	barrier_reaches_all =
		syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
#endif
}

void barrier_init(void)
{
	enlist();
	pthread_atfork(NULL, NULL, enlist);
}

void barrier_heavy(void)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (barrier_reaches_all &&
	    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0)
		fatal("membarrier, which worked before: %m (a filter of system calls has to be in "
		      "place when the program starts)");
	atomic_thread_fence(memory_order_seq_cst);
}
