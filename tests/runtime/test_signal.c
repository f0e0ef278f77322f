/* SPDX-License-Identifier: MIT
 *
 * Tests of signal.c.
 */
#include <signal.h>
#include <stdatomic.h>
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

TEST_GO_DIES(an_impossible_signal_number_panics, "no signal 99")
{
	signal_chan c = chan_make(signal_chan, 1);
	signal_notify(c, 99, 0);
}
