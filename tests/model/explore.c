/* SPDX-License-Identifier: MIT
 *
 * explore: all executions of a model, depth first, by running it anew for each: a stack of nodes says which thread went at each step, and which of its
 * operation's choices (the store that it read, the place where its store went) it took.
 *
 * Reduction: source sets (Abdulla, Aronis, Jonsson, Sagonas: Optimal dynamic partial order reduction, POPL 2014) with sleep sets (Godefroid 1996). Here a read's choices already
 * contain what it would have given earlier, and a store's what it would have been later; so, of two operations on one location, only "a read,
 * then a store that could have come before it" must be tried the other way round. All that is sequentially consistent (fences with each other and
 * with accesses, accesses to one location), locks and membarrier's fences depend on each other both ways. A sleeping read sleeps with the choices
 * that it had: a store that comes later wakes it for that one alone.
 *
 * The threads are coroutines on stacks of their own (runtime/switch.h); a thread runs on after an operation until it is at its next.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/switch.h"
#include "tests/model/engine.h"

struct engine *engine;

/* --- failing --- */

static void write_trace(void)
{
	struct result *r = engine->result;
	size_t at = 0;
	for (uint32_t i = 0; i < engine->depth && at + 256 < sizeof(r->trace); i++) {
		describe(r->trace + at, 256, &engine->nodes[i].op, engine->nodes[i].thread);
		at += strlen(r->trace + at);
	}
}

void fail(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(engine->result->message, sizeof(engine->result->message), fmt, args);
	va_end(args);
	engine->result->failed = true;
	write_trace();
	_exit(0);
}

/* --- which operations depend on each other --- */

static bool same_place(const struct op *a, const struct op *b)
{
	return a->loc >= 0 && a->loc == b->loc;
}

/* Whether the order of a and b matters in itself; what a read may see apart. */
static bool ordered(const struct op *a, int a_thread, const struct op *b, int b_thread)
{
	if (a->kind == OP_FENCE_OF && a->target == b_thread)
		return true;
	if (b->kind == OP_FENCE_OF && b->target == a_thread)
		return true;
	if (is_fence(a))
		return is_fence(b) || is_sc_access(b);
	if (is_fence(b))
		return is_sc_access(a);
	if (is_lock(a) && is_lock(b))
		return a->addr == b->addr;
	return is_sc_access(a) && is_sc_access(b) && same_place(a, b);
}

/* Whether `next`, had it come before `done`, could have changed something. */
static bool must_try_before(const struct op *done, int done_thread, const struct op *next,
			    int next_thread)
{
	if (is_read(done) && is_write(next) && same_place(done, next))
		return true;
	if (done->kind == OP_UNLOCK && next->kind == OP_LOCK)
		return false; /* it could not */
	return ordered(done, done_thread, next, next_thread);
}

/* --- nodes --- */

static uint8_t bit(int thread)
{
	return (uint8_t)(1 << thread);
}

static bool depends(const uint32_t *dc, const struct node *on)
{
	return dc[on->thread] >= on->op.step;
}

/* The threads one of which must be tried at node i for `late` to come before what was done there: those of what came since without depending on
 * it, and of late's operation (dc: what that depends on), that depend on nothing else of these (Abdulla et al.: POPL 2014, source sets). */
static uint8_t initials(uint32_t i, int late, const uint32_t *dc)
{
	const struct node *nodes = engine->nodes;
	uint32_t kept[NODES_MAX], n = 0;
	uint8_t seen = 0, first = 0;
	for (uint32_t j = i + 1; j <= engine->depth; j++) {
		bool is_late = j == engine->depth;
		int thread = is_late ? late : nodes[j].thread;
		const uint32_t *its = is_late ? dc : nodes[j].dc;
		if (!is_late && depends(its, &nodes[i]))
			continue;
		bool free = !(seen & bit(thread));
		for (uint32_t k = 0; k < n && free; k++)
			free = !depends(its, &nodes[kept[k]]);
		first |= free ? bit(thread) : 0;
		seen |= bit(thread);
		if (!is_late)
			kept[n++] = j;
	}
	return first;
}

