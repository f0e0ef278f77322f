/* SPDX-License-Identifier: MIT
 *
 * stack: slots are handed out from a processor's cache, which is refilled in batches from here: warm ones first (used lately, pages still
 * backed), then cold ones (given back to the kernel), then slots never used, which get their guard now.
 *
 * The free lists live beside the arena, in links[], because a cold slot's own bytes are gone. A slot's link is 0 while it is on none, else the
 * next slot + 1; written under the lock, read by sweeps without it. `arena.lock` guards the lists and `fresh`; it is a leaf.
 *
 * No goroutine waits for the kernel to take memory back: ended ones leave warm slots behind, and each second sysmon trims those that nobody has
 * needed meanwhile. What free stacks keep is bounded: WARM_MAX of them here and 64 a processor. Page tables (256 bytes a slot ever used) stay.
 */
#include "runtime/stack.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base.h"
#include "runtime/guard.h"
#include "runtime/lock.h"
#include "runtime/sanitizer.h"
#include "runtime/sched.h"

#ifdef HAVE_SANITIZER /* their frames are two to three times as large */
#define SLOT_SIZE (512 * 1024)
#define SLOTS_MAX (UINT32_C(1) << 16)
#else
#define SLOT_SIZE (128 * 1024)
#define SLOTS_MAX (UINT32_C(1) << 20)
#endif
#define SLOTS_MIN     64
#define SLOT_SIZE_MIN (64 * 1024)
#define SLOT_SIZE_MAX (8 * 1024 * 1024)
#define GUARD_SIZE    (32 * 1024) /* Debian's libraries have frames of 33 KB and don't probe */
#define BATCH	      16
#define WARM_MAX      256
#define DUMP_STEP     SLOTS_MIN
#define FLOOR_SIZE    ((size_t)256 * 1024) /* below the arena, for what no guard has stopped */
#define NO_SLOT	      (UINT32_MAX - 1)

struct free_list {
	uint32_t first;
	uint32_t len;
};

static struct {
	struct lock lock; /* guards warm, cold, links, and writing fresh */
	struct free_list warm, cold;
	uint32_t
		warm_low; /* the least that warm has held since the last trim: nobody has missed those */
	_Atomic uint32_t *links;
	_Atomic uint32_t fresh; /* slots below have been handed out */

	_Atomic uint32_t slots; /* how many may be handed out; written under the lock */
	uint32_t dumped;	/* slots below come into a core dump */

	char *base; /* constant from here */
	size_t slot_size, guard_size, page_size;
} arena;

bool stack_checked;

static char *slot_base(uint32_t slot)
{
	return arena.base + slot * arena.slot_size;
}

struct g *stack_slot(uint32_t slot)
{
	size_t colour = (slot * 7 % 16) * 128;
	size_t g_size = (sizeof(struct g) + 63) / 64 * 64;
	return (struct g *)(void *)(slot_base(slot) + arena.slot_size - colour - g_size);
}

static uint32_t slot_of(const void *addr)
{
	return (uint32_t)((size_t)((const char *)addr - arena.base) / arena.slot_size);
}

static size_t choose_slot_size(void)
{
	const char *text = getenv("FETCHD_STACK_SLOT");
	if (text == NULL || *text == '\0')
		return SLOT_SIZE > 4 * arena.page_size ? SLOT_SIZE : 4 * arena.page_size;
	char *end;
	unsigned long size = strtoul(text, &end, 10);
	if (*end != '\0' || size < SLOT_SIZE_MIN || size > SLOT_SIZE_MAX ||
	    (size & (size - 1)) != 0 || size < 2 * arena.guard_size)
		fatal("FETCHD_STACK_SLOT=%s: not a power of two from %d to %d", text, SLOT_SIZE_MIN,
		      SLOT_SIZE_MAX);
	return size;
}

