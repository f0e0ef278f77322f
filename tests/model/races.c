/* SPDX-License-Identifier: MIT
 *
 * races: two accesses to one byte, not both reads, neither ordered by happens-before, not both atomic. A shadow of every 8 bytes that a thread has
 * touched in this execution holds, per byte and thread, the clock of its last read and write.
 */
#include <string.h>
#include <sys/mman.h>

#include "tests/model/engine.h"

enum {
	CELLS = 1 << 14
};

struct cell {
	uintptr_t word;
	uint32_t run;
	uint32_t wrote[8][THREADS_MAX], read[8][THREADS_MAX];
};

static struct cell *cells; /* those of an older run count as empty */

void races_init(void)
{
	cells = mmap(NULL, CELLS * sizeof(*cells), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (cells == MAP_FAILED)
		fail("no memory");
}

static struct cell *cell_of(uintptr_t word)
{
	uint32_t at = (uint32_t)(word * UINT64_C(0x9e3779b97f4a7c15) >> 50);
	for (uint32_t i = 0; i < CELLS; i++, at = (at + 1) % CELLS) {
		struct cell *c = &cells[at];
		if (c->run == engine->run && c->word == word)
			return c;
		if (c->run == engine->run)
			continue;
		memset(c, 0, sizeof(*c));
		c->word = word;
		c->run = engine->run;
		return c;
	}
	fail("too much memory is touched");
}

static void check_byte(struct cell *c, unsigned byte, bool is_write)
{
	const struct thread *self = engine->self;
	int me = (int)(self - engine->threads);
	for (int u = 0; u < engine->threads_n; u++) {
		if (u == me)
			continue;
		if (c->wrote[byte][u] > self->view.vc[u])
			fail("data race: thread %d %s %p, which thread %d has written", me,
			     is_write ? "writes" : "reads", (void *)(c->word * 8 + byte), u);
		if (is_write && c->read[byte][u] > self->view.vc[u])
			fail("data race: thread %d writes %p, which thread %d has read", me,
			     (void *)(c->word * 8 + byte), u);
	}
	(is_write ? c->wrote : c->read)[byte][me] = self->view.vc[me];
}

static bool own_stack(uintptr_t addr)
{
	uintptr_t low = (uintptr_t)engine->self->stack;
	return addr >= low && addr < low + STACK_SIZE;
}

/* A place on the stack, used again by another call, begins anew. */
static void forget(uintptr_t addr, size_t size)
{
	for (uint32_t i = 0; i < engine->locs_n; i++) {
		struct loc *l = &engine->locs[i];
		if (l->addr < addr + size && addr < l->addr + l->size)
			l->addr = 0;
	}
}

static void check_range(uintptr_t addr, size_t size, bool is_write)
{
	struct cell *c = NULL;
	for (uintptr_t at = addr; at < addr + size; at++) {
		if (c == NULL || c->word != at / 8)
			c = cell_of(at / 8);
		check_byte(c, at % 8, is_write);
	}
}

void plain_access(const void *addr, size_t size, bool is_write)
{
	uintptr_t at = (uintptr_t)addr;
	if (is_write && own_stack(at))
		forget(at, size);
	check_range(at, size, is_write);
}

/* An atomic access races with plain writes; that plain accesses come after it unordered is found at them, by the mark that it leaves:
 * it reads, whatever it does, so that atomics don't race among themselves. */
void atomic_access(const void *addr, size_t size)
{
	check_range((uintptr_t)addr, size, false);
}
