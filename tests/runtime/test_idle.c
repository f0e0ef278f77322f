/* SPDX-License-Identifier: MIT
 *
 * Tests of idle.c: wake-ups that must not be lost, deadlocks that must be told, and what an idle program costs.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/sanitizer.h"
#include "runtime/sched.h"
#include "tests/harness.h"
#include "tests/runtime/event.h"

struct outsider {
	struct event event;
	struct event answer;
	int rounds;
};

static void *ready_from_outside(void *arg)
{
	struct outsider *o = arg;
	for (int i = 0; i < o->rounds; i++) {
		event_set(&o->event);
		for (bool seen = false; !seen;) {
			lock_acquire(&o->answer.lock);
			seen = o->answer.happened;
			o->answer.happened = false;
			lock_release(&o->answer.lock);
			if (!seen)
				sched_yield();
		}
	}
	return NULL;
}

/* The processors fall idle each time, the wake-up races with that. */
static void wait_for_outsider(struct outsider *o)
{
	for (int i = 0; i < o->rounds; i++) {
		event_wait(&o->event);
		event_set(&o->answer);
	}
}

TEST_GO(wakeups_from_outside_are_not_lost_when_all_is_idle)
{
	struct outsider o = { .rounds = 20000 };
	pthread_t thread;
	sched_external_begin();
	CHECK_EQ(pthread_create(&thread, NULL, ready_from_outside, &o), 0);
	wait_for_outsider(&o);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	sched_external_end();
}

struct crowd_member {
	struct outsider *o;
	struct countdown *c;
};

static void join_crowd(struct crowd_member *m)
{
	wait_for_outsider(m->o);
	count_down(m->c);
}

TEST_GO(wakeups_from_many_outside_threads_are_not_lost)
{
	enum {
		THREADS = 4
	};
	struct outsider o[THREADS];
	pthread_t thread[THREADS];
	struct countdown c = { .left = THREADS };
	memset(o, 0, sizeof(o));
	sched_external_begin();
	for (int i = 0; i < THREADS; i++) {
		o[i].rounds = 3000;
		go_with(join_crowd, (struct crowd_member){ .o = &o[i], .c = &c });
		CHECK_EQ(pthread_create(&thread[i], NULL, ready_from_outside, &o[i]), 0);
	}
	event_wait(&c.done);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	sched_external_end();
}

static void *poll_aside(void *arg)
{
	atomic_bool *ended = arg;
	while (!atomic_load(ended))
		sched_poll_aside(clock_now());
	return NULL;
}

/* As sysmon does, only all the time. */
TEST_GO(wakeups_from_outside_are_not_lost_to_a_thread_that_polls_beside, .timeout_s = 60)
{
	struct outsider o = { .rounds = 5000 };
	atomic_bool ended = false;
	pthread_t thread, poller;
	sched_external_begin();
	CHECK_EQ(pthread_create(&poller, NULL, poll_aside, &ended), 0);
	CHECK_EQ(pthread_create(&thread, NULL, ready_from_outside, &o), 0);
	wait_for_outsider(&o);
	atomic_store(&ended, true);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(pthread_join(poller, NULL), 0);
	sched_external_end();
}

TEST_GO_DIES(all_asleep_is_a_deadlock, "all goroutines are asleep - deadlock!")
{
	struct event never = { 0 };
	event_wait(&never);
}

static void wait_for_ever(struct event *e)
{
	event_wait(e);
}

TEST_GO_DIES(deadlock_prints_who_waits_for_what, "[semacquire]")
{
	struct event never = { 0 }, also_never = { 0 };
	go(wait_for_ever, &also_never);
	goroutine_sleep(MILLISECOND);
	event_wait(&never);
}

TEST_GO(a_sleeper_is_no_deadlock)
{
	goroutine_sleep(20 * MILLISECOND);
}

static int64_t voluntary_switches(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

TEST_GO(idle_costs_no_wakeups)
{
#ifdef HAVE_TSAN
	test_skip("TSan has a thread that wakes up by itself");
#endif
	if (getenv("TEST_LAUNCHER") != NULL)
		test_skip("an emulator has locks and threads of its own");
	int64_t before, rounds = 0;
	do { /* until sysmon has gone to sleep */
		CHECK_LT(rounds++, 20);
		before = voluntary_switches();
		goroutine_sleep(500 * MILLISECOND);
	} while (voluntary_switches() - before > 8);
}

/* As the filters of some containers do: they know no newer system calls, and say EPERM. */
static void refuse_epoll_pwait2(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_LEN(filter), .filter = filter };
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		test_skip("no filters of system calls here");
}

static int sleep_a_while(int argc, char **argv)
{
	(void)argc, (void)argv;
	int64_t before = clock_cpu();
	goroutine_sleep(300 * MILLISECOND);
	CHECK_LT(clock_cpu() - before, 100 * MILLISECOND);
	return 7;
}

TEST(the_netpoller_sleeps_although_epoll_pwait2_is_refused)
{
	refuse_epoll_pwait2();
	CHECK_EQ(runtime_main(sleep_a_while, 0, NULL), 7);
}
