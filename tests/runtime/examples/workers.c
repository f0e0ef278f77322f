/* SPDX-License-Identifier: MIT
 *
 * workers: twenty jobs, a goroutine each, at most four at once. The first that fails stops those that haven't begun.
 */
#include <errno.h>
#include <stdio.h>

#include "runtime/errgroup.h"
#include "runtime/goroutine.h"

enum {
	JOBS = 20,
	AT_ONCE = 4,
	BROKEN = 13
};

struct job {
	struct context *ctx;
	int number;
	bool *done;
};

static int work(void *arg)
{
	struct job *job = arg;
	if (context_err(job->ctx))
		return context_err(job->ctx);
	goroutine_sleep(MILLISECOND);
	if (job->number == BROKEN)
		return -EIO;
	*job->done = true;
	return 0;
}

static int start(int argc, char **argv)
{
	(void)argc, (void)argv;
	bool done[JOBS] = { false };
	struct errgroup *g = errgroup_new(context_background());
	errgroup_set_limit(g, AT_ONCE);

	for (int i = 0; i < JOBS; i++) {
		struct job job = { .ctx = errgroup_context(g), .number = i, .done = &done[i] };
		errgroup_go_copy(g, work, &job, sizeof(job)); /* waits for one of the four places */
	}
	int err = errgroup_wait(g);

	printf("job 0: %s, job %d: %s, error %s\n", done[0] ? "done" : "not done", BROKEN,
	       done[BROKEN] ? "done" : "not done", err == -EIO ? "EIO" : "?");
	return err == -EIO ? 0 : 1;
}

int main(int argc, char **argv)
{
	return runtime_main(start, argc, argv);
}
