/* SPDX-License-Identifier: MIT
 *
 * sanitizer: what AddressSanitizer and ThreadSanitizer must be told about stacks that change under them. Nothing in other builds.
 *
 * A fiber is a sanitizer's view of one stack: a goroutine's or an OS thread's own. Around each switch:
 *
 *	fiber_leave(&mine, &other); switch_leave(...); fiber_arrive(&mine);
 *
 * TSan draws a happens-before edge at each switch (flag 0): right for the lane in which the runtime itself is instrumented. It
 * hides races between goroutines of one OS thread; the lane that looks for those compiles with -DSANITIZER_EXPLICIT_EDGES, leaves the runtime
 * uninstrumented, and gets its edges from HAPPENS_BEFORE/HAPPENS_AFTER alone.
 */
#ifndef RUNTIME_SANITIZER_H
#define RUNTIME_SANITIZER_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define HAVE_TSAN 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define HAVE_TSAN 1
#endif
#endif
#if defined(SANITIZER_EXPLICIT_EDGES)
#define HAVE_TSAN 1
#endif

#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#ifdef HAVE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#if defined(HAVE_ASAN) || defined(HAVE_TSAN)
#define HAVE_SANITIZER 1
#endif

#ifdef HAVE_TSAN
#define NO_TSAN __attribute__((no_sanitize("thread"), noinline))
#else
#define NO_TSAN
#endif
#ifdef HAVE_ASAN
#define NO_ASAN __attribute__((no_sanitize("address"), noinline))
#else
#define NO_ASAN
#endif

#ifdef SANITIZER_EXPLICIT_EDGES
#define HAPPENS_BEFORE(addr) __tsan_release(addr)
#define HAPPENS_AFTER(addr)  __tsan_acquire(addr)
#define FIBER_SWITCH_FLAGS   __tsan_switch_to_fiber_no_sync
#else
#define HAPPENS_BEFORE(addr) ((void)(addr))
#define HAPPENS_AFTER(addr)  ((void)(addr))
#define FIBER_SWITCH_FLAGS   0
#endif

struct fiber {
#ifdef HAVE_ASAN
	const void *low;
	size_t size;
	void *fake_stack;
#endif
#ifdef HAVE_TSAN
	void *tsan;
#endif
	char nothing[0];
};

/* A fiber for a new stack of `size` bytes at low; for the OS thread's own stack. */
static inline void fiber_init(struct fiber *f, void *low, size_t size)
{
#ifdef HAVE_ASAN
	ASAN_UNPOISON_MEMORY_REGION(low, size);
	f->low = low;
	f->size = size;
	f->fake_stack = NULL;
#endif
#ifdef HAVE_TSAN
	f->tsan = __tsan_create_fiber(0);
#endif
	(void)f, (void)low, (void)size;
}

static inline void fiber_init_thread(struct fiber *f, const void *low, size_t size)
{
#ifdef HAVE_ASAN
	f->low = low;
	f->size = size;
	f->fake_stack = NULL;
#endif
#ifdef HAVE_TSAN
	f->tsan = __tsan_get_current_fiber();
#endif
	(void)f, (void)low, (void)size;
}

/* Frees what fiber_init made; from another stack. */
static inline void fiber_done(struct fiber *f)
{
#ifdef HAVE_TSAN
	__tsan_destroy_fiber(f->tsan);
#endif
	(void)f;
}

/* Right before the switch away from `from`; inlined, for TSan wants it in a function that is not instrumented. */
static inline __attribute__((always_inline)) void fiber_leave(struct fiber *from,
							      const struct fiber *to)
{
#ifdef HAVE_ASAN
	__sanitizer_start_switch_fiber(&from->fake_stack, to->low, to->size);
#endif
#ifdef HAVE_TSAN
	__tsan_switch_to_fiber(to->tsan, FIBER_SWITCH_FLAGS);
#endif
	(void)from, (void)to;
}

/* As fiber_leave, for a stack that ends. */
static inline __attribute__((always_inline)) void fiber_leave_last(const struct fiber *to)
{
#ifdef HAVE_ASAN
	__sanitizer_start_switch_fiber(NULL, to->low, to->size);
#endif
#ifdef HAVE_TSAN
	__tsan_switch_to_fiber(to->tsan, FIBER_SWITCH_FLAGS);
#endif
	(void)to;
}

/* Right after the switch back to f. */
static inline __attribute__((always_inline)) void fiber_arrive(struct fiber *f)
{
#ifdef HAVE_ASAN
	__sanitizer_finish_switch_fiber(f->fake_stack, NULL, NULL);
#endif
	(void)f;
}

#endif