/* As many slots as the address space (RLIMIT_AS, overcommit policy) admits. */
static void map_arena(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	for (uint32_t slots = SLOTS_MAX; slots >= SLOTS_MIN; slots /= 2) {
		size_t size = slots * arena.slot_size;
		char *mem = mmap(NULL, FLOOR_SIZE + size, PROT_READ | PROT_WRITE, flags, -1, 0);
		if (mem == MAP_FAILED)
			continue;
		if (mprotect(mem, FLOOR_SIZE, PROT_NONE) != 0)
			fatal("can't protect what lies below the stacks: %m");
		arena.base = mem + FLOOR_SIZE;
		arena.links = mmap(NULL, slots * sizeof(*arena.links), PROT_READ | PROT_WRITE,
				   flags, -1, 0);
		if (arena.links == MAP_FAILED)
			fatal("no memory for the stacks' free list");
		madvise(arena.base, size, MADV_NOHUGEPAGE);
		madvise(arena.base, size, MADV_DONTDUMP);
		atomic_store(&arena.slots, slots);
		return;
	}
	fatal("no address space for stacks");
}

void stack_init(void)
{
	arena.page_size = (size_t)sysconf(_SC_PAGESIZE);
	arena.guard_size = GUARD_SIZE > arena.page_size ? GUARD_SIZE : arena.page_size;
	arena.slot_size = choose_slot_size();
	map_arena();
	fiber_arena_init(arena.base, atomic_load(&arena.slots) * arena.slot_size);
	guard_init(arena.base);
	if (atomic_load(&arena.slots) > guard_limit())
		atomic_store(&arena.slots, guard_limit());
	stack_checked = guard_needs_check();
	arena.warm.first = arena.cold.first = NO_SLOT;
}

/* Under arena.lock. False if there are to be no more slots. */
static bool protect(uint32_t slot)
{
	if (guard_install(slot_base(slot), arena.guard_size))
		return true;
	atomic_store_explicit(&arena.slots, slot, memory_order_relaxed);
	return false;
}

/* Under arena.lock. A core dump has the slots that were used, and not all 128 GiB of the arena: the kernel would look at each page, and write as
 * many zeros when it dumps into a pipe. */
static void open_for_dumps(uint32_t fresh)
{
	while (arena.dumped < fresh) {
		madvise(slot_base(arena.dumped), DUMP_STEP * arena.slot_size, MADV_DODUMP);
		arena.dumped += DUMP_STEP;
	}
}

static uint32_t next_slot(uint32_t slot)
{
	return atomic_load_explicit(&arena.links[slot], memory_order_relaxed) - 1;
}

static void list_push(struct free_list *l, uint32_t slot)
{
	atomic_store_explicit(&arena.links[slot], l->first + 1, memory_order_relaxed);
	l->first = slot;
	l->len++;
}

static uint32_t list_pop(struct free_list *l)
{
	uint32_t slot = l->first;
	l->first = next_slot(slot);
	atomic_store_explicit(&arena.links[slot], 0, memory_order_relaxed);
	l->len--;
	return slot;
}

static void refill(struct stack_cache *cache)
{
	lock_acquire(&arena.lock);
	while (cache->len < BATCH && arena.warm.len > 0)
		cache->slot[cache->len++] = list_pop(&arena.warm);
	if (arena.warm.len < arena.warm_low)
		arena.warm_low = arena.warm.len;
	while (cache->len < BATCH && arena.cold.len > 0)
		cache->slot[cache->len++] = list_pop(&arena.cold);
	uint32_t fresh = atomic_load_explicit(&arena.fresh, memory_order_relaxed);
	while (cache->len < BATCH && fresh < atomic_load(&arena.slots) && protect(fresh))
		cache->slot[cache->len++] = fresh++;
	open_for_dumps(fresh);
	atomic_store_explicit(&arena.fresh, fresh, memory_order_release);
	lock_release(&arena.lock);
}

