/* SPDX-License-Identifier: MIT
 *
 * errgroup: a waitgroup, a semaphore with as many places as the limit allows, and the context that the first error cancels.
 *
 * A goroutine gives its place back before it is done: the group lives until the last is done, and waitgroup_done doesn't touch
 * it any more once errgroup_wait may free it.
 */
#include "runtime/errgroup.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/goroutine.h"
#include "runtime/sanitizer.h"

/* Lies on the new goroutine's stack. */
struct task {
	struct errgroup *group;
	int (*fn)(void *arg);
	void *arg;
	bool copied; /* the argument is args, not arg */
	_Alignas(16) char args[];
};

struct errgroup *errgroup_new(struct context *parent)
{
	struct errgroup *g = xcalloc(1, sizeof(*g));
	g->ctx = context_with_cancel(parent ? parent : context_background());
	g->allocated = true;
	return g;
}

struct context *errgroup_context(struct errgroup *g)
{
	return g->ctx ? g->ctx : context_background();
}

void errgroup_set_limit(struct errgroup *g, int n)
{
	int running = waitgroup_count(&g->running);
	if (running != 0)
		panic("errgroup: modify limit while %d goroutines in the group are still active",
		      running);
	g->limited = n >= 0;
	sema_init(&g->places, n < 0 ? 0 : n);
}

void errgroup_set_name(struct errgroup *g, const char *name)
{
	g->name = name;
}

static void run(void *arg)
{
	struct task *task = arg;
	struct errgroup *g = task->group;
	int none = 0, err = task->fn(task->copied ? task->args : task->arg);
	if (err && atomic_compare_exchange_strong(&g->err, &none, err) && g->ctx)
		context_cancel_cause(g->ctx, err);
	if (g->limited)
		sema_release(&g->places, 1);
	waitgroup_done(&g->running);
}

static void start(struct errgroup *g, struct task *task, size_t size)
{
	waitgroup_add(&g->running, 1);
	goroutine__start_copy(run, task, size, g->name ? g->name : "errgroup", GO_SITE_);
}

/* A place is taken before the task is built: tasks of those who wait for one would fill their stacks. */
void errgroup_go(struct errgroup *g, int (*fn)(void *arg), void *arg)
{
	if (g->limited)
		sema_acquire(&g->places, 1);
	CALL_BEGIN();
	start(g, &(struct task){ .group = g, .fn = fn, .arg = arg }, sizeof(struct task));
	CALL_END();
}

bool errgroup_try_go(struct errgroup *g, int (*fn)(void *arg), void *arg)
{
	if (g->limited && !sema_try_acquire(&g->places, 1))
		return false;
	CALL_BEGIN();
	start(g, &(struct task){ .group = g, .fn = fn, .arg = arg }, sizeof(struct task));
	CALL_END();
	return true;
}

void errgroup_go_copy(struct errgroup *g, int (*fn)(void *args), const void *args, size_t size)
{
	union {
		struct task task;
		char bytes[sizeof(struct task) + ERRGROUP_ARGS_MAX];
	} copy = { .task = { .group = g, .fn = fn, .copied = true } };
	if (size > ERRGROUP_ARGS_MAX)
		panic("errgroup: %zu bytes of arguments, at most %d are copied", size,
		      ERRGROUP_ARGS_MAX);
	if (g->limited)
		sema_acquire(&g->places, 1);
	if (size)
		memcpy(copy.task.args, args, size);
	CALL_BEGIN();
	start(g, &copy.task, sizeof(struct task) + size);
	CALL_END();
}

int errgroup_wait(struct errgroup *g)
{
	waitgroup_wait(&g->running);
	int err = atomic_load(&g->err);
	if (g->allocated) {
		context_cancel(g->ctx);
		context_unref(g->ctx);
		free(g);
	}
	return err;
}
