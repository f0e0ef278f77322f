/* SPDX-License-Identifier: MIT
 *
 * Tests of signal.c.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/signal.h"
#include "tests/harness.h"

TEST_GO(a_signal_arrives_as_a_value)
{
	signal_chan c = chan_make(signal_chan, 1);
	signal_notify(c, SIGUSR1, SIGUSR2, 0);
	int got = 0;
	kill(getpid(), SIGUSR1);
	CHECK(chan_recv(c, &got));
	CHECK_EQ(got, SIGUSR1);
	kill(getpid(), SIGUSR2);
	CHECK(chan_recv(c, &got));
	CHECK_EQ(got, SIGUSR2);
	signal_stop(c);
	chan_unref(c);
}

TEST_GO(waiting_for_a_signal_is_no_deadlock)
{
	signal_chan c = chan_make(signal_chan, 1);
	signal_notify(c, SIGALRM, 0);
	int got = 0;
	ualarm(30000, 0);
	CHECK(chan_recv(c, &got));
	CHECK_EQ(got, SIGALRM);
	signal_stop(c);
	chan_unref(c);
}

TEST_GO(every_subscriber_gets_the_signal)
{
	signal_chan a = chan_make(signal_chan, 1), b = chan_make(signal_chan, 1);
	signal_notify(a, SIGHUP, 0);
	signal_notify(b, SIGHUP, 0);
	int got = 0;
	kill(getpid(), SIGHUP);
	CHECK(chan_recv(a, &got));
	CHECK(chan_recv(b, &got));
	signal_stop(a);
	kill(getpid(), SIGHUP);
	CHECK(chan_recv(b, &got));
	CHECK_EQ(chan_len(a), 0);
	signal_stop(b);
	chan_unref(a);
	chan_unref(b);
}

TEST_GO(a_full_channel_loses_signals_and_never_blocks)
{
	signal_chan full = chan_make(signal_chan, 1), fence = chan_make(signal_chan, 64);
	signal_notify(full, SIGUSR1, 0);
	signal_notify(fence, SIGUSR1, 0);
	for (int i = 0; i < 20; i++) {
		kill(getpid(), SIGUSR1);
		CHECK(chan_recv(fence, NULL));
	}
	CHECK_EQ(chan_len(full), 1);
	signal_stop(full);
	signal_stop(fence);
	chan_unref(full);
	chan_unref(fence);
}

static _Atomic int old_handler_ran;

static void old_handler(int signal_number)
{
	(void)signal_number;
	old_handler_ran = 1;
}

TEST_GO(stop_brings_the_former_action_back)
{
	signal(SIGUSR1, old_handler);
	signal_chan c = chan_make(signal_chan, 1);
	signal_notify(c, SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	CHECK(chan_recv(c, NULL));
	CHECK_EQ(old_handler_ran, 0);
	signal_stop(c);
	kill(getpid(), SIGUSR1);
	while (!old_handler_ran)
		goroutine_yield();
	CHECK_EQ(chan_len(c), 0);
	chan_unref(c);
}

static _Atomic bool stop_spinning;

static void spin(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop_spinning))
		goroutine_yield();
}

TEST_GO(signals_arrive_while_goroutines_keep_running)
{
	signal_chan c = chan_make(signal_chan, 1);
	signal_notify(c, SIGUSR1, 0);
	for (int i = 0; i < 4; i++)
		go(spin, NULL);
	kill(getpid(), SIGUSR1);
	CHECK(chan_recv(c, NULL));
	atomic_store(&stop_spinning, true);
	signal_stop(c);
	chan_unref(c);
}

/* All processors' goroutines compute and never enter the runtime. */
static _Atomic int hogs;

static void hog(void *arg)
{
	(void)arg;
	atomic_fetch_add(&hogs, 1);
	while (!atomic_load(&stop_spinning))
		;
}

TEST_GO(signals_arrive_while_all_processors_are_hogged)
{
	signal_chan c = chan_make(signal_chan, 1);
	signal_notify(c, SIGUSR1, 0);
	for (int i = 1; i < runtime_procs(); i++)
		go(hog, NULL);
	while (hogs < runtime_procs() - 1)
		goroutine_yield();
	kill(getpid(), SIGUSR1);
	while (chan_len(c) == 0)
		;
	atomic_store(&stop_spinning, true);
	signal_stop(c);
	chan_unref(c);
}

