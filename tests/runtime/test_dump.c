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
#include "runtime/label.h"
#include "runtime/mutex.h"
#include "runtime/proc.h"
#include "runtime/sched.h"
#include "runtime/signal.h"
#include "runtime/snapshot.h"
#include "tests/harness.h"

/* Or the frame is gone before the callee is. */
#define NO_TAIL_CALL __asm__ volatile("")

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
	NO_TAIL_CALL;
}

#define NEXT_LINE (__LINE__ + 1)

TEST_GO(the_dump_shows_state_reason_functions_lines_and_creator)
{
	struct place p = { .chan = chan_make(done_chan, 0) };
	char created[200];
	snprintf(created, sizeof(created),
		 "created by %s in goroutine 1, to run receive_for_ever\n"
		 "\ttests/runtime/test_dump.c:%d\n\n",
		 __func__, NEXT_LINE);
	go(receive_for_ever, &p);
	wait_for_dump_with("[chan receive]:\n");
	CHECK(strstr(text, "goroutine 1 [running]:\n") == text);
	CHECK(strstr(text, created) != NULL);
	CHECK(strstr(text, "chan__recv(...)\n\truntime/chan.c:") != NULL);
	CHECK(strstr(text, "receive_for_ever(...)\n\ttests/runtime/test_dump.c:") != NULL);
	CHECK(strstr(text, "g_main") == NULL);
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

/* As the header shows one that has waited for so long. */
static void check_header(int64_t waited_ns, const char *expected)
{
	static const struct snapshot parked = {
		.id = 7, .state = G_PARKED, .reason = WAIT_CHAN_RECV, .since_ns = 5
	};
	struct writer w = { .fd = -1 };
	snapshot_write(&w, &parked, 5 + waited_ns);
	w.buf[w.len] = '\0';
	CHECK(strncmp(w.buf, expected, strlen(expected)) == 0);
}

TEST(dump_shows_full_minutes_waited)
{
	check_header(0, "goroutine 7 [chan receive]:\n");
	check_header(60 * SECOND - 1, "goroutine 7 [chan receive]:\n");
	check_header(60 * SECOND, "goroutine 7 [chan receive, 1 minutes]:\n");
	check_header(5 * 60 * SECOND + 1, "goroutine 7 [chan receive, 5 minutes]:\n");
	check_header(100 * 60 * 60 * SECOND, "goroutine 7 [chan receive, 6000 minutes]:\n");
}

TEST_GO(dump_shows_labels_of_goroutines_and_of_those_that_they_start)
{
	struct place p = { .chan = chan_make(done_chan, 0) };
	CHECK_OK(label_set("batch", "12"));
	CHECK_OK(label_set("quoted", "a\"b\\\n"));
	go(receive_for_ever, &p);
	wait_for_dump_with("[chan receive labels:{\"batch\":\"12\", "
			   "\"quoted\":\"a\\\"b\\\\\\x0a\"}]:\n");
	CHECK(strstr(text, "goroutine 1 [running labels:{\"batch\":\"12\"") != NULL);
	CHECK_OK(label_set("batch", NULL));
	CHECK_OK(label_set("quoted", NULL));
	CHECK(strstr(dump(), "goroutine 1 [running]:\n") != NULL);
	chan_close(p.chan);
	while (goroutine_count() > 1)
		goroutine_yield();
	chan_unref(p.chan);
}

/* --- counts --- */

static const char *counts(void)
{
	int fd = open(test_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	CHECK_LE(0, fd);
	CHECK_OK(goroutine_dump_counts(fd));
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	CHECK_LT(0, n);
	text[n] = '\0';
	close(fd);
	return text;
}

static void wait_until_all_receive(void)
{
	while (strstr(counts(), "# runnable") != NULL || strstr(text, "running, to run receive"))
		goroutine_yield();
}

static void receive_elsewhere(struct place *p)
{
	chan_recv(p->chan, NULL);
	__asm__ volatile("nop"); /* not the same code */
}

TEST_GO(dump_counts_goroutines_with_the_same_stack_most_first)
{
	struct place p = { .chan = chan_make(done_chan, 0) };
	for (int i = 0; i < 2; i++)
		go(receive_elsewhere, &p);
	for (int i = 0; i < 5; i++)
		go(receive_for_ever, &p);
	wait_until_all_receive();
	CHECK(strncmp(strchr(text, '\n'), "\n5 @ 0x", 7) == 0);
	CHECK(strstr(text, "\n2 @ 0x") != NULL);
	CHECK(strstr(text, "goroutine profile: total 8\n") == text);
	CHECK(strstr(text, "\n1 @ 0x") > strstr(text, "\n2 @ 0x"));
	CHECK(strstr(text, "# chan receive, to run receive_for_ever, created by "
			   "dump_counts_goroutines_with_the_same_stack_most_first_body_ at "
			   "tests/runtime/test_dump.c:") != NULL);
	CHECK(strstr(text, "\treceive_elsewhere+0x") != NULL);
	CHECK(strstr(text, "\truntime/chan.c:") != NULL);
	chan_close(p.chan);
	while (goroutine_count() > 1)
		goroutine_yield();
	chan_unref(p.chan);
}

TEST_GO(dump_counts_goroutines_with_other_labels_apart)
{
	struct place p = { .chan = chan_make(done_chan, 0) };
	for (int i = 0; i < 6; i++) {
		CHECK_OK(label_set("parity", i % 2 == 0 ? "even" : "odd"));
		go(receive_for_ever, &p);
	}
	wait_until_all_receive();
	CHECK(strstr(strstr(text, "\n3 @ 0x") + 1, "\n3 @ 0x") != NULL);
	CHECK(strstr(text, "\n# labels: {\"parity\":\"even\"}\n# chan receive, to run") != NULL);
	CHECK(strstr(text, "\n# labels: {\"parity\":\"odd\"}\n# chan receive, to run") != NULL);
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
		CHECK(strstr(counts(), "goroutine profile: total ") == text);
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
	for (unsigned round = 0; strstr(text, "goroutine 1 [") == NULL; round++) {
		if (round % 4096 == 0) /* TSan may keep one back until the next */
			kill(getpid(), SIGQUIT);
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
		text[n < 0 ? 0 : n] = '\0';
		goroutine_yield();
	}
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

static volatile bool really =
	true; /* else the compilers see that nothing returns, and leave frames out */

static __attribute__((noinline)) void abort_in_libc(void)
{
	if (really)
		abort();
}

static __attribute__((noinline)) void calls_one_that_aborts(void)
{
	abort_in_libc();
	NO_TAIL_CALL;
}

TEST_GO_DIES(the_traceback_goes_through_libc,
	     "calls_one_that_aborts(...)\n\ttests/runtime/test_dump.c:")
{
	calls_one_that_aborts();
}
