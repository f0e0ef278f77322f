/* SPDX-License-Identifier: MIT
 *
 * engine: a model checker of C11's memory model for the lock-free parts of runtime/. This is its inside, for the files of tests/model/ that make it up;
 * models include model.h, and are what model_*.c holds.
 *
 * What is checked is the sources themselves. They are compiled with -fsanitize=thread, but ThreadSanitizer's library is not linked: the calls that
 * the compiler makes of each atomic operation, and sets beside each plain access, are the engine's (tsan.c). Threads are coroutines; one execution is
 * a sequence of choices, and all are run, one after the other, from the start (explore.c). What an operation may see is memory.c's; plain
 * accesses that nothing orders are data races (races.c); what stands below the code under test is stubs.c's. mutants.c shows that the models can fail.
 *
 * Why a checker of our own: GenMC, Nidhugg and CDSChecker, which do this for C, are in no distribution's packages that we build on, and want a
 * compiler of their own version; relacy wants the sources rewritten in its C++; spin checks a model written by hand in its own language, not
 * the source, and only under sequential consistency, where half of what these files are about can't go wrong. And membarrier, on which lease.h
 * stands, none of them knows.
 *
 * What an execution may do: any interleaving; any read that C11 allows by its thread's view, and stores in any place of the modification order
 * (2+2W); release sequences as of C++20 (read-modify-writes alone continue them); acquire, release and sequentially consistent fences and accesses
 * in one order that is that of execution; membarrier as a fence of each thread at a moment of its own; futexes that sleep by one
 * look at the word between full fences.
 *
 * What it can't see:
 * - load buffering: that a read gives what its own thread's later write has brought about. Processors do that (a load that is done after
 *   the store behind it), so an order that only forbids this counts as unneeded; models name such mutants as survivors, with that reason;
 * - what the compiler might do between the source and the calls: barrier_light() is taken at its word;
 * - weak compare-and-swaps that fail for nothing, futex waits that end for nothing, memory that is reused for something of another size;
 * - more than a model's threads and steps. Loops that wait must look at one location (model_await, sched_yield); one that looks at
 *   one and does nothing else gets two looks, for what comes after is the same.
 *
 * All state lies behind `engine`, in a mapping of its own: the program's data and bss, which hold the state of the code under test, are
 * put back as a whole before each execution, and a run lives in a child process.
 */
#ifndef TESTS_MODEL_ENGINE_H
#define TESTS_MODEL_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/model/model.h"

enum {
	STORES_MAX = 64, /* of one location in one execution: sets of them are bit masks */
	LOCS_MAX = 1024,
	NODES_MAX = 4096,
	VIEWS_MAX = 4096,
	SITES_MAX = 512,
	OUTCOMES_MAX = 1024,
	STACK_SIZE = 64 * 1024
};

enum op_kind {
	OP_NONE,
	OP_LOAD,
	OP_STORE,
	OP_RMW,
	OP_CAS,
	OP_FENCE,
	OP_FENCE_OF, /* a fence that membarrier makes thread `target` execute */
	OP_FUTEX_WAIT,
	OP_FUTEX_SLEEP, /* on the futex, until woken or timed out */
	OP_FUTEX_WAKE,
	OP_AWAIT, /* sched_yield in a loop: until the location read last has changed */
	OP_LOCK,
	OP_TRY_LOCK,
	OP_UNLOCK,
	OP_CHOOSE
};

enum rmw {
	RMW_EXCHANGE,
	RMW_ADD,
	RMW_SUB,
	RMW_AND,
	RMW_OR,
	RMW_XOR
};

/* One visible operation of a thread, before and after it was done. */
struct op {
	uint8_t kind, rmw, size, target;
	uint8_t order, fail_order; /* as __ATOMIC_* */
	bool torn, dropped;	   /* by a mutation: not atomic; not done */
	bool done;		   /* CAS, TRY_LOCK: succeeded; FUTEX_WAIT: goes to sleep */
	int16_t loc;
	uint32_t step; /* which of its thread's */
	void *addr;
	uint64_t operand, expected, result;
	const void *site;
};

/* What a thread, or a message, knows: vc is happens-before; seen[l] the newest store to location l that it may no longer go behind. */
struct view {
	uint32_t vc[THREADS_MAX];
	uint32_t n; /* beyond n: the first store */
	uint8_t seen[LOCS_MAX];
};

/* One store to a location. Its number never changes; `at` is its place in the modification order. */
struct store {
	uint64_t value;
	uint32_t dc[THREADS_MAX];
	const struct view *view; /* what an acquiring reader gets; NULL = nothing */
	uint8_t at;
	bool followed; /* an RMW read it: nothing may come between */
};

struct loc {
	uintptr_t addr;
	uint8_t size, n;
	uint8_t order[STORES_MAX]; /* modification order: numbers of stores */
	struct store stores[STORES_MAX];
	uint32_t dc[THREADS_MAX]; /* of its sequentially consistent accesses; of a lock's uses */
};

enum thread_state {
	THREAD_READY, /* at op */
	THREAD_DONE
};