TEST_GO(a_channel_may_ask_again_and_gets_each_signal_once)
{
	signal_chan c = chan_make(signal_chan, 8), fence = chan_make(signal_chan, 1);
	int got;
	signal_notify(c, SIGUSR1, 0);
	signal_notify(c, SIGUSR2, SIGUSR1, 0);
	signal_notify(fence, SIGUSR1, SIGUSR2, 0); /* last in the line: then c has what it gets */
	kill(getpid(), SIGUSR1);
	CHECK(chan_recv(fence, NULL));
	CHECK_EQ(chan_len(c), 1);
	CHECK(chan_recv(c, &got));
	CHECK_EQ(got, SIGUSR1);
	kill(getpid(), SIGUSR2);
	CHECK(chan_recv(c, &got));
	CHECK_EQ(got, SIGUSR2);
	signal_stop(c);
	signal_stop(fence);
	chan_unref(c);
	chan_unref(fence);
}

TEST_GO(each_channel_gets_the_signals_that_it_asked_for)
{
	signal_chan usr1 = chan_make(signal_chan, 4), both = chan_make(signal_chan, 4);
	int got;
	signal_notify(usr1, SIGUSR1, 0);
	signal_notify(both, SIGUSR1, SIGUSR2, 0);
	kill(getpid(), SIGUSR2);
	CHECK(chan_recv(both, &got));
	CHECK_EQ(got, SIGUSR2);
	kill(getpid(), SIGUSR1);
	CHECK(chan_recv(both, &got));
	CHECK_EQ(got, SIGUSR1);
	CHECK_EQ(chan_len(usr1), 1);
	signal_stop(usr1);
	signal_stop(both);
	chan_unref(usr1);
	chan_unref(both);
}

TEST_GO(no_signal_named_means_all)
{
	/* An emulator (TEST_LAUNCHER) keeps the last one for itself. */
	int last = getenv("TEST_LAUNCHER") == NULL ? SIGRTMAX : SIGRTMIN + 5;
	int signals[] = { SIGHUP, SIGTERM, SIGWINCH, SIGQUIT, SIGRTMIN, last };
	signal_chan c = chan_make(signal_chan, 1);
	int got;
	signal_notify(c, 0);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		kill(getpid(), signals[i]);
		CHECK(chan_recv(c, &got));
		CHECK_EQ(got, signals[i]);
	}
	signal_stop(c);
	chan_unref(c);
}

/* Ends by the signal, or fails by ending well. */
static void expect_to_die_of(int signal_number)
{
	(void)!write(STDERR_FILENO, "still alive\n", 12);
	kill(getpid(), signal_number);
	goroutine_sleep(10 * SECOND);
}

TEST_GO_DIES(sigint_kills_again_after_stop, "still alive")
{
	signal(SIGINT, SIG_DFL); /* a shell's background jobs ignore it */
	signal_chan c = chan_make(signal_chan, 1);
	signal_notify(c, SIGINT, 0);
	kill(getpid(), SIGINT);
	CHECK(chan_recv(c, NULL));
	signal_stop(c);
	chan_unref(c);
	expect_to_die_of(SIGINT);
}

TEST_GO_DIES(sigterm_kills_again_after_reset, "still alive")
{
	signal(SIGTERM, SIG_DFL);
	signal_chan c = chan_make(signal_chan, 1);
	signal_ignore(SIGTERM, 0);
	kill(getpid(), SIGTERM);
	signal_notify(c, SIGTERM, 0);
	signal_reset(SIGTERM, 0);
	chan_unref(c);
	expect_to_die_of(SIGTERM);
}

