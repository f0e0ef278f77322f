/* SPDX-License-Identifier: MIT
 *
 * startup: runtime_main, from the process's first thread to the main goroutine and back.
 *
 * The first thread runs no goroutines. It sleeps until main has returned, and takes the process's signals meanwhile. Then it waits a
 * moment for the others to come to rest, so that exit handlers (OpenSSL's, a sanitizer's) don't pull the floor from under them; a
 * goroutine that hogs its thread doesn't keep the process.
 */
#include <semaphore.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/cpus.h"
#include "runtime/crash.h"
#include "runtime/goroutine.h"
#include "runtime/poll.h"
#include "runtime/sched.h"
#include "runtime/switch.h"

#define WAKE_LEN     16
#define SLICE_NS     (10 * MILLISECOND)
#define MS_MAX	     10000 /* as Go's */
#define STOP_WAIT_NS (100 * MILLISECOND)

struct sched sched;

struct main_args {
	int (*fn)(int argc, char **argv);
	int argc;
	char **argv;
	int status;
	sem_t done;
};

static void main_goroutine(void *arg)
{
	struct main_args *a = arg;
	a->status = a->fn(a->argc, a->argv);
	atomic_store(&sched.stopping, true);
	sem_post(&a->done);
}

/* 0 if it isn't set. */
static uint32_t env_number(const char *name, long most)
{
	const char *text = getenv(name);
	if (text == NULL || *text == '\0')
		return 0;
	char *end;
	long n = strtol(text, &end, 10);
	if (*end != '\0' || n < 1 || n > most)
		fatal("%s=%s: not a number from 1 to %ld", name, text, most);
	return (uint32_t)n;
}

static uint32_t choose_procs(void)
{
	uint32_t n = env_number("GOMAXPROCS", PROCS_MAX);
	return n > 0 ? n : cpus_usable();
}

static uint32_t choose_ms_max(void)
{
	uint32_t n = env_number("FETCHD_MAX_THREADS", INT32_MAX);
	return n > 0 ? n : MS_MAX;
}

static void init_sched(void)
{
	procs_init(choose_procs());
	atomic_store(&sched.poller_until, INT64_MIN);
	atomic_store(&sched.next_id, 1);
	atomic_store(&sched.knobs.wake_len, WAKE_LEN);
	atomic_store(&sched.knobs.others_poll, true);
	atomic_store(&sched.knobs.slice_ns, SLICE_NS);
	sched.ms_max = choose_ms_max();
}

static void start_first_m(struct main_args *args)
{
	struct p *p = sched_take_idle_p();
	p_put(p, g_new(p, main_goroutine, args, 0, "main", NULL), true);
	struct m *m = m_new(p);
	m_launch(m);
}

int runtime_main(int (*fn)(int argc, char **argv), int argc, char **argv)
{
	static struct main_args args;
	if (args.fn != NULL)
		panic("runtime_main called twice");
	args = (struct main_args){ .fn = fn, .argc = argc, .argv = argv };
	switch_init();
	crash_init();
	barrier_init();
	sem_init(&args.done, 0, 0);
	stack_init();
	poll_init();
	init_sched();
	start_first_m(&args);
	sysmon_start();
	while (sem_wait(&args.done) !=
	       0) /* TSan lets signal handlers run in sem_wait, in a futex call not */
		;
	note_sleep_until(&sched.stopped, clock_now() + STOP_WAIT_NS);
	panic_wait();
	return args.status;
}