static void look_at_race(uint32_t i, int late, const struct op *op, const uint32_t *before,
			 const uint32_t *dc)
{
	struct node *node = &engine->nodes[i];
	if (node->thread == late || depends(before, node) ||
	    !must_try_before(&node->op, node->thread, op, late))
		return;
	uint8_t first = initials(i, late, dc);
	if ((first & node->backtrack) == 0)
		node->backtrack |=
			first & node->enabled ? first & -(first & node->enabled) : node->enabled;
}

/* The last step may have had to come before others. before: what its thread's steps until then depended on. */
static void look_at_step(int thread, const uint32_t *before)
{
	const struct node *node = &engine->nodes[engine->depth];
	for (uint32_t i = 0; i < engine->depth; i++)
		look_at_race(i, thread, &node->op, before, node->dc);
}

/* A lock that is held may never be had in this execution: so whoever wants it is looked at before he gets it. */
static void look_at_lockers(void)
{
	for (int t = 0; t < engine->threads_n; t++) {
		const struct thread *locker = &engine->threads[t];
		if (locker->state != THREAD_READY || locker->op.kind != OP_LOCK)
			continue;
		for (uint32_t i = 0; i < engine->depth; i++)
			look_at_race(i, t, &locker->op, locker->dc, locker->dc);
	}
}

static uint64_t todo(const struct node *node, int thread)
{
	return node->candidates[thread] & ~node->asleep[thread];
}

/* Takes up a thread's first choice that is left; false if there is none. */
static bool node_take(struct node *node, int thread)
{
	uint64_t left = todo(node, thread);
	node->thread = (uint8_t)thread;
	if (left != 0)
		node->choice = (uint8_t)__builtin_ctzll(left);
	return left != 0;
}

/* False: whatever follows has been seen in other executions. */
static bool node_new(void)
{
	if (engine->depth == NODES_MAX)
		fail("endless");
	if (!engine->naive)
		look_at_lockers();
	struct node *node = &engine->nodes[engine->depth];
	*node = (struct node){ 0 };
	memcpy(node->asleep, engine->asleep, sizeof(node->asleep));
	int first = -1;
	for (int i = 0; i < engine->threads_n; i++) {
		struct thread *t = &engine->threads[i];
		if (t->state != THREAD_READY || !op_enabled(t))
			continue;
		node->enabled |= bit(i);
		node->candidates[i] = op_candidates(t);
		if (first < 0 && todo(node, i) != 0)
			first = i;
	}
	if (first < 0)
		return false;
	node->backtrack = engine->naive ? node->enabled : bit(first);
	node_take(node, first);
	engine->nodes_n = engine->depth + 1;
	return true;
}

/* After an execution: makes the deepest node that has something left take it up. */
static bool next_execution(void)
{
	for (; engine->nodes_n > 0; engine->nodes_n--) {
		struct node *node = &engine->nodes[engine->nodes_n - 1];
		int t = node->thread;
		node->asleep[t] |= UINT64_C(1) << node->choice;
		if (node_take(node, t))
			return true;
		node->done |= bit(t);
		if (engine->naive)
			node->asleep[t] = 0;
		else if (!is_read(&node->op))
			node->asleep[t] = ~UINT64_C(0); /* also those that will be possible later */
		for (int u = 0; u < engine->threads_n; u++)
			if ((node->backtrack & ~node->done & bit(u)) && node_take(node, u))
				return true;
	}
	return false;
}

/* What sleeps on after node's step. */
static void carry_sleep(const struct node *node)
{
	for (int u = 0; u < engine->threads_n; u++) {
		const struct thread *t = &engine->threads[u];
		bool wakes = u == node->thread || engine->naive ||
			     ordered(&t->op, u, &node->op, node->thread);
		engine->asleep[u] = wakes ? 0 : node->asleep[u];
	}
}

/* --- the threads --- */

static void switch_to_main(void)
{
	void *mine;
	struct thread *self = engine->self;
	engine->self = NULL;
	switch_leave(self == NULL ? &mine : &self->sp, engine->main_sp);
}

static void describe_blocked(char *buf, size_t size)
{
	size_t at = 0;
	for (int i = 0; i < engine->threads_n && at + 200 < size; i++) {
		if (engine->threads[i].state != THREAD_READY)
			continue;
		describe(buf + at, 200, &engine->threads[i].op, i);
		at += strlen(buf + at);
	}
}