struct g *stack_alloc(struct stack_cache *cache)
{
	if (UNLIKELY(cache->len == 0)) {
		refill(cache);
		if (cache->len == 0)
			guard_exhausted(atomic_load(&arena.slots));
	}
	return stack_slot(cache->slot[--cache->len]);
}

/* Gives a free slot's memory back to the kernel; the guard stays. */
static void chill(uint32_t slot)
{
	madvise(slot_base(slot) + arena.guard_size, arena.slot_size - arena.guard_size,
		MADV_DONTNEED);
}

static void drain_to(struct stack_cache *cache, uint32_t len)
{
	lock_acquire(&arena.lock);
	while (cache->len > len)
		list_push(&arena.warm, cache->slot[--cache->len]);
	lock_release(&arena.lock);
}

/* Under arena.lock. */
static uint32_t spare_warm(void)
{
	return arena.warm_low > WARM_MAX ? arena.warm_low - WARM_MAX : 0;
}

/* Takes the spare ones off the warm list, chained by their links. */
static uint32_t take_spare(uint32_t *ret_len)
{
	struct free_list spare = { .first = NO_SLOT };
	lock_acquire(&arena.lock);
	for (uint32_t n = spare_warm(); n > 0; n--)
		list_push(&spare, list_pop(&arena.warm));
	arena.warm_low = arena.warm.len;
	lock_release(&arena.lock);
	*ret_len = spare.len;
	return spare.first;
}

void stack_trim(void)
{
	uint32_t len, slot = take_spare(&len);
	for (uint32_t i = 0; i < len; i++) {
		uint32_t next = next_slot(slot);
		chill(slot);
		lock_acquire(&arena.lock);
		list_push(&arena.cold, slot);
		lock_release(&arena.lock);
		slot = next;
	}
}

bool stack_is_untrimmed(void)
{
	lock_acquire(&arena.lock);
	bool more = arena.warm.len > WARM_MAX;
	lock_release(&arena.lock);
	return more;
}

void stack_shrink(const struct g *g, const void *sp)
{
	char *low = stack_low(g);
	size_t unused = (size_t)((const char *)sp - low) / arena.page_size * arena.page_size;
	if (unused > 0)
		madvise(low, unused, MADV_DONTNEED);
}

void stack_cache_flush(struct stack_cache *cache)
{
	drain_to(cache, 0);
}

void stack_free(struct stack_cache *cache, struct g *g)
{
	if (UNLIKELY(stack_checked))
		stack_check(g, g);
	if (UNLIKELY(cache->len == ARRAY_LEN(cache->slot)))
		drain_to(cache, ARRAY_LEN(cache->slot) / 2);
	cache->slot[cache->len++] = slot_of(g);
}

const char *stack_floor(void)
{
	return arena.base;
}

char *stack_low(const struct g *g)
{
	return slot_base(slot_of(g)) + arena.guard_size;
}

struct g *stack_find(const void *addr)
{
	const char *a = addr;
	if (arena.base == NULL || a < arena.base || a >= slot_base(stack_used()))
		return NULL;
	return stack_slot(slot_of(addr));
}

bool stack_is_guard(const void *addr)
{
	return (size_t)((const char *)addr - arena.base) % arena.slot_size < arena.guard_size;
}

void stack_check(const struct g *g, const void *sp)
{
	if ((const char *)sp < stack_low(g) || !guard_is_intact(stack_low(g)))
		fatal("goroutine stack overflow: goroutine %llu [%s] has left its stack of %zu KiB",
		      (unsigned long long)g->id, g->name,
		      (arena.slot_size - arena.guard_size) / 1024);
}

bool stack_is_listed(uint32_t slot)
{
	return atomic_load_explicit(&arena.links[slot], memory_order_relaxed) != 0;
}

uint32_t stack_used(void)
{
	return atomic_load_explicit(&arena.fresh, memory_order_acquire);
}

int64_t stack_limit(void)
{
	return atomic_load_explicit(&arena.slots, memory_order_relaxed);
}

const char *stack_guard_mode(void)
{
	return guard_mode();
}
