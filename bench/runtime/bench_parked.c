/* SPDX-License-Identifier: MIT
 *
 * Parked: a million goroutines that wait for one channel's close. Memory is resident pages and page tables, before and after.
 */
#include "bench/runtime/bench.h"

#include <stdio.h>
#include <string.h>

#include "runtime/chan.h"
#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/waitgroup.h"

struct crowd {
	done_chan gate;
	struct waitgroup started, ended;
};

static int64_t memory_bytes(void)
{
	char line[256];
	long long kib, sum = 0;
	FILE *f = fopen("/proc/self/status", "re");
	if (f == NULL)
		panic("no /proc/self/status: %m");
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmRSS: %lld", &kib) == 1 ||
		    sscanf(line, "VmPTE: %lld", &kib) == 1)
			sum += kib;
	fclose(f);
	return sum * 1024;
}

static void wait_at_gate(struct crowd *c)
{
	waitgroup_done(&c->started);
	chan_recv(c->gate, NULL);
	waitgroup_done(&c->ended);
}

static void gather(int64_t size)
{
	struct crowd c = { .gate = chan_make(done_chan, 0) };
	int64_t before = memory_bytes(), start = clock_now();
	waitgroup_add(&c.started, (int)size);
	waitgroup_add(&c.ended, (int)size);
	for (int64_t k = 0; k < size; k++)
		go(wait_at_gate, &c);
	waitgroup_wait(&c.started);
	int64_t all_in = clock_now(), after = memory_bytes(), open = clock_now();
	chan_close(c.gate);
	waitgroup_wait(&c.ended);
	bench_report((double)(all_in - start) / (double)size, "spawn-ns");
	bench_report((double)(clock_now() - open) / (double)size, "wake-ns");
	bench_report((double)(after - before) / (double)size, "B/goroutine");
	chan_unref(c.gate);
}

/* One gathering tells it: what comes after finds warm stacks. */
BENCH(Parked1M, "1,000,000 wait for a channel's close: to start one, to wake one, its memory")
{
	int64_t size = bench_crowd(1000000);
	if (!bench_fits(size + 1))
		return;
	if (n == 1)
		gather(size);
	bench_report(0, "ns/op");
}
