/* SPDX-License-Identifier: MIT
 *
 * dump: see dump.h; how a goroutine is looked at while it may run is in snapshot.c, how equal stacks are counted in tally.c.
 */
#include "runtime/dump.h"

#include <errno.h>

#include "runtime/clock.h"
#include "runtime/sched.h"
#include "runtime/snapshot.h"
#include "runtime/tally.h"

struct dump {
	struct writer *w;
	int64_t now_ns;
};

static void write_one(const struct snapshot *s, void *arg)
{
	struct dump *d = arg;
	snapshot_write(d->w, s, d->now_ns);
}

void dump__goroutine(struct writer *w, struct g *g, struct stack_point at)
{
	struct snapshot s;
	label__read_begin();
	snapshot_take_at(g, at, &s);
	snapshot_write(w, &s, clock_now());
	label__read_end();
}

void dump__others(struct writer *w, const struct g *except)
{
	struct dump d = { .w = w, .now_ns = clock_now() };
	snapshot_each(except, write_one, &d);
	writer_flush(w);
}

/* Of a goroutine; where a signal handler stands, there is none (only the first thread takes those that ask for a dump). */
static struct stack_point caller_point(const struct g *g, const void *fp)
{
	return (struct stack_point){ .fp = fp, .low = stack_low(g), .high = (const char *)g };
}

void goroutine_dump(int fd)
{
	struct writer w = { .fd = fd };
	struct g *g = g_self();
	if (g != NULL)
		dump__goroutine(&w, g, caller_point(g, __builtin_frame_address(0)));
	dump__others(&w, g);
}

static void count_one(const struct snapshot *s, void *arg)
{
	tally_add(arg, s);
}

/* Labels in the tally are those of others: nothing of it may be freed before it is written. */
int goroutine_dump_counts(int fd)
{
	struct writer w = { .fd = fd };
	struct tally *t = tally_new();
	struct g *g = g_self();
	if (t == NULL)
		return -ENOMEM;
	label__read_begin();
	if (g != NULL) {
		struct snapshot own;
		snapshot_take_at(g, caller_point(g, __builtin_frame_address(0)), &own);
		tally_add(t, &own);
	}
	snapshot_each(g, count_one, t);
	writer_print(&w, "goroutine profile: total %llu\n", (unsigned long long)tally_total(t));
	tally_write(t, &w);
	writer_flush(&w);
	label__read_end();
	tally_free(t);
	return 0;
}
