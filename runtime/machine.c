/* SPDX-License-Identifier: MIT
 *
 * machine: where ms come from. An m that has nothing to do sleeps and is taken again; a new one is made only when none sleeps, so there are
 * at most GOMAXPROCS and one for each goroutine that was ever, at the same time, kept on its thread without a processor.
 *
 * That number has a limit, as Go's debug.SetMaxThreads: a program whose goroutines all block in the kernel would else fill the machine with
 * threads. Ms and their threads are never given back. sched.lock guards the list of those that sleep and the count of all.
 */
#include <stdio.h>
#include <string.h>

#include "runtime/sched.h"
#include "runtime/thread.h"

struct m *m_new(struct p *p)
{
	struct m *m = xcalloc(1, sizeof(*m));
	m->id = sched.ms++;
	m->next_p = p;
	atomic_store_explicit(&m->lease.inside, 1,
			      memory_order_relaxed);	       /* the scheduler's stack */
	atomic_store_explicit(&p->m, m, memory_order_release); /* for sysmon, which looks into it */
	return m;
}

struct m *m_take(struct p *p)
{
	struct m *m = sched.idle_ms;
	if (m == NULL) {
		if (sched.ms >= sched.ms_max)
			fatal("%u threads are in use, the limit: so many goroutines block in the "
			      "kernel or compute "
			      "at the same time. Use blocking_call() for what blocks, or set "
			      "FETCHD_MAX_THREADS higher",
			      sched.ms);
		return m_new(p);
	}
	sched.idle_ms = m->next_idle;
	m->next_p = p;
	atomic_store_explicit(&p->m, m, memory_order_release);
	return m;
}

/* A new one's thread sleeps on the note first, like all others. */
void m_launch(struct m *m)
{
	if (!m->started) {
		m->started = true;
		char name[16];
		snprintf(name, sizeof(name), "m%u", m->id);
		int err = thread_start(name, m_main, m);
		if (err != 0)
			fatal("can't start an OS thread beside %u others: %s (limits: ulimit -u, "
			      "the cgroup's pids.max, kernel.threads-max)",
			      m->id, strerror(-err));
	}
	note_wake(&m->note);
}
