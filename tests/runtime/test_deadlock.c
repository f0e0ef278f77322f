/* SPDX-License-Identifier: MIT
 *
 * Tests of the deadlock report (idle.c, signal.c): it comes when nobody can be woken any more, and only then. What a single primitive's
 * goroutine waits for is also tested with that primitive.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/blocking.h"
#include "runtime/clock.h"
#include "runtime/cond.h"
#include "runtime/mutex.h"
#include "runtime/sanitizer.h"
#include "runtime/sched.h"
#include "runtime/select.h"
#include "runtime/sema.h"
#include "runtime/signal.h"
#include "tests/runtime/loopback.h"

#define REPORT(state) \
	"fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [" state "]:\n"

TEST_GO_DIES(deadlock_receive_from_a_nil_channel, REPORT("chan receive (nil chan)"))
{
	chan_recv((done_chan){ 0 }, NULL);
}

TEST_GO_DIES(deadlock_send_that_nobody_receives, REPORT("chan send"))
{
	chan_send(chan_make(signal_chan, 0), 1);
}

TEST_GO_DIES(deadlock_select_without_cases, REPORT("select (no cases)"))
{
	select_wait_n(NULL, 0);
}

TEST_GO_DIES(deadlock_mutex_locked_twice, REPORT("sync.Mutex.Lock"))
{
	struct mutex m = { 0 };
	mutex_lock(&m);
	mutex_lock(&m);
}

TEST_GO_DIES(deadlock_waitgroup_never_done, REPORT("sync.WaitGroup.Wait"))
{
	struct waitgroup w = { 0 };
	waitgroup_add(&w, 1);
	waitgroup_wait(&w);
}

TEST_GO_DIES(deadlock_cond_that_nobody_signals, REPORT("sync.Cond.Wait"))
{
	struct mutex m = { 0 };
	struct cond c = { 0 };
	mutex_lock(&m);
	cond_wait(&c, &m);
}

static void wait_for_others(struct waitgroup *w)
{
	waitgroup_wait(w);
}

TEST_GO_DIES(deadlock_shows_each_goroutine, " [sync.WaitGroup.Wait]:\n")
{
	struct waitgroup w = { 0 };
	waitgroup_add(&w, 1);
	go(wait_for_others, &w);
	chan_recv((done_chan){ 0 }, NULL);
}

TEST_GO_DIES(deadlock_shows_lines,
	     "deadlock_shows_lines_body_(...)\n\ttests/runtime/test_deadlock.c:")
{
	chan_recv((done_chan){ 0 }, NULL);
	__asm__ volatile(""); /* no tail call */
}

TEST_GO_DIES(deadlock_after_a_timer_has_fired, REPORT("chan receive (nil chan)"))
{
	goroutine_sleep(MILLISECOND);
	chan_recv((done_chan){ 0 }, NULL);
}

static void nothing(void *arg)
{
	(void)arg;
}

TEST_GO_DIES(deadlock_after_a_blocking_call_has_ended, REPORT("chan receive (nil chan)"))
{
	blocking_call(nothing, NULL);
	chan_recv((done_chan){ 0 }, NULL);
}

TEST_GO_DIES(deadlock_beside_an_idle_listener_and_an_idle_connection,
	     REPORT("chan receive (nil chan)"))
{
	struct pair p = connected_pair();
	(void)p;
	listen_on_loopback();
	chan_recv((done_chan){ 0 }, NULL);
}

TEST_GO_DIES(deadlock_beside_a_signal_channel_that_nobody_receives_from,
	     REPORT("chan receive (nil chan)"))
{
	signal_notify(chan_make(signal_chan, 1), SIGUSR1, 0);
	chan_recv((done_chan){ 0 }, NULL);
}

/* --- no deadlock: somebody may still come --- */

/* From outside, uncounted: when the poller is about to sleep with nothing but its descriptors to wait for. */
static void *signal_when_all_sleep(void *arg)
{
	while (atomic_load(&sched.poller_until) != NEVER || atomic_load(&sched.running) != 0)
		sched_yield();
	kill(getpid(), SIGUSR1);
	return arg;
}

