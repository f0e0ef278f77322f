/* SPDX-License-Identifier: MIT
 *
 * Tests of dump.c, traceback.c and crash.c: what is said about goroutines, and in which words the process dies.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/dump.h"
#include "runtime/goroutine.h"
#include "runtime/mutex.h"
#include "runtime/proc.h"
#include "runtime/sched.h"
#include "runtime/signal.h"
#include "tests/harness.h"

static char text[1 << 20];

/* The dump of now. */
static const char *dump(void)
{
	int fd = open(test_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	CHECK_LE(0, fd);
	goroutine_dump(fd);
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	CHECK_LT(0, n);
	text[n] = '\0';
	close(fd);
	return text;
}

/* Parked goroutines show up as such only when they have left their stacks: wait for the words. */
static void wait_for_dump_with(const char *words)
{
	while (strstr(dump(), words) == NULL)
		goroutine_yield();
}

struct place {
	done_chan chan;
};

static void receive_for_ever(struct place *p)
{
	chan_recv(p->chan, NULL);
}

TEST_GO(the_dump_shows_state_reason_function_and_creator)
{
	struct place p = { .chan = chan_make(done_chan, 0) };
	go(receive_for_ever, &p);
	wait_for_dump_with("[chan receive]:");
	CHECK(strstr(text, "goroutine 1 [running]:") != NULL);
	CHECK(strstr(text,
		     "\treceive_for_ever, created by "
		     "the_dump_shows_state_reason_function_and_creator_body_ in goroutine 1\n") !=
	      NULL);
	CHECK(strstr(text, " chan__recv+0x") != NULL); /* the stack of the one that waits */
	chan_close(p.chan);
	while (goroutine_count() > 1)
		goroutine_yield();
	CHECK(strstr(dump(), "receive_for_ever") == NULL);
	chan_unref(p.chan);
}

static void lock_mutex(struct mutex *m)
{
	mutex_lock(m);
	mutex_unlock(m);
}

TEST_GO(each_wait_reason_has_its_own_words)
{
	struct mutex m = { 0 };
	mutex_lock(&m);
	go(lock_mutex, &m);
	wait_for_dump_with("[sync.Mutex.Lock]:");
	mutex_unlock(&m);
	while (goroutine_count() > 1)
		goroutine_yield();
}

static void park_since(struct place *p)
{
	receive_for_ever(p);
}

TEST_GO(long_waits_are_shown_in_minutes)
{
	struct place p = { .chan = chan_make(done_chan, 0) };
	go(park_since, &p);
	wait_for_dump_with("[chan receive]:");
	for (uint32_t i = 0; i < stack_used(); i++) {
		struct g *g = stack_slot(i);
		if (gstate_get(&g->state) == G_PARKED)
			g->since_ns -= 5 * 60 * SECOND;
	}
	CHECK(strstr(dump(), "[chan receive, 5 minutes]:") != NULL);
	chan_close(p.chan);
	while (goroutine_count() > 1)
		goroutine_yield();
	chan_unref(p.chan);
}

static void churn(_Atomic bool *stop)
{
	while (!atomic_load(stop))
		goroutine_yield();
}

static void live_shortly(void *arg)
{
	(void)arg;
	goroutine_yield();
}

TEST_GO(dumps_may_run_while_goroutines_come_and_go)
{
	_Atomic bool stop = false;
	for (int i = 0; i < 10; i++)
		go(churn, &stop);
	for (int i = 0; i < 50; i++) {
		for (int j = 0; j < 20; j++)
			go(live_shortly, NULL);
		CHECK(strstr(dump(), "goroutine 1 [running]:") != NULL);
		goroutine_yield();
	}
	atomic_store(&stop, true);
	while (goroutine_count() > 1)
		goroutine_yield();
}

TEST_GO(sigquit_dumps_and_the_process_goes_on)
{
	int saved = dup(STDERR_FILENO);
	int fd = open(test_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	CHECK_EQ(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	kill(getpid(), SIGQUIT);
	do {
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
		text[n < 0 ? 0 : n] = '\0';
		goroutine_yield();
	} while (strstr(text, "goroutine 1 [") == NULL);
	CHECK_EQ(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	close(fd);
}

TEST_GO_DIES(a_panic_shows_the_goroutine_that_panicked, "goroutine 1 [running]:")
{
	panic("out of luck");
}

static void panic_here(struct place *p)
{
	(void)p;
	panic("out of luck");
}

TEST_GO_DIES(a_panic_shows_the_others_too, "[chan receive]:")
{
	struct place p = { .chan = chan_make(done_chan, 0) };
	go(panic_here, &p);
	chan_recv(p.chan, NULL);
}

TEST_GO_DIES(a_fault_is_reported_with_its_address, "fatal error: signal SIGSEGV at address 0x10")
{
	volatile uintptr_t address = 0x10; /* the compiler need not know */
	*(volatile int *)address = 1;
}

TEST_GO_DIES(a_fault_shows_the_goroutine, "goroutine 1 [running]:")
{
	raise(SIGFPE);
}

TEST_GO_DIES(abort_shows_the_goroutine, "fatal error: signal SIGABRT")
{
	abort();
}

/* Not static: so that the dynamic linker knows its name. */
void calls_one_that_aborts(void);

static volatile bool really =
	true; /* else the compilers see that nothing returns, and leave frames out */

static __attribute__((noinline)) void abort_in_libc(void)
{
	if (really)
		abort();
}

__attribute__((noinline)) void calls_one_that_aborts(void)
{
	abort_in_libc();
	__asm__ volatile(""); /* no tail call */
}

TEST_GO_DIES(the_traceback_goes_through_libc, " calls_one_that_aborts+0x")
{
	calls_one_that_aborts();
}