TEST_GO(reset_takes_one_signal_and_leaves_the_others)
{
	signal(SIGUSR1, old_handler);
	signal_chan c = chan_make(signal_chan, 1);
	int got;
	signal_notify(c, SIGUSR1, SIGUSR2, 0);
	signal_reset(SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	while (!old_handler_ran)
		goroutine_yield();
	kill(getpid(), SIGUSR2);
	CHECK(chan_recv(c, &got));
	CHECK_EQ(got, SIGUSR2);
	signal_reset(0); /* the channel is forgotten with its last signal */
	signal_stop(c);
	chan_unref(c);
}

TEST_GO_DIES(waiting_for_a_signal_that_was_reset_is_a_deadlock,
	     "all goroutines are asleep - deadlock!")
{
	signal_chan c = chan_make(signal_chan, 1);
	signal_notify(c, SIGUSR1, 0);
	signal_reset(SIGUSR1, 0);
	chan_recv(c, NULL);
}

TEST_GO(ignored_signals_have_no_effect_and_reach_no_channel)
{
	signal_chan c = chan_make(signal_chan, 4);
	int got;
	CHECK(!signal_ignored(SIGUSR1));
	signal_notify(c, SIGUSR1, SIGUSR2, 0);
	signal_ignore(SIGUSR1, 0);
	CHECK(signal_ignored(SIGUSR1));
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	CHECK(chan_recv(c, &got));
	CHECK_EQ(got, SIGUSR2);
	signal_notify(c, SIGUSR1, 0);
	CHECK(!signal_ignored(SIGUSR1));
	kill(getpid(), SIGUSR1);
	CHECK(chan_recv(c, &got));
	CHECK_EQ(got, SIGUSR1);
	signal_stop(c);
	chan_unref(c);
}

TEST_GO(a_signal_ignored_from_the_start_is_ignored_again_after_stop)
{
	signal(SIGHUP, SIG_IGN);
	signal_chan c = chan_make(signal_chan, 1);
	CHECK(signal_ignored(SIGHUP));
	signal_notify(c, SIGHUP, 0);
	CHECK(!signal_ignored(SIGHUP));
	kill(getpid(), SIGHUP);
	CHECK(chan_recv(c, NULL));
	signal_stop(c);
	CHECK(signal_ignored(SIGHUP));
	kill(getpid(), SIGHUP);
	chan_unref(c);
}

static bool is_pending(int signal_number)
{
	sigset_t pending;
	CHECK_EQ(sigpending(&pending), 0);
	return sigismember(&pending, signal_number);
}

/* Between the signal and the netpoller's turn. A handler that is held up may make it lose one; most must arrive. */
TEST_GO(what_came_before_stop_is_in_the_channel)
{
	enum {
		ROUNDS = 20
	};
	signal(SIGUSR1, old_handler);
	size_t arrived = 0;
	for (int i = 0; i < ROUNDS; i++) {
		signal_chan c = chan_make(signal_chan, 1);
		signal_notify(c, SIGUSR1, 0);
		kill(getpid(), SIGUSR1);
		while (is_pending(SIGUSR1))
			;
		clock_sleep_thread(100 * MICROSECOND);
		signal_stop(c);
		arrived += chan_len(c);
		chan_unref(c);
	}
	CHECK_LE(ROUNDS / 2, arrived);
}

TEST_GO(stop_of_a_channel_that_gets_none_does_nothing)
{
	signal_chan c = chan_make(signal_chan, 1);
	signal_stop(c);
	signal_notify(c, SIGUSR1, 0);
	signal_stop(c);
	signal_stop(c);
	chan_unref(c);
}

TEST_GO(sigkill_and_sigstop_may_be_named_and_never_come)
{
	signal_chan c = chan_make(signal_chan, 1);
	signal_notify(c, SIGKILL, SIGSTOP, 0);
	signal_ignore(SIGKILL, 0);
	signal_stop(c);
	signal_reset(0);
	chan_unref(c);
}

TEST_GO_DIES(a_faults_signal_cannot_be_taken, "signal 11 is the runtime's")
{
	signal_chan c = chan_make(signal_chan, 1);
	signal_notify(c, SIGSEGV, 0);
}

TEST_GO_DIES(a_nil_signal_channel_panics, "signal_notify: nil channel")
{
	signal_notify((signal_chan){ 0 }, SIGUSR1, 0);
}

TEST_GO_DIES(an_impossible_signal_number_panics, "no signal 99")
{
	signal_chan c = chan_make(signal_chan, 1);
	signal_notify(c, 99, 0);
}
