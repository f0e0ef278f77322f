/* SPDX-License-Identifier: MIT
 *
 * bench: main of every micro benchmark; how n is found follows Go's testing package: the last n scaled to the wanted time
 * and a fifth more, at most a hundredfold a step.
 */
#include "bench/runtime/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"

static struct bench *first, **last = &first;
static int64_t started_ns;

void bench_register(struct bench *b)
{
	*last = b;
	last = &b->next;
}

void bench_start_timer(void)
{
	started_ns = clock_now();
}

static int64_t time_of(const struct bench *b, int64_t n)
{
	bench_start_timer();
	b->body(n);
	return clock_now() - started_ns;
}

static void measure(const struct bench *b, int64_t wanted_ns)
{
	int64_t n = 1, ns = time_of(b, n);
	while (ns < wanted_ns) {
		int64_t next = ns > 0 ? (int64_t)(1.2 * (double)n * (double)wanted_ns / (double)ns)
				      : 100 * n;
		n = next > 100 * n ? 100 * n : next > n ? next : n + 1;
		ns = time_of(b, n);
	}
	printf("Benchmark%s-%d\t%10lld\t%10.1f ns/op\n", b->name, runtime_procs(), (long long)n,
	       (double)ns / (double)n);
	fflush(stdout);
}

static double setting(const char *name, double or)
{
	const char *text = getenv(name);
	return text ? atof(text) : or ;
}

static int run(int argc, char **argv)
{
	int64_t wanted_ns = (int64_t)(setting("BENCH_TIME", 0.3) * (double)SECOND);
	for (int i = 0; i < (int)setting("BENCH_COUNT", 1); i++)
		for (struct bench *b = first; b; b = b->next)
			if (argc < 2 || strstr(b->name, argv[1]))
				measure(b, wanted_ns);
	return 0;
}

int main(int argc, char **argv)
{
	return runtime_main(run, argc, argv);
}
