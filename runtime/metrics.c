/* SPDX-License-Identifier: MIT
 *
 * metrics: see metrics.h. Reads other processors' counters, which their owners go on writing.
 */
#include "runtime/metrics.h"

#include <sys/mman.h>

#include "runtime/goroutine.h"
#include "runtime/sched.h"

#define PAGE	       4096
#define SLOT_PAGES_MAX 2048

static uint64_t load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void read_counters(struct runtime_metrics *m)
{
#define X(name, help) &m->name,
	uint64_t *const fields[] = { COUNTERS(X) };
#undef X
	for (int c = 0; c < COUNTER_COUNT; c++) {
		*fields[c] = load(&sched.counts[c]);
		for (uint32_t i = 0; i < sched.procs; i++)
			*fields[c] += load(&sched.p[i].counters.count[c]);
	}
	for (uint32_t i = 0; i < sched.procs; i++) {
		const struct counters *own = &sched.p[i].counters;
		for (int b = 0; b < LATENCY_BUCKETS; b++)
			m->latency[b] += load(&own->latency[b]);
		m->latency_sum_ns += load(&own->latency_sum_ns);
	}
}

static int64_t at_most(int64_t n, int64_t limit)
{
	return n < 0 ? 0 : n < limit ? n : limit;
}

/* An m that owns a p runs a goroutine, or is about to. */
static void read_goroutines(struct runtime_metrics *m)
{
	int64_t queued = atomic_load_explicit(&sched.global_len, memory_order_relaxed);
	for (uint32_t i = 0; i < sched.procs; i++) {
		queued += runq_len(&sched.p[i].runq);
		m->created += atomic_load_explicit(&sched.p[i].started, memory_order_relaxed);
	}
	m->goroutines = goroutine_count();
	m->runnable = at_most(queued, m->goroutines);
	m->running = at_most(m->threads_running, m->goroutines - m->runnable);
	m->waiting = m->goroutines - m->runnable - m->running;
}

/* Pages that are there, of a slot's usable part. A slot whose g can't be looked at is free. */
static int64_t resident_bytes(char *low, const char *high)
{
	unsigned char there[SLOT_PAGES_MAX];
	size_t pages = ((size_t)(high - low) + PAGE - 1) / PAGE;
	int64_t bytes = 0;
	if (pages > SLOT_PAGES_MAX || mincore(low, pages * PAGE, there) != 0)
		return 0;
	for (size_t i = 0; i < pages; i++)
		bytes += (there[i] & 1) * PAGE;
	return bytes;
}

static void read_stacks(struct runtime_metrics *m)
{
	for (uint32_t i = 0; i < stack_used(); i++) {
		struct g *g = stack_slot(i);
		bool is_free = stack_is_listed(i) || gstate_get(&g->state) == G_FREE;
		*(is_free ? &m->stack_bytes_free : &m->stack_bytes_in_use) +=
			resident_bytes(stack_low(g), (const char *)(g + 1));
	}
}

void runtime_metrics_read(struct runtime_metrics *ret_metrics)
{
	struct runtime_metrics m = { .processors = runtime_procs() };
	lock_acquire(&sched.lock);
	m.threads = sched.ms;
	m.threads_running = atomic_load_explicit(&sched.running, memory_order_relaxed) +
			    atomic_load_explicit(&sched.lost, memory_order_relaxed);
	lock_release(&sched.lock);
	read_counters(&m);
	read_goroutines(&m);
	read_stacks(&m);
	*ret_metrics = m;
}