static pthread_t signal_later(void)
{
	pthread_t t;
	CHECK_EQ(pthread_create(&t, NULL, signal_when_all_sleep, NULL), 0);
	return t;
}

TEST_GO(no_deadlock_while_somebody_receives_from_a_signal_channel)
{
	signal_chan c = chan_make(signal_chan, 1);
	int got = 0;
	signal_notify(c, SIGUSR1, 0);
	pthread_t t = signal_later();
	CHECK(chan_recv(c, &got));
	CHECK_EQ(got, SIGUSR1);
	pthread_join(t, NULL);
	signal_stop(c);
	chan_unref(c);
}

TEST_GO(no_deadlock_while_somebody_selects_on_a_signal_channel)
{
	signal_chan c = chan_make(signal_chan, 1);
	int got = 0;
	signal_notify(c, SIGUSR1, 0);
	pthread_t t = signal_later();
	struct select_case cases[] = { on_recv((done_chan){ 0 }, NULL), on_recv(c, &got) };
	CHECK_EQ(select_wait(cases), 1);
	CHECK_EQ(got, SIGUSR1);
	pthread_join(t, NULL);
	signal_stop(c);
	chan_unref(c);
}

struct waker {
	signal_chan signals;
	done_chan done;
};

static void wake_on_signal(struct waker *w)
{
	chan_recv(w->signals, NULL);
	chan_close(w->done);
}

TEST_GO(no_deadlock_while_one_who_waits_for_a_signal_may_wake_another)
{
#ifdef HAVE_TSAN
	test_skip("TSan now and then runs no handler for a signal that came");
#endif
	struct waker w = { .signals = chan_make(signal_chan, 1), .done = chan_make(done_chan, 0) };
	signal_notify(w.signals, SIGUSR1, 0);
	pthread_t t = signal_later();
	go(wake_on_signal, &w);
	chan_recv(w.done, NULL);
	pthread_join(t, NULL);
	signal_stop(w.signals);
	chan_unref(w.signals);
	chan_unref(w.done);
}

TEST_GO(no_deadlock_while_one_sleeps)
{
	goroutine_sleep(5 * MILLISECOND);
}

static int written_to; /* by a thread outside */

static void *write_when_all_sleep(void *arg)
{
	while (atomic_load(&sched.poller_until) != NEVER || atomic_load(&sched.running) != 0)
		sched_yield();
	CHECK_EQ(write(written_to, "x", 1), 1);
	return arg;
}

TEST_GO(no_deadlock_while_one_reads_from_a_connection)
{
	struct pair p = connected_pair();
	char byte;
	pthread_t t;
	written_to = conn_fd(p.client);
	CHECK_EQ(pthread_create(&t, NULL, write_when_all_sleep, NULL), 0);
	CHECK_EQ(conn_read(p.server, &byte, 1), 1);
	pthread_join(t, NULL);
	conn_close(p.client);
	conn_close(p.server);
}

static struct sockaddr_in dialled;

static void *dial_when_all_sleep(void *arg)
{
	while (atomic_load(&sched.poller_until) != NEVER || atomic_load(&sched.running) != 0)
		sched_yield();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(connect(fd, (const struct sockaddr *)&dialled, sizeof(dialled)), 0);
	close(fd);
	return arg;
}

TEST_GO(no_deadlock_while_one_accepts)
{
	struct listener *l = listen_on_loopback();
	struct conn *c;
	socklen_t len;
	pthread_t t;
	memcpy(&dialled, listener_addr(l, &len), sizeof(dialled));
	CHECK_EQ(pthread_create(&t, NULL, dial_when_all_sleep, NULL), 0);
	CHECK_OK(listener_accept(l, &c));
	pthread_join(t, NULL);
	conn_close(c);
	listener_close(l);
}

static void wait_until_all_sleep(void *arg)
{
	(void)arg;
	while (atomic_load(&sched.poller_until) != NEVER || atomic_load(&sched.running) != 0)
		sched_yield();
}

TEST_GO(no_deadlock_while_a_blocking_call_is_under_way)
{
	blocking_call(wait_until_all_sleep, NULL);
}
