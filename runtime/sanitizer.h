/* SPDX-License-Identifier: MIT
 *
 * sanitizer: what AddressSanitizer and ThreadSanitizer must be told about stacks that change under them. Nothing in other builds.
 *
 * A fiber is a sanitizer's view of one stack: a goroutine's or an OS thread's own. Around each switch:
 *
 *	fiber_leave(&mine, &other); switch_leave(...); fiber_arrive(&mine);
 *
 * There are two TSan builds. MODE=tsan instruments everything and draws a happens-before edge at each switch: it tests the runtime's own
 * atomics and locks, and can't see a race between goroutines of one OS thread. MODE=race (SANITIZER_EXPLICIT_EDGES) finds the races of
 * the runtime's users: runtime/ is not instrumented, a switch orders nothing, and what orders is said by hand where a primitive promises it,
 * to the letter of the Go memory model and no more: an edge too many hides races. Hence locks, notes, park and ready have none.
 *
 *	HAPPENS_BEFORE(a) ... HAPPENS_AFTER(a)	what was before the first is before what comes after the second. They accumulate
 *	RACE_READ, RACE_WRITE(addr, size)	an access that the runtime makes for its caller, in his name
 *	CALL_BEGIN ... CALL_END			reports of what happens in between show who has called this function; the two above have it built in
 *	HIDDEN_BEGIN ... HIDDEN_END		what libc's interceptors see in between (memcpy, free, epoll_wait) is the runtime's own
 *						business: neither accesses nor edges. No park inside
 *	CALLER_HAPPENS_...			as above, for inline functions that users and the runtime itself call: the users' only
 */
#ifndef RUNTIME_SANITIZER_H
#define RUNTIME_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define INSTRUMENTED_BY_TSAN 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define INSTRUMENTED_BY_TSAN 1
#endif
#endif
#if defined(INSTRUMENTED_BY_TSAN) || defined(SANITIZER_EXPLICIT_EDGES)
#define HAVE_TSAN 1
#endif

#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#ifdef HAVE_TSAN
#include <errno.h>
#include <stdio.h>
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
#define HAPPENS_BEFORE(addr) __tsan_release((void *)(uintptr_t)(addr))
#define HAPPENS_AFTER(addr)  __tsan_acquire((void *)(uintptr_t)(addr))
#define RACE_READ(addr, size) \
	(CALL_BEGIN(), __tsan_read_range((void *)(uintptr_t)(addr), (size)), CALL_END())
#define RACE_WRITE(addr, size) \
	(CALL_BEGIN(), __tsan_write_range((void *)(uintptr_t)(addr), (size)), CALL_END())
#define CALL_BEGIN()	   __tsan_func_entry(__builtin_return_address(0))
#define CALL_END()	   __tsan_func_exit()
#define HIDDEN_BEGIN()	   (AnnotateIgnoreSyncBegin(__FILE__, __LINE__), __tsan_ignore_thread_begin())
#define HIDDEN_END()	   (__tsan_ignore_thread_end(), AnnotateIgnoreSyncEnd(__FILE__, __LINE__))
#define FIBER_SWITCH_FLAGS __tsan_switch_to_fiber_no_sync
#define RACE_LANE	   true

/* Exported by TSan's library, in none of its headers. */
void __tsan_read_range(void *addr, unsigned long size);
void __tsan_write_range(void *addr, unsigned long size);
void __tsan_func_entry(void *call_pc);
void __tsan_func_exit(void);
void __tsan_ignore_thread_begin(void);
void __tsan_ignore_thread_end(void);
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);
void AnnotateBenignRaceSized(const char *file, int line, const void *addr, unsigned long size,
			     const char *why);
