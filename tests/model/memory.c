/* SPDX-License-Identifier: MIT
 *
 * memory: what each operation may see and what it does, by the C11 memory model in its operational form: a location is the list of all stores
 * to it, in modification order; a thread has a view, the newest store to each location that it knows of; a store takes its thread's view (a
 * release) or that of the last release fence along, and an acquiring reader joins it to its own.
 *
 * A read may give any store that its thread's view doesn't put behind it. A store may be put into the modification order anywhere after
 * what its thread knows. A read-modify-write reads a store that no other has read, and goes right behind it. Sequential consistency is one more
 * view, which fences join with their thread's in both directions, which stores add themselves to and which loads may not go behind.
 * Happens-before (view.vc) is for the plain data: only what synchronises makes it, so a fence alone doesn't.
 */
#include <string.h>

#include "tests/model/engine.h"

/* --- orders --- */

static bool acquires(uint8_t order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_CONSUME ||
	       order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static bool releases(uint8_t order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

/* --- views --- */

static uint8_t seen(const struct view *v, int loc)
{
	return (uint32_t)loc < v->n ? v->seen[loc] : 0;
}

static void see(struct view *v, int loc, uint8_t store)
{
	for (; v->n <= (uint32_t)loc; v->n++)
		v->seen[v->n] = 0;
	v->seen[loc] = store;
}

static uint8_t later(int loc, uint8_t a, uint8_t b)
{
	const struct loc *l = &engine->locs[loc];
	return l->stores[a].at < l->stores[b].at ? b : a;
}

static void view_join_seen(struct view *to, const struct view *from)
{
	for (uint32_t i = 0; i < from->n; i++)
		if (from->seen[i] != 0)
			see(to, (int)i, later((int)i, seen(to, (int)i), from->seen[i]));
}

static void view_join(struct view *to, const struct view *from)
{
	for (int i = 0; i < THREADS_MAX; i++)
		if (to->vc[i] < from->vc[i])
			to->vc[i] = from->vc[i];
	view_join_seen(to, from);
}

static void view_copy(struct view *to, const struct view *from)
{
	memcpy(to, from, offsetof(struct view, seen) + from->n);
}

static struct view *view_new(const struct view *from)
{
	if (engine->views_n == VIEWS_MAX)
		fail("too many stores");
	struct view *v = &engine->views[engine->views_n++];
	view_copy(v, from);
	return v;
}

static void view_clear(struct view *v)
{
	memset(v, 0, offsetof(struct view, seen));
}

/* The causal order that the exploration goes by. */
static void dc_join(uint32_t *to, const uint32_t *from)
{
	for (int i = 0; i < THREADS_MAX; i++)
		if (to[i] < from[i])
			to[i] = from[i];
}

/* --- locations --- */

static uint64_t value_at(const void *addr, size_t size)
{
	uint64_t value = 0;
	memcpy(&value, addr, size);
	return value;
}

struct loc *loc_find(uintptr_t addr)
{
	for (uint32_t i = 0; i < engine->locs_n; i++)
		if (engine->locs[i].addr == addr)
			return &engine->locs[i];
	return NULL;
}

struct loc *loc_of(void *addr, size_t size)
{
	struct loc *l = loc_find((uintptr_t)addr);
	if (l != NULL) {
		if (l->size != size)
			fail("one atomic location, two sizes");
		return l;
	}
	if (engine->locs_n == LOCS_MAX)
		fail("too many locations");
	l = &engine->locs[engine->locs_n++];
	l->addr = (uintptr_t)addr;
	l->size = (uint8_t)size;
	l->n = 1;
	l->order[0] = 0;
	l->stores[0] = (struct store){ .value = value_at(addr, size) };
	memset(l->dc, 0, sizeof(l->dc));
	return l;
}

void memory_reset(void)
{
	engine->locs_n = engine->views_n = engine->futex_arrivals = 0;
	engine->run++;
	view_clear(&engine->sc);
	memset(engine->fences_dc, 0, sizeof(engine->fences_dc));
	memset(engine->accesses_dc, 0, sizeof(engine->accesses_dc));
	for (int i = 0; i < engine->threads_n; i++) {
		struct thread *t = &engine->threads[i];
		view_clear(&t->view);
		view_clear(&t->pending);
		view_clear(&t->released);
		t->view.vc[i] = 1;
		memset(t->dc, 0, sizeof(t->dc));
		memset(t->next_dc, 0, sizeof(t->next_dc));
		t->steps = t->repeats = 0;
		t->woken = t->timed_out = false;
		t->op = t->last = (struct op){ .loc = -1 };
	}
}

/* --- what may be read, and where a store may go --- */

static struct loc *loc_at(const struct op *op)
{
	return &engine->locs[op->loc];
}

static uint8_t floor_of(struct thread *t, int loc, uint8_t order)
{
	uint8_t store = seen(&t->view, loc);
	if (order == __ATOMIC_SEQ_CST)
		store = later(loc, store, seen(&engine->sc, loc));
	return engine->locs[loc].stores[store].at;
}

static bool may_read(struct thread *t, const struct op *op, uint8_t number)
{
	const struct store *s = &loc_at(op)->stores[number];
	bool floor = s->at >= floor_of(t, op->loc, op->order);
	switch (op->kind) {
	case OP_LOAD:
		if (t->last.kind == OP_AWAIT && t->last.loc == op->loc)
			return number == seen(&t->view, op->loc); /* the news that it waited for */
		return floor;
	case OP_AWAIT:
		return s->at > loc_at(op)->stores[seen(&t->view, op->loc)].at;
	case OP_FUTEX_WAIT: /* after the fence that it begins with */
		return floor && s->at >= floor_of(t, op->loc, __ATOMIC_SEQ_CST);
	case OP_CAS:
		if (s->value != op->expected)
			return s->at >= floor_of(t, op->loc, op->fail_order);
		return floor && (op->torn || !s->followed);
	case OP_RMW:
		return floor && (op->torn || !s->followed);
	default: /* OP_STORE: right behind s */
		return floor && !s->followed;
	}
}

uint64_t op_candidates(struct thread *t)
{
	const struct op *op = &t->op;
	uint64_t set = 0;
	if (op->kind == OP_CHOOSE)
		return (UINT64_C(1) << op->operand) - 1;
	if (!is_read(op) && op->kind != OP_STORE)
		return 1;
	for (uint8_t i = 0; i < loc_at(op)->n; i++)
		if (may_read(t, op, i))
			set |= UINT64_C(1) << i;
	return set;
}

bool op_enabled(struct thread *t)
{
	const struct op *op = &t->op;
	switch (op->kind) {
	case OP_LOCK:
		return *(uint32_t *)op->addr == 0;
	case OP_FUTEX_SLEEP:
		return t->woken || op->operand != 0; /* woken, or it has a time limit */
	case OP_AWAIT:
		return op_candidates(t) != 0;
	default:
		return true;
	}
}

/* --- doing it --- */

static void take_in(struct thread *t, const struct store *s, uint8_t order)
{
	if (s->view == NULL)
		return;
	view_join(acquires(order) ? &t->view : &t->pending, s->view);
}

static uint64_t read_store(struct thread *t, struct op *op, uint8_t number, uint8_t order)
{
	struct store *s = &loc_at(op)->stores[number];
	see(&t->view, op->loc, number);
	take_in(t, s, order);
	dc_join(t->dc, s->dc);
	return s->value;
}

/* Puts a store right behind the one with that number. */
static void write_store(struct thread *t, struct op *op, uint8_t behind, uint64_t value, bool rmw)
{
	struct loc *l = loc_at(op);
	if (l->n == STORES_MAX)
		fail("too many stores to one location");
	uint8_t number = l->n++, at = (uint8_t)(l->stores[behind].at + 1);
	for (uint8_t i = number; i > at; i--) {
		l->order[i] = l->order[i - 1];
		l->stores[l->order[i]].at = i;
	}
	l->order[at] = number;
	struct store *s = &l->stores[number];
	*s = (struct store){ .value = value, .at = at };
	memcpy(s->dc, t->dc, sizeof(s->dc));
	const struct store *before = &l->stores[behind];
	see(&t->view, op->loc, number);
	if (op->order == __ATOMIC_SEQ_CST)
		see(&engine->sc, op->loc, later(op->loc, seen(&engine->sc, op->loc), number));
	struct view *v = view_new(releases(op->order) ? &t->view : &t->released);
	see(v, op->loc, number);
	if (rmw && before->view != NULL) /* it continues the release sequence */
		view_join(v, before->view);
	s->view = v;
	l->stores[behind].followed |= rmw && !op->torn;
	t->view.vc[t - engine->threads]++;
	memcpy((void *)l->addr, &l->stores[l->order[l->n - 1]].value, l->size);
}

static uint64_t apply(const struct op *op, uint64_t old)
{
	uint64_t mask = op->size == 8 ? ~UINT64_C(0) : (UINT64_C(1) << op->size * 8) - 1;
	switch ((enum rmw)op->rmw) {
	case RMW_ADD:
		return (old + op->operand) & mask;
	case RMW_SUB:
		return (old - op->operand) & mask;
	case RMW_AND:
		return old & op->operand;
	case RMW_OR:
		return old | op->operand;
	case RMW_XOR:
		return old ^ op->operand;
	case RMW_EXCHANGE:
		return op->operand;
	}
	return 0;
}

static void do_rmw(struct thread *t, struct op *op, uint8_t number)
{
	struct loc *l = loc_at(op);
	bool wins = op->kind == OP_RMW || l->stores[number].value == op->expected;
	op->done = wins;
	op->result = read_store(t, op, number, wins ? op->order : op->fail_order);
	if (!wins || op->dropped)
		return;
	uint64_t value = op->kind == OP_RMW ? apply(op, op->result) : op->operand;
	write_store(t, op, op->torn ? l->order[l->n - 1] : number, value, true);
}

static void fence(struct thread *t, uint8_t order)
{
	if (acquires(order)) {
		view_join(&t->view, &t->pending);
		view_clear(&t->pending);
	}
	if (order == __ATOMIC_SEQ_CST) {
		view_join_seen(&t->view, &engine->sc);
		view_join_seen(&engine->sc, &t->view);
	}
	if (releases(order)) {
		view_copy(&t->released, &t->view);
		t->view.vc[t - engine->threads]++;
	}
}

/* The kernel's locks make of these full barriers. */
static void do_futex_wait(struct thread *t, struct op *op, uint8_t number)
{
	fence(t, __ATOMIC_SEQ_CST);
	op->done = read_store(t, op, number, __ATOMIC_RELAXED) == op->expected;
	t->woken = false;
	t->slept_at = op->done ? ++engine->futex_arrivals : 0;
}

static void do_futex_wake(struct thread *t, struct op *op)
{
	fence(t, __ATOMIC_SEQ_CST);
	for (uint64_t woken = 0; woken < op->operand; woken++) {
		struct thread *first = NULL;
		for (int i = 0; i < engine->threads_n; i++) {
			struct thread *u = &engine->threads[i];
			if (u->state == THREAD_READY && u->op.kind == OP_FUTEX_SLEEP && !u->woken &&
			    u->op.addr == op->addr &&
			    (first == NULL || u->slept_at < first->slept_at))
				first = u;
		}
		if (first == NULL)
			return;
		first->woken = true;
		dc_join(first->op.operand != 0 ? first->next_dc : first->dc, t->dc);
	}
}

/* The model's own locks: a word that nobody else looks at, and a view that goes from holder to holder. */
static void do_lock(struct thread *t, struct op *op)
{
	uint32_t *word = op->addr;
	struct store *s = &loc_at(op)->stores[0];
	if (op->kind == OP_UNLOCK) {
		if (*word == 0)
			fail("a lock is released that isn't held");
		*word = 0;
		s->view = view_new(&t->view);
		t->view.vc[t - engine->threads]++;
		return;
	}
	op->done = *word == 0;
	if (!op->done)
		return;
	*word = 1;
	if (s->view != NULL)
		view_join(&t->view, s->view);
}

/* --- the order that the exploration goes by: what depends on what was done before --- */

static void depend(struct thread *t, const struct op *op)
{
	dc_join(t->dc, t->next_dc);
	memset(t->next_dc, 0, sizeof(t->next_dc));
	if (is_fence(op)) {
		dc_join(t->dc, engine->fences_dc);
		dc_join(t->dc, engine->accesses_dc);
	} else if (is_sc_access(op)) {
		dc_join(t->dc, engine->fences_dc);
		dc_join(t->dc, loc_at(op)->dc);
	} else if (is_lock(op)) {
		dc_join(t->dc, loc_at(op)->dc);
	}
	if (op->kind == OP_FENCE_OF)
		dc_join(t->dc, engine->threads[op->target].dc);
}

static void be_depended_on(struct thread *t, const struct op *op)
{
	if (is_fence(op)) {
		dc_join(engine->fences_dc, t->dc);
	} else if (is_sc_access(op)) {
		dc_join(engine->accesses_dc, t->dc);
		dc_join(loc_at(op)->dc, t->dc);
	} else if (is_lock(op)) {
		dc_join(loc_at(op)->dc, t->dc);
	}
	if (op->kind == OP_FENCE_OF && &engine->threads[op->target] != t)
		dc_join(engine->threads[op->target].next_dc, t->dc);
}

void op_do(struct thread *t, int choice)
{
	struct op *op = &t->op;
	uint8_t number = (uint8_t)choice;
	depend(t, op);
	op->step = t->dc[t - engine->threads] = ++t->steps;
	switch ((enum op_kind)op->kind) {
	case OP_LOAD:
		op->result = read_store(t, op, number, op->order);
		break;
	case OP_STORE:
		op->result = op->operand;
		if (!op->dropped)
			write_store(t, op, number, op->operand, false);
		break;
	case OP_RMW:
	case OP_CAS:
		do_rmw(t, op, number);
		break;
	case OP_FENCE:
		if (!op->dropped)
			fence(t, op->order);
		break;
	case OP_FENCE_OF:
		if (!op->dropped)
			fence(&engine->threads[op->target], __ATOMIC_SEQ_CST);
		break;
	case OP_FUTEX_WAIT:
		do_futex_wait(t, op, number);
		break;
	case OP_FUTEX_SLEEP:
		t->timed_out = !t->woken;
		op->done = t->woken;
		t->woken = true; /* no longer one to wake */
		break;
	case OP_FUTEX_WAKE:
		if (!op->dropped)
			do_futex_wake(t, op);
		break;
	case OP_AWAIT:
		dc_join(t->dc, loc_at(op)->stores[number].dc);
		see(&t->view, op->loc, number);
		break;
	case OP_LOCK:
	case OP_TRY_LOCK:
	case OP_UNLOCK:
		do_lock(t, op);
		break;
	case OP_CHOOSE:
		op->result = number;
		break;
	case OP_NONE:
		break;
	}
	be_depended_on(t, op);
}
