/* SPDX-License-Identifier: MIT
 *
 * stack: the arena of goroutine stacks. Internal to runtime/.
 *
 * One mapping of equal slots, reserved and not backed: a stack grows by touching pages, up to its slot. From the low end up, a slot
 * is: guard (32 KiB), stack, struct g. The g lies on the page that the stack touches first, so a parked goroutine costs one
 * page; tops are coloured (shifted by a multiple of 128 bytes), else all g's would fall into the same cache sets.
 */
#ifndef RUNTIME_STACK_H
#define RUNTIME_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct g;

/* Free slots that a processor keeps for itself, warm. Guarded by owning the processor. */
struct stack_cache {
	uint32_t len;
	uint32_t slot[64];
};

/* Maps the arena, chooses the guard mode. Once, before the first goroutine. */
void stack_init(void);

/* A free slot's g (its bytes may be anything but its state). Dies when stack_limit() are in use. */
struct g *stack_alloc(struct stack_cache *cache);
void stack_free(struct stack_cache *cache, struct g *g);

/* Gives all of a cache back to the arena. */
void stack_cache_flush(struct stack_cache *cache);

/* Gives the memory of free slots that nobody has needed since the last call back to the kernel, down to a bound. From sysmon. */
void stack_trim(void);

/* True if there may be more to trim later. */
bool stack_is_untrimmed(void);

/* Gives what lies below sp on g's stack back, but for the page of sp. The stack is at rest and the caller's (gstate_claim). */
void stack_shrink(const struct g *g, const void *sp);

/* The arena's lowest byte. */
const char *stack_floor(void);

/* The lowest usable byte of g's stack; what lies below is guard. */
char *stack_low(const struct g *g);

/* The g of the slot that holds addr, guard included; NULL if addr is outside of what the arena has handed out. */
struct g *stack_find(const void *addr);

/* True if addr lies in a slot's guard. addr must be inside the arena (stack_find). */
bool stack_is_guard(const void *addr);

/* Ends the process if g has overflowed its stack; for the canary mode, which can't tell at once. */
void stack_check(const struct g *g, const void *sp);

/* Slots ever handed out are 0 .. stack_used()-1; the g of each (free ones have state G_FREE). Any thread. */
uint32_t stack_used(void);
struct g *stack_slot(uint32_t index);

/* True for a slot on a free list: its memory may be gone, and its g is not worth a page fault. Any thread. */
bool stack_is_listed(uint32_t index);

/* How many goroutines fit. Any thread. */
int64_t stack_limit(void);
/* "madvise", "mprotect" or "canary". Any thread. */
const char *stack_guard_mode(void);

/* True in canary mode: then g's stack is checked at each park. */
extern bool stack_checked;

#endif