void __tsan_java_init(unsigned long heap, unsigned long size);
void __tsan_java_alloc(unsigned long addr, unsigned long size);
void __tsan_java_free(unsigned long addr, unsigned long size);
#else
#define HAPPENS_BEFORE(addr)   ((void)(addr))
#define HAPPENS_AFTER(addr)    ((void)(addr))
#define RACE_READ(addr, size)  ((void)(addr), (void)(size))
#define RACE_WRITE(addr, size) ((void)(addr), (void)(size))
#define CALL_BEGIN()	       ((void)0)
#define CALL_END()	       ((void)0)
#define HIDDEN_BEGIN()	       ((void)0)
#define HIDDEN_END()	       ((void)0)
#define FIBER_SWITCH_FLAGS     0
#define RACE_LANE	       false
#endif

#if defined(SANITIZER_EXPLICIT_EDGES) && INSTRUMENTED_BY_TSAN
#define CALLER_HAPPENS_BEFORE(addr) HAPPENS_BEFORE(addr)
#define CALLER_HAPPENS_AFTER(addr)  HAPPENS_AFTER(addr)
#else
#define CALLER_HAPPENS_BEFORE(addr) ((void)(addr))
#define CALLER_HAPPENS_AFTER(addr)  ((void)(addr))
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

/* All stacks will lie in here. Once. */
static inline void fiber_arena_init(void *base, size_t size)
{
#ifdef SANITIZER_EXPLICIT_EDGES
	__tsan_java_init((uintptr_t)base, size);
#endif
	(void)base, (void)size;
}

/* A stack begins anew: what was done on it before is forgotten, so that no edge from its last user to the next is needed. (TSan offers
 * that for Java's objects.) */
static inline void fiber_stack_begin(void *low, size_t size)
{
#ifdef HAVE_ASAN
	ASAN_UNPOISON_MEMORY_REGION(low, size);
#endif
#ifdef SANITIZER_EXPLICIT_EDGES
	__tsan_java_alloc((uintptr_t)low, size);
#endif
	(void)low, (void)size;
}

static inline void fiber_stack_end(void *low, size_t size)
{
#ifdef SANITIZER_EXPLICIT_EDGES
	__tsan_java_free((uintptr_t)low, size);
#endif
	(void)low, (void)size;
}

/* A fiber for a new stack of `size` bytes at low. What its maker did before happens before what the fiber does. */
static inline void fiber_init(struct fiber *f, void *low, size_t size)
{
#ifdef HAVE_ASAN
	f->low = low;
	f->size = size;
	f->fake_stack = NULL;
#endif
#ifdef HAVE_TSAN
	f->tsan = __tsan_create_fiber(0);
#endif
	(void)f, (void)low, (void)size;
}

/* As reports shall call it. */
static inline void fiber_set_name(struct fiber *f, uint64_t id, const char *name)
{
#ifdef HAVE_TSAN
	char text[64]; /* as much as TSan keeps */
	snprintf(text, sizeof(text), "goroutine %llu [%s]", (unsigned long long)id, name);
	__tsan_set_fiber_name(f->tsan, text);
#endif
	(void)f, (void)id, (void)name;
}

/* A fiber for the OS thread's own stack. */
static inline void fiber_init_thread(struct fiber *f, const void *low, size_t size)
{
#ifdef HAVE_ASAN
	f->low = low;
	f->size = size;
	f->fake_stack = NULL;
#endif
#ifdef HAVE_TSAN
	f->tsan = __tsan_get_current_fiber();
#ifdef SANITIZER_EXPLICIT_EDGES
	/* The goroutines of a thread use its errno one after the other, each right behind a call: none of that is a race. */
	AnnotateBenignRaceSized(__FILE__, __LINE__, &errno, sizeof(errno), "errno");
#endif
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

/* As if the fiber, which is at rest, did HAPPENS_AFTER(addr) and HAPPENS_BEFORE(addr). */
static inline void fiber_pass(const struct fiber *f, const void *addr)
{
#ifdef SANITIZER_EXPLICIT_EDGES
	void *mine = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(f->tsan, FIBER_SWITCH_FLAGS);
	HAPPENS_AFTER(addr);
	HAPPENS_BEFORE(addr);
	__tsan_switch_to_fiber(mine, FIBER_SWITCH_FLAGS);
#endif
	(void)f, (void)addr;
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