struct thread {
	void *sp;
	char *stack;
	enum thread_state state;
	struct op op, last; /* pending; done last */
	uint32_t repeats;
	uint32_t steps;
	uint32_t dc[THREADS_MAX]; /* the steps of each thread that this one's last depends on */
	uint32_t next_dc[THREADS_MAX]; /* those that have changed what its next one does */
	bool woken, timed_out;
	uint32_t slept_at; /* order of arrival at the futex */
	struct view view;
	struct view pending;  /* of relaxed loads: an acquire fence makes it known */
	struct view released; /* by the last release fence */
};

/* A point of choice in the current execution. */
struct node {
	uint8_t thread, enabled, backtrack, done;
	uint8_t choice;
	uint64_t candidates[THREADS_MAX];
	uint64_t asleep[THREADS_MAX]; /* choices that are covered by other executions */
	struct op op;		      /* as done */
	uint32_t dc[THREADS_MAX];     /* what it depends on, itself included */
};

struct site {
	const void *pc;
	uint8_t kind, order, fail_order;
};

/* What a run leaves behind; shared with the parent. */
struct result {
	uint64_t executions, pruned, steps;
	uint32_t deepest;
	bool complete, failed;
	char message[512];
	char trace[16384];
	uint32_t sites_n;
	struct site sites[SITES_MAX];
	uint32_t outcomes_n;
	uint64_t outcomes[OUTCOMES_MAX];
};

enum mutation_kind {
	MUTATE_NOTHING,
	MUTATE_ORDER,	   /* to `order` */
	MUTATE_FAIL_ORDER, /* a CAS's second */
	MUTATE_TORN,	   /* a read-modify-write that isn't atomic */
	MUTATE_DROP	   /* not done at all */
};

struct mutation {
	enum mutation_kind kind;
	const void *pc;
	uint8_t order;
};

struct engine {
	const struct model *model;
	struct mutation mutation;
	bool naive; /* every interleaving, no reduction: to check the reduction */
	struct result *result;
	uint64_t executions_max;

	struct thread *self; /* NULL: set-up and checks, which act at once */
	struct thread threads[THREADS_MAX];
	int threads_n;
	void *main_sp;
	bool over, redundant;

	uint32_t depth, nodes_n;
	struct node nodes[NODES_MAX];
	uint64_t asleep[THREADS_MAX];

	uint32_t locs_n, views_n, run, futex_arrivals;
	struct loc locs[LOCS_MAX];
	struct view views[VIEWS_MAX];
	struct view sc; /* seen: by whatever is sequentially consistent */
	uint32_t fences_dc[THREADS_MAX],
		accesses_dc[THREADS_MAX]; /* of the sequentially consistent */
};

extern struct engine *engine;

/* --- explore.c --- */

/* Does op as the current thread, when its turn comes; what it gave is in it. */
void visible(struct op *op);

/* Runs the model to the end of its exploration or to its first failure. In a child process. */
void explore(void);

_Noreturn void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- memory.c --- */

struct loc *loc_of(void *addr, size_t size);
struct loc *loc_find(uintptr_t addr);
void memory_reset(void);

/* Which choices t's pending op has; which choice it then makes. */
uint64_t op_candidates(struct thread *t);
bool op_enabled(struct thread *t);
void op_do(struct thread *t, int choice);

static inline bool is_read(const struct op *op)
{
	return op->kind == OP_LOAD || op->kind == OP_RMW || op->kind == OP_CAS ||
	       op->kind == OP_FUTEX_WAIT || op->kind == OP_AWAIT;
}

static inline bool is_write(const struct op *op)
{
	return op->kind == OP_STORE || op->kind == OP_RMW || op->kind == OP_CAS;
}

/* Of the kinds that take part in the order of all fences. */
static inline bool is_fence(const struct op *op)
{
	return (op->kind == OP_FENCE && op->order == __ATOMIC_SEQ_CST) || op->kind == OP_FENCE_OF ||
	       (op->kind >= OP_FUTEX_WAIT && op->kind <= OP_FUTEX_WAKE);
}

static inline bool is_sc_access(const struct op *op)
{
	return op->kind >= OP_LOAD && op->kind <= OP_CAS && op->order == __ATOMIC_SEQ_CST;
}

static inline bool is_lock(const struct op *op)
{
	return op->kind >= OP_LOCK && op->kind <= OP_UNLOCK;
}

/* --- races.c --- */

void plain_access(const void *addr, size_t size, bool is_write);
void atomic_access(const void *addr, size_t size);
void races_init(void);

/* One step of the kinds that aren't C's own. */
void step(enum op_kind kind, void *addr, uint64_t operand, struct op *op, const void *site);

void step_op(struct op *op);

/* --- run.c --- */

/* Explores m in a child process. The result is valid until the next call. */
const struct result *run_model(const struct model *m, struct mutation mutation, bool naive);

/* Of a model that is a `whole`. */
void run_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- mutants.c --- */

/* m has passed, with that result. */
void mutants_note(const struct model *m, const struct result *r);
bool mutants_run(bool verbose);

/* --- names.c --- */

/* The function that pc lies in; "?" if it is none of ours. */
const char *function_at(const void *pc);
const char *kind_name(uint8_t kind);
const char *order_name(uint8_t order);
void describe(char *buf, size_t size, const struct op *op, int thread);

#endif
