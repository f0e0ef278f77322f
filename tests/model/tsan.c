/* SPDX-License-Identifier: MIT
 *
 * tsan: how the code under test comes to the engine. It is compiled unchanged, with -fsanitize=thread, but linked without ThreadSanitizer's library:
 * the calls that the compiler puts in place of each atomic operation, and beside each plain access, are these. So what is explored is the
 * compiler's own reading of the sources and of <stdatomic.h>.
 */
#include <string.h>

#include "tests/model/engine.h"

/* The names are the compiler's. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"

#define CALLER __builtin_return_address(0)

static bool running(void)
{
	return engine != NULL && engine->self != NULL;
}

static void note_site(const struct op *op)
{
	struct result *r = engine->result;
	for (uint32_t i = 0; i < r->sites_n; i++)
		if (r->sites[i].pc == op->site)
			return;
	if (r->sites_n < SITES_MAX)
		r->sites[r->sites_n++] =
			(struct site){ op->site, op->kind, op->order, op->fail_order };
}

static void mutate(struct op *op)
{
	const struct mutation *m = &engine->mutation;
	if (m->pc != op->site)
		return;
	switch (m->kind) {
	case MUTATE_ORDER:
		op->order = m->order;
		break;
	case MUTATE_FAIL_ORDER:
		op->fail_order = m->order;
		break;
	case MUTATE_TORN:
		op->torn = true;
		break;
	case MUTATE_DROP:
		op->dropped = true;
		break;
	case MUTATE_NOTHING:
		break;
	}
}

void step_op(struct op *op)
{
	note_site(op);
	mutate(op);
	visible(op);
}

static struct op access_op(enum op_kind kind, void *addr, size_t size, int order, const void *site)
{
	atomic_access(addr, size);
	return (struct op){ .kind = (uint8_t)kind,
			    .size = (uint8_t)size,
			    .order = (uint8_t)order,
			    .addr = addr,
			    .loc = (int16_t)(loc_of(addr, size) - engine->locs),
			    .site = site };
}

static uint64_t load(void *addr, size_t size, int order, const void *site)
{
	struct op op = access_op(OP_LOAD, addr, size, order, site);
	step_op(&op);
	return op.result;
}

static void store(void *addr, size_t size, uint64_t value, int order, const void *site)
{
	struct op op = access_op(OP_STORE, addr, size, order, site);
	op.operand = value;
	step_op(&op);
}

static uint64_t change(enum rmw rmw, void *addr, size_t size, uint64_t value, int order,
		       const void *site)
{
	struct op op = access_op(OP_RMW, addr, size, order, site);
	op.rmw = (uint8_t)rmw;
	op.operand = value;
	step_op(&op);
	return op.result;
}

static bool swap(void *addr, size_t size, uint64_t *expected, uint64_t value, int order,
		 int fail_order, const void *site)
{
	struct op op = access_op(OP_CAS, addr, size, order, site);
	op.fail_order = (uint8_t)fail_order;
	op.expected = *expected;
	op.operand = value;
	step_op(&op);
	*expected = op.result;
	return op.done;
}

/* Set-up and checks run alone: there the plain operation will do. */
#define CHANGE_(bits, name, rmw, direct)                                                          \
	uint##bits##_t __tsan_atomic##bits##_##name(uint##bits##_t *addr, uint##bits##_t value,   \
						    int order)                                    \
	{                                                                                         \
		uint##bits##_t old = *addr;                                                       \
		if (running())                                                                    \
			return (uint##bits##_t)change(rmw, addr, bits / 8, value, order, CALLER); \
		*addr = (uint##bits##_t)(direct);                                                 \
		return old;                                                                       \
	}

#define SWAP_(bits, strength)                                                                    \
	int __tsan_atomic##bits##_compare_exchange_##strength(                                   \
		uint##bits##_t *addr, uint##bits##_t *expected, uint##bits##_t value, int order, \
		int fail_order)                                                                  \
	{                                                                                        \
		uint64_t seen = *expected;                                                       \
		bool done = *addr == *expected;                                                  \
		if (running())                                                                   \
			done = swap(addr, bits / 8, &seen, value, order, fail_order, CALLER);    \
		else if (done)                                                                   \
			*addr = value;                                                           \
		else                                                                             \
			seen = *addr;                                                            \
		*expected = (uint##bits##_t)seen;                                                \
		return done;                                                                     \
	}

#define ATOMICS(bits)                                                                           \
	uint##bits##_t __tsan_atomic##bits##_load(uint##bits##_t *addr, int order)              \
	{                                                                                       \
		return running() ? (uint##bits##_t)load(addr, bits / 8, order, CALLER) : *addr; \
	}                                                                                       \
	void __tsan_atomic##bits##_store(uint##bits##_t *addr, uint##bits##_t value, int order) \
	{                                                                                       \
		if (running())                                                                  \
			store(addr, bits / 8, value, order, CALLER);                            \
		else                                                                            \
			*addr = value;                                                          \
	}                                                                                       \
	CHANGE_(bits, exchange, RMW_EXCHANGE, value)                                            \
	CHANGE_(bits, fetch_add, RMW_ADD, old + value)                                          \
	CHANGE_(bits, fetch_sub, RMW_SUB, old - value)                                          \
	CHANGE_(bits, fetch_and, RMW_AND, old &value)                                           \
	CHANGE_(bits, fetch_or, RMW_OR, old | value)                                            \
	CHANGE_(bits, fetch_xor, RMW_XOR, old ^ value)                                          \
	SWAP_(bits, strong)                                                                     \
	SWAP_(bits, weak)

ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)

void __tsan_atomic_thread_fence(int order)
{
	struct op op = { .kind = OP_FENCE, .order = (uint8_t)order, .loc = -1, .site = CALLER };
	if (running())
		step_op(&op);
}

/* Between a thread and its own signal handlers, that is: for the compiler. */
void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

/* --- plain accesses --- */

#define PLAIN(size)                                      \
	void __tsan_read##size(void *addr)               \
	{                                                \
		if (running())                           \
			plain_access(addr, size, false); \
	}                                                \
	void __tsan_write##size(void *addr)              \
	{                                                \
		if (running())                           \
			plain_access(addr, size, true);  \
	}                                                \
	void __tsan_unaligned_read##size(void *addr)     \
	{                                                \
		__tsan_read##size(addr);                 \
	}                                                \
	void __tsan_unaligned_write##size(void *addr)    \
	{                                                \
		__tsan_write##size(addr);                \
	}

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *addr, size_t size)
{
	if (running())
		plain_access(addr, size, false);
}

void __tsan_write_range(void *addr, size_t size)
{
	if (running())
		plain_access(addr, size, true);
}

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void)
{
}

/* --- what isn't C's own --- */

void step(enum op_kind kind, void *addr, uint64_t operand, struct op *op, const void *site)
{
	*op = (struct op){ .kind = (uint8_t)kind,
			   .size = sizeof(uint32_t),
			   .addr = addr,
			   .operand = operand,
			   .expected = operand,
			   .loc = -1,
			   .site = site };
	if (is_lock(op) || is_read(op))
		op->loc = (int16_t)(loc_of(addr, sizeof(uint32_t)) - engine->locs);
	step_op(op);
}

int model_choose(int n)
{
	struct op op;
	if (!running() || n == 1)
		return 0;
	step(OP_CHOOSE, NULL, (uint64_t)n, &op, CALLER);
	return (int)op.result;
}

int model_self(void)
{
	return running() ? (int)(engine->self - engine->threads) : -1;
}
