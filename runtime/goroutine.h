/* SPDX-License-Identifier: MIT
 *
 * goroutine: start the runtime, start goroutines, give way, sleep. The scheduler's public face; its inside is proc.h.
 *
 *	static void hello(void *arg) { printf("hello %s\n", (const char *)arg); }
 *	static int start(int argc, char **argv) { go(hello, "world"); goroutine_yield(); return 0; }
 *	int main(int argc, char **argv) { return runtime_main(start, argc, argv); }
 *
 * A goroutine runs on a stack of its own, on any OS thread, and may change threads whenever it parks. So nothing that
 * belongs to a thread (errno, pthread_self, a pthread mutex, OpenSSL's error queue) is held across a call that parks.
 *
 * A goroutine that computes for long or blocks in the kernel holds nobody up: after 10 ms others get its processor, if they need it, and it gives
 * way at its next call that may park, whether or not it would have to wait there (but for a lock that is free).
 */
#ifndef RUNTIME_GOROUTINE_H
#define RUNTIME_GOROUTINE_H

#include "runtime/base.h"

/* Runs fn as the main goroutine on GOMAXPROCS processors (environment; default: the CPUs of the affinity mask, at most what the cgroups' quota pays for).
 * Returns what fn returns, at once: like Go's main, it does not wait for other goroutines. Call once per process.
 * Environment: GOMAXPROCS, FETCHD_MAX_THREADS (10000), FETCHD_STACK_GUARD=madvise|mprotect|canary, FETCHD_STACK_SLOT=131072|262144. */
int runtime_main(int (*fn)(int argc, char **argv), int argc, char **argv);

/* go(fn, arg): starts a goroutine that runs fn(arg), fn being void (*)(T *); arg is borrowed.
 * go_with(fn, value): value (a struct) is copied onto the new goroutine's stack, at most 1024 bytes; fn gets a pointer to the
 * copy, which lives until fn returns. Who starts many in a row gives way to them now and then (goroutine_yield): so both may park. */
#define go(fn, arg)                                                                           \
	((void)sizeof((fn)(arg), 0), goroutine__start((void (*)(void *))(void (*)(void))(fn), \
						      (void *)(uintptr_t)(arg), #fn, GO_SITE_))
#define go_with(fn, ...)                                                               \
	((void)sizeof((fn)(&(__VA_ARGS__)), 0),                                        \
	 goroutine__start_copy((void (*)(void *))(void (*)(void))(fn), &(__VA_ARGS__), \
			       sizeof(__VA_ARGS__), #fn, GO_SITE_))

/* Where a goroutine is started: one for each go(), in read-only memory, so that a dump can show it at no cost. */
struct go_site {
	const char *function, *file;
	int line;
};
#define GO_SITE_                                                                              \
	({                                                                                    \
		static const struct go_site go_site_here_ = { __func__, __FILE__, __LINE__ }; \
		&go_site_here_;                                                               \
	})

void goroutine__start(void (*fn)(void *), void *arg, const char *name, const struct go_site *site);
void goroutine__start_copy(void (*fn)(void *), const void *args, size_t size, const char *name,
			   const struct go_site *site);

/* Lets others run. Parks (stays runnable, at the end of this processor's queue; Go's Gosched uses the global one). */
void goroutine_yield(void);

/* Parks for at least ns nanoseconds. ns <= 0 returns at once. */
void goroutine_sleep(int64_t ns);

/* The current goroutine's number, from 1; 0 when the caller is not on a goroutine. Any thread. */
uint64_t goroutine_id(void);

/* Goroutines alive now, system goroutines not counted. Any thread. */
int64_t goroutine_count(void);

/* How many goroutines fit under the current stack guard mode (see stack.h). Any thread. */
int64_t goroutine_limit(void);

/* The number of processors. Any thread. */
int runtime_procs(void);

/* Changes it to n (at most 256), and gives what it was; n < 1 only asks. Go's GOMAXPROCS(n). Doesn't wait until those that are too many have been
 * given up. Any thread; on a goroutine it parks. */
int runtime_set_procs(int n);

#endif
