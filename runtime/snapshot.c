/* SPDX-License-Identifier: MIT
 *
 * snapshot: see snapshot.h. No list of goroutines is kept: all slots of the stack arena are walked.
 */
#include "runtime/snapshot.h"

#include "runtime/goroutine.h"
#include "runtime/sched.h"
#include "runtime/switch.h"

#define MINUTE	 (60 * SECOND)
#define ATTEMPTS 3

NO_TSAN static struct stack_point resting_point(const struct g *g, const char *sp)
{
	struct stack_point at = { .low = stack_low(g), .high = (const char *)g };
	if (sp < at.low || sp >= at.high)
		return at;
	void *fp, *pc;
	switch_resume_point(sp, &fp, &pc);
	at.fp = fp;
	at.pc = pc;
	return at;
}

static uint32_t state_of(struct g *g)
{
	return gstate_get(&g->state);
}

/* All but the stack. */
NO_TSAN static void read_words(struct g *g, struct snapshot *s)
{
	s->id = atomic_load_explicit(&g->id, memory_order_relaxed);
	s->creator_id = g->creator_id;
	s->reason = atomic_load_explicit(&g->reason, memory_order_relaxed);
	s->since_ns = atomic_load_explicit(&g->since_ns, memory_order_relaxed);
	s->name = g->name;
	s->site = g->site;
	s->labels = label__of(g);
	s->trace.len = 0;
}

/* True if it rests, and has not run while it was read. */
NO_TSAN static bool read_resting(struct g *g, struct snapshot *s)
{
	const char *sp = g->sp;
	if (s->state != G_PARKED && s->state != G_RUNNABLE)
		return false;
	trace_take(&s->trace, resting_point(g, sp));
	if (s->trace.len == 1) /* it has not begun */
		s->trace.pc[0] = (const void *)(uintptr_t)g->fn;
	atomic_thread_fence(memory_order_acquire);
	return g->sp == sp && state_of(g) == s->state &&
	       atomic_load_explicit(&g->id, memory_order_relaxed) == s->id &&
	       atomic_load_explicit(&g->since_ns, memory_order_relaxed) == s->since_ns;
}

/* False if there is no goroutine in the slot. */
static bool take(struct g *g, struct snapshot *ret_snapshot)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		ret_snapshot->state = state_of(g);
		if (ret_snapshot->state == G_FREE)
			return false;
		read_words(g, ret_snapshot);
		if (ret_snapshot->state != G_PARKED)
			ret_snapshot->reason = WAIT_NONE;
		if (read_resting(g, ret_snapshot))
			return true;
	}
	ret_snapshot->trace.len = 0;
	return true;
}

void snapshot_take_at(struct g *g, struct stack_point at, struct snapshot *ret_snapshot)
{
	ret_snapshot->state = state_of(g);
	read_words(g, ret_snapshot);
	ret_snapshot->reason = WAIT_NONE;
	trace_take(&ret_snapshot->trace, at);
}

void snapshot_each(const struct g *except, void (*fn)(const struct snapshot *s, void *arg),
		   void *arg)
{
	struct snapshot s;
	label__read_begin();
	for (uint32_t i = 0; i < stack_used(); i++) {
		if (stack_is_listed(i)) /* its g may be on a page that has been given back */
			continue;
		struct g *g = stack_slot(i);
		if (g != except && take(g, &s))
			fn(&s, arg);
	}
	label__read_end();
}

/* --- in words --- */

const char *snapshot_state(const struct snapshot *s)
{
#define X(name, text) text,
	static const char *const reasons[] = { WAIT_REASONS(X) };
#undef X
	if (s->state == G_RUNNING)
		return "running";
	if (s->state != G_PARKED)
		return "runnable";
	return s->reason < ARRAY_LEN(reasons) ? reasons[s->reason] : "?";
}

static void write_header(struct writer *w, const struct snapshot *s, int64_t now_ns)
{
	writer_print(w, "goroutine %llu [%s", (unsigned long long)s->id, snapshot_state(s));
	if (s->state == G_PARKED && now_ns - s->since_ns >= MINUTE)
		writer_print(w, ", %lld minutes", (long long)((now_ns - s->since_ns) / MINUTE));
	if (s->labels != NULL) {
		writer_print(w, " labels:");
		label__write(w, s->labels);
	}
	writer_print(w, "]:\n");
}

void snapshot_write(struct writer *w, const struct snapshot *s, int64_t now_ns)
{
	write_header(w, s, now_ns);
	if (s->trace.len > 0)
		trace_write(w, &s->trace);
	else
		writer_print(w, "\tgoroutine running on other thread; stack unavailable\n");
	if (s->site != NULL)
		writer_print(w, "created by %s in goroutine %llu, to run %s\n\t%s:%d\n",
			     s->site->function, (unsigned long long)s->creator_id, s->name,
			     s->site->file, s->site->line);
	writer_print(w, "\n");
}
