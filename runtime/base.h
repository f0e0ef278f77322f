/* SPDX-License-Identifier: MIT
 *
 * base: what every file of the project may use: container_of, sizes, units of time, and panic.
 *
 * Any thread may call anything here. panic() ends the process: it prints the message, then whatever
 * the hook prints (dump.c installs one that prints the goroutine's traceback and all others), then aborts.
 */
#ifndef RUNTIME_BASE_H
#define RUNTIME_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NANOSECOND  INT64_C(1)
#define MICROSECOND (1000 * NANOSECOND)
#define MILLISECOND (1000 * MICROSECOND)
#define SECOND	    (1000 * MILLISECOND)

/* A deadline that never comes. Deadlines are absolute nanoseconds of clock_now(). */
#define NEVER INT64_MAX

#define ARRAY_LEN(a)			(sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define LIKELY(x)			__builtin_expect(!!(x), 1)
#define UNLIKELY(x)			__builtin_expect(!!(x), 0)
#define MUST_USE			__attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args)		__attribute__((format(printf, fmt, args)))

/* Ends the process with "panic: <message>", a traceback and abort(). For what must be impossible. While one thread dies, others that come here
 * or to fatal() wait for its end: one report, whole. */
_Noreturn void panic(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Ends the process with "fatal error: <message>", as Go's fatal does: for what the program did wrong, or the system won't give. The
 * scheduler's own stack, if it was called there, is not shown. */
_Noreturn void fatal(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Installs what prints the state of the goroutines between the message and abort(). */
void panic_set_hook(void (*hook)(bool is_fatal));

/* The right to report: true for the first thread, false for the same one again (it has died of its own report). Another never returns.
 * Signal handlers too. */
bool panic_claim(void);

/* Returns unless a thread is dying: then never. For who is about to end the process in another way. */
void panic_wait(void);

/* malloc, calloc and realloc that end the process when memory is out: for the runtime's own, fixed-size needs.
 * What has its size decided by input uses malloc itself and fails that request alone. */
void *xmalloc(size_t size) MUST_USE;
void *xcalloc(size_t n, size_t size) MUST_USE;

/* In debug builds memory that is freed is overwritten first, and owners of counted things look for that when these are used.
 * The empty asm reads it: or the compiler would leave out what nobody reads before free(). */
#ifdef RUNTIME_DEBUG
#define POISON(ptr, size)                                     \
	do {                                                  \
		__builtin_memset((ptr), 0xdb, (size));        \
		__asm__ volatile("" : : "r"(ptr) : "memory"); \
	} while (0)
#define IS_POISONED(word) ((word) == 0xdbdbdbdb)
#else
#define POISON(ptr, size) ((void)(ptr), (void)(size))
#define IS_POISONED(word) ((void)sizeof(word), false)
#endif

#endif
