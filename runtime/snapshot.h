/* SPDX-License-Identifier: MIT
 *
 * snapshot: one goroutine as it is at a moment, for dumps: what it waits for, since when, for whom, and its stack. Internal to runtime/.
 *
 * Stops nobody: what it reads may change under it. A goroutine that rests is read, and then looked at again: if it has run meanwhile, its stack is
 * read anew, and after some such attempts left out. Every read stays inside of the slot. Any thread, signal handlers too.
 */
#ifndef RUNTIME_SNAPSHOT_H
#define RUNTIME_SNAPSHOT_H

#include "runtime/label.h"
#include "runtime/traceback.h"

struct g;
struct go_site;

struct snapshot {
	uint64_t id, creator_id; /* creator 0 = none */
	uint32_t state, reason;	 /* enum g_state, enum wait_reason (while parked) */
	int64_t since_ns;	 /* parked since */
	const char *name;
	const struct go_site *site; /* NULL = none */
	const struct label_set *labels;
	struct trace trace; /* empty: it runs, on a stack that nobody else can read */
};

/* Calls fn on each goroutine but one (may be NULL), by age of their slots; label__read_begin and _end stand around. */
void snapshot_each(const struct g *except, void (*fn)(const struct snapshot *s, void *arg),
		   void *arg);

/* g, which is the caller's own or stands at the given point. */
void snapshot_take_at(struct g *g, struct stack_point at, struct snapshot *ret_snapshot);

/* "running", "runnable", or what it waits for. */
const char *snapshot_state(const struct snapshot *s);

/* Goroutine, stack, creator: what Go prints of one. */
void snapshot_write(struct writer *w, const struct snapshot *s, int64_t now_ns);

#endif
