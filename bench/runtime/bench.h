/* SPDX-License-Identifier: MIT
 *
 * bench: micro benchmarks in Go's output format, so that benchstat compares runs, and ours with their Go twins in go/.
 *
 *	BENCH(ChanSync, "a value handed over") { for (int64_t i = 0; i < n; i++) ... }
 *
 * bench_chan [REGEXP] runs those whose name it matches, each with n growing until a run takes BENCH_TIME (0.3) s; -l lists them.
 * BENCH_DIVIDE=N makes the fixed crowds (100,000 goroutines, ...) N times smaller, for a smoke test. The body runs as the main goroutine, and
 * does n operations; it alone calls the functions below.
 */
#ifndef BENCH_RUNTIME_BENCH_H
#define BENCH_RUNTIME_BENCH_H

#include <stdbool.h>
#include <stdint.h>

struct bench {
	const char *name;
	const char *what; /* for people */
	void (*body)(int64_t n);
	struct bench *next;
};

#define BENCH(name_, what_)                                             \
	static void name_##_body(int64_t n);                            \
	static struct bench name_##_bench = { .name = #name_,           \
					      .what = (what_),          \
					      .body = name_##_body };   \
	__attribute__((constructor)) static void name_##_register(void) \
	{                                                               \
		bench_register(&name_##_bench);                         \
	}                                                               \
	static void name_##_body(int64_t n)

void bench_register(struct bench *b);

/* What came before doesn't count; what comes after doesn't. */
void bench_start_timer(void);
void bench_stop_timer(void);

/* Another figure for the line, as testing.B's ReportMetric. For "ns/op" it takes the place of the measured one; 0 hides that. The unit is borrowed. */
void bench_report(double value, const char *unit);

/* Adds the CPU time of the whole process: where threads share the work, the wall clock tells half. */
void bench_report_cpu(void);

/* The size of a crowd: full, or what BENCH_DIVIDE leaves of it. */
int64_t bench_crowd(int64_t full);

/* False, and the benchmark is skipped with a line that says why, if so many goroutines don't fit: the body returns. */
bool bench_fits(int64_t goroutines);

/* The share of worker i of `workers` in n. */
int64_t bench_share(int64_t n, int i, int workers);

#endif
