/* SPDX-License-Identifier: MIT
 *
 * bench: micro benchmarks in Go's output format, so that benchstat compares runs, and ours with their Go twins in go/.
 *
 *	BENCH(ChanSync) { for (int64_t i = 0; i < n; i++) ... }
 *
 * bench_chan [WORD] runs those whose name contains WORD, each with n growing until a run takes BENCH_TIME (default 0.3) s,
 * BENCH_COUNT (default 1) times. The body runs as the main goroutine.
 */
#ifndef BENCH_RUNTIME_BENCH_H
#define BENCH_RUNTIME_BENCH_H

#include <stdint.h>

struct bench {
	const char *name;
	void (*body)(int64_t n);
	struct bench *next;
};

#define BENCH(name_)                                                                  \
	static void name_##_body(int64_t n);                                          \
	static struct bench name_##_bench = { .name = #name_, .body = name_##_body }; \
	__attribute__((constructor)) static void name_##_register(void)               \
	{                                                                             \
		bench_register(&name_##_bench);                                       \
	}                                                                             \
	static void name_##_body(int64_t n)

void bench_register(struct bench *b);

/* What came before doesn't count. */
void bench_start_timer(void);

#endif
