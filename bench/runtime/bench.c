/* SPDX-License-Identifier: MIT
 *
 * bench: main of every micro benchmark. How n is found follows Go's testing package: the last n scaled to the wanted time
 * and a fifth more, at most a hundredfold a step.
 */
#include "bench/runtime/bench.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/stack.h"

#define FIGURES_MAX 8

static struct bench *first, **last = &first;

/* The run under way. */
static struct {
	int64_t from_ns, from_cpu_ns; /* when the timer was started */
	int64_t ns, cpu_ns;	      /* valid once it is stopped */
	bool stopped, with_cpu, skipped;
	int figures;
	struct figure {
		double value;
		const char *unit;
	} figure[FIGURES_MAX];
} now;

void bench_register(struct bench *b)
{
	*last = b;
	last = &b->next;
}

void bench_start_timer(void)
{
	now.stopped = false;
	now.from_cpu_ns = clock_cpu();
	now.from_ns = clock_now();
}

void bench_stop_timer(void)
{
	if (now.stopped)
		return;
	now.ns = clock_now() - now.from_ns;
	now.cpu_ns = clock_cpu() - now.from_cpu_ns;
	now.stopped = true;
}

void bench_report(double value, const char *unit)
{
	if (now.figures == FIGURES_MAX)
		panic("more than %d figures", FIGURES_MAX);
	now.figure[now.figures++] = (struct figure){ value, unit };
}

void bench_report_cpu(void)
{
	now.with_cpu = true;
}

static double setting(const char *name, double or)
{
	const char *text = getenv(name);
	return text ? atof(text) : or ;
}

int64_t bench_crowd(int64_t full)
{
	int64_t n = full / (int64_t)setting("BENCH_DIVIDE", 1);
	return n > 0 ? n : 1;
}

bool bench_fits(int64_t goroutines)
{
	if (goroutines < goroutine_limit())
		return true;
	printf("--- SKIP: %lld goroutines fit with %s guards, %lld are needed\n",
	       (long long)goroutine_limit(), stack_guard_mode(), (long long)goroutines);
	now.skipped = true;
	return false;
}

int64_t bench_share(int64_t n, int i, int workers)
{
	return n / workers + (i < n % workers);
}

static int64_t time_of(const struct bench *b, int64_t n)
{
	memset(&now, 0, sizeof(now));
	bench_start_timer();
	b->body(n);
	bench_stop_timer();
	return now.ns;
}

/* As Go prints it: no suffix for one processor. */
static void print(const struct bench *b, int64_t n)
{
	double ns = (double)now.ns / (double)n;
	for (int i = 0; i < now.figures; i++)
		if (strcmp(now.figure[i].unit, "ns/op") == 0)
			ns = now.figure[i].value;
	char procs[16] = "";
	if (runtime_procs() > 1)
		snprintf(procs, sizeof(procs), "-%d", runtime_procs());
	printf("Benchmark%s%s\t%10lld", b->name, procs, (long long)n);
	if (ns > 0)
		printf("\t%10.2f ns/op", ns);
	if (now.with_cpu)
		printf("\t%10.2f cpu-ns/op", (double)now.cpu_ns / (double)n);
	for (int i = 0; i < now.figures; i++)
		if (strcmp(now.figure[i].unit, "ns/op") != 0)
			printf("\t%10.2f %s", now.figure[i].value, now.figure[i].unit);
	printf("\n");
	fflush(stdout);
}

static void measure(const struct bench *b, int64_t wanted_ns)
{
	int64_t n = 1, ns = time_of(b, n);
	while (ns < wanted_ns && !now.skipped) {
		int64_t next = ns > 0 ? (int64_t)(1.2 * (double)n * (double)wanted_ns / (double)ns)
				      : 100 * n;
		n = next > 100 * n ? 100 * n : next > n ? next : n + 1;
		ns = time_of(b, n);
	}
	if (!now.skipped)
		print(b, n);
}

static int list(void)
{
	for (const struct bench *b = first; b; b = b->next)
		printf("%s\t%s\n", b->name, b->what);
	return 0;
}

static int run(int argc, char **argv)
{
	const char *pattern = argc > 1 ? argv[1] : "";
	regex_t wanted;
	if (strcmp(pattern, "-l") == 0)
		return list();
	if (regcomp(&wanted, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		fatal("%s: not a regular expression", pattern);
	int64_t wanted_ns = (int64_t)(setting("BENCH_TIME", 0.3) * (double)SECOND);
	for (const struct bench *b = first; b; b = b->next)
		if (regexec(&wanted, b->name, 0, NULL, 0) == 0)
			measure(b, wanted_ns);
	regfree(&wanted);
	return 0;
}

int main(int argc, char **argv)
{
	return runtime_main(run, argc, argv);
}