static void stop_or_end(void)
{
	char blocked[400] = "";
	for (int i = 0; i < engine->threads_n; i++) {
		struct thread *t = &engine->threads[i];
		if (t->state == THREAD_READY && op_enabled(t))
			engine->redundant = true;
	}
	describe_blocked(blocked, sizeof(blocked));
	if (!engine->redundant && blocked[0] != '\0' && !engine->model->may_sleep)
		fail("deadlock:\n%s", blocked);
	engine->over = true;
	switch_to_main();
}

/* Goes on with the thread whose turn it is. Returns when it is the caller's. */
static void schedule(void)
{
	struct thread *self = engine->self;
	if (engine->depth == engine->nodes_n && !node_new())
		stop_or_end();
	struct thread *next = &engine->threads[engine->nodes[engine->depth].thread];
	if (next == self)
		return;
	engine->self = next;
	switch_leave(&self->sp, next->sp);
}

static void act(struct thread *t)
{
	struct node *node = &engine->nodes[engine->depth];
	uint32_t before[THREADS_MAX];
	memcpy(before, t->dc, sizeof(before));
	op_do(t, node->choice);
	node->op = t->op;
	memcpy(node->dc, t->dc, sizeof(node->dc));
	if (!engine->naive && engine->depth + 1 == engine->nodes_n)
		look_at_step(node->thread, before);
	engine->depth++;
	engine->result->steps++;
	carry_sleep(node);
}

/* A spinning loop that looks at one location and does nothing else: two looks with all that they may see; what comes after sees the same. */
static bool is_spin(struct thread *t, const struct op *op)
{
	bool same = op->kind == OP_LOAD && t->last.kind == OP_LOAD && op->addr == t->last.addr &&
		    op->site == t->last.site;
	t->repeats = same ? t->repeats + 1 : 0;
	return t->repeats >= 2;
}

void visible(struct op *op)
{
	struct thread *t = engine->self;
	if (is_spin(t, op)) {
		*op = t->last;
		return;
	}
	t->op = *op;
	schedule();
	act(t);
	*op = t->last = t->op;
}

static void thread_main(void)
{
	struct thread *t = engine->self;
	int number = (int)(t - engine->threads);
	schedule(); /* its first operation comes when its turn does */
	act(t);
	engine->model->threads[number]();
	t->state = THREAD_DONE;
	schedule();
	__builtin_unreachable();
}

static void start_threads(void)
{
	for (int i = 0; i < engine->threads_n; i++) {
		struct thread *t = &engine->threads[i];
		t->sp = switch_prepare(t->stack + STACK_SIZE, thread_main);
		t->state = THREAD_READY;
	}
}

/* --- the program's data, as set-up has left them --- */

extern char __data_start[], _end[];
static char *saved;

static void save_data(void)
{
	size_t size = (size_t)(_end - __data_start);
	saved = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (saved == MAP_FAILED)
		fail("no memory");
	memcpy(saved, __data_start, size);
}

/* --- */

static void run_once(void)
{
	struct result *r = engine->result;
	memcpy(__data_start, saved, (size_t)(_end - __data_start));
	memory_reset();
	memset(engine->asleep, 0, sizeof(engine->asleep));
	engine->depth = 0;
	engine->over = engine->redundant = false;
	start_threads();
	if (engine->nodes_n == 0 && !node_new())
		fail("no threads");
	engine->self = &engine->threads[engine->nodes[0].thread];
	switch_leave(&engine->main_sp, engine->self->sp);
	engine->redundant ? r->pruned++ : r->executions++;
	r->deepest = engine->depth > r->deepest ? engine->depth : r->deepest;
	if (!engine->redundant && engine->model->check != NULL)
		engine->model->check();
}

static void make_stacks(void)
{
	for (int i = 0; i < THREADS_MAX && engine->model->threads[i] != NULL; i++) {
		engine->threads[i].stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
						MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (engine->threads[i].stack == MAP_FAILED)
			fail("no memory");
		engine->threads_n = i + 1;
	}
}

void explore(void)
{
	switch_init();
	switch_init_thread();
	make_stacks();
	races_init();
	if (engine->model->setup != NULL)
		engine->model->setup();
	save_data();
	do
		run_once();
	while (engine->result->executions + engine->result->pruned < engine->executions_max &&
	       next_execution());
	engine->result->complete = engine->nodes_n == 0;
}
