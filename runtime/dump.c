/* SPDX-License-Identifier: MIT
 *
 * dump: a walk over all stack slots; no list of goroutines is kept. Takes no lock, stops nobody: what is printed for a goroutine that changes meanwhile
 * may be torn, but every read stays inside its slot. Runs in signal handlers, too.
 */
#include "runtime/dump.h"

#include <string.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/sched.h"
#include "runtime/switch.h"
#include "runtime/traceback.h"

#define MINUTE (60 * SECOND)

static const char *reason_text(uint32_t reason)
{
#define X(name, text) text,
	static const char *const texts[] = { WAIT_REASONS(X) };
#undef X
	return reason < ARRAY_LEN(texts) ? texts[reason] : "?";
}

NO_TSAN static void write_state(struct writer *w, const struct g *g, enum g_state state)
{
	writer_print(w, "goroutine %llu [", (unsigned long long)atomic_load(&g->id));
	if (state == G_PARKED) {
		int64_t waited =
			clock_now() - atomic_load_explicit(&g->since_ns, memory_order_relaxed);
		writer_print(w, "%s",
			     reason_text(atomic_load_explicit(&g->reason, memory_order_relaxed)));
		if (waited >= MINUTE)
			writer_print(w, ", %lld minutes", (long long)(waited / MINUTE));
	} else {
		writer_print(w, state == G_RUNNING ? "running" : "runnable");
	}
	writer_print(w, "]:\n");
}

NO_TSAN static void write_origin(struct writer *w, const struct g *g)
{
	writer_print(w, "\t%s", g->name);
	if (g->creator_id != 0)
		writer_print(w, ", created by %s in goroutine %llu", g->site->function,
			     (unsigned long long)g->creator_id);
	writer_print(w, "\n\n");
}

NO_TSAN static struct stack_point resting_point(const struct g *g)
{
	struct stack_point at = { .low = stack_low(g), .high = (const char *)g };
	const char *sp = g->sp;
	if (sp < at.low || sp >= at.high)
		return at;
	void *fp, *pc;
	switch_resume_point(sp, &fp, &pc);
	at.fp = fp;
	at.pc = pc;
	return at;
}

void dump__goroutine(struct writer *w, const struct g *g, const struct stack_point *at)
{
	enum g_state state = gstate_get(&g->state);
	write_state(w, g, state);
	if (at != NULL)
		traceback_write(w, *at);
	else if (state == G_PARKED || state == G_RUNNABLE)
		traceback_write(w, resting_point(g));
	write_origin(w, g);
}

void dump__others(struct writer *w, const struct g *except)
{
	for (uint32_t i = 0; i < stack_used(); i++) {
		if (stack_is_listed(i))
			continue;
		struct g *g = stack_slot(i);
		if (g != except && gstate_get(&g->state) != G_FREE)
			dump__goroutine(w, g, NULL);
	}
	writer_flush(w);
}

void goroutine_dump(int fd)
{
	struct writer w = { .fd = fd };
	dump__others(&w, NULL);
}
