/* SPDX-License-Identifier: MIT
 *
 * Tests of the scheduler: proc.c, runq.c, idle.c, sysmon.c, goroutine.c, startup.c.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "runtime/clock.h"
#include "runtime/goroutine.h"
#include "runtime/list.h"
#include "runtime/note.h"
#include "runtime/proc.h"
#include "runtime/rand.h"
#include "runtime/sched.h"
#include "tests/harness.h"

/* A place where one goroutine waits for one event; the simplest use of park and ready. */
struct event {
	struct lock lock;
	bool happened;
	struct g *waiter;
};

static void event_wait(struct event *e)
{
	lock_acquire(&e->lock);
	if (!e->happened) {
		e->waiter = g_self();
		g_park_unlock(WAIT_SEMAPHORE, &e->lock);
		lock_acquire(&e->lock);
	}
	e->happened = false;
	lock_release(&e->lock);
}

static void event_set(struct event *e)
{
	lock_acquire(&e->lock);
	struct g *g = e->waiter;
	e->waiter = NULL;
	e->happened = true;
	lock_release(&e->lock);
	if (g != NULL)
		g_ready(g);
}

struct countdown {
	_Atomic int left;
	struct event done;
};

static void count_down(struct countdown *c)
{
	if (atomic_fetch_sub(&c->left, 1) == 1)
		event_set(&c->done);
}

static void arrive(struct countdown *c)
{
	count_down(c);
}

TEST_GO(every_started_goroutine_runs_once)
{
	struct countdown c = { .left = 10000 };
	for (int i = 0; i < 10000; i++)
		go(arrive, &c);
	event_wait(&c.done);
	CHECK_EQ(c.left, 0);
}

struct copied {
	struct countdown *c;
	char text[1000];
};

static void check_copy(struct copied *args)
{
	CHECK_STR(args->text, "all of it");
	CHECK_EQ((uintptr_t)args % 16, 0);
	count_down(args->c);
}

TEST_GO(go_with_copies_its_arguments)
{
	struct countdown c = { .left = 100 };
	struct copied args = { .c = &c, .text = "all of it" };
	for (int i = 0; i < 100; i++)
		go_with(check_copy, args);
	memset(&args, 0, sizeof(args));
	event_wait(&c.done);
}

struct too_large {
	char bytes[1025];
};

static void never_runs(struct too_large *args)
{
	(void)args;
}

TEST_GO_DIES(go_with_refuses_more_than_1024_bytes, "at most 1024 are copied")
{
	static struct too_large args;
	go_with(never_runs, args);
}

static void use_floats(struct countdown *c)
{
	double x = 0;
	for (int i = 0; i < 1000; i++) {
		x += 0.5;
		goroutine_yield();
	}
	CHECK(x == 500.0);
	count_down(c);
}

TEST_GO(registers_survive_switches)
{
	struct countdown c = { .left = 50 };
	for (int i = 0; i < 50; i++)
		go(use_floats, &c);
	event_wait(&c.done);
}

#if defined(__x86_64__)
static unsigned read_mxcsr(void)
{
	unsigned value;
	__asm__ volatile("stmxcsr %0" : "=m"(value));
	return value;
}

static void change_rounding(struct countdown *c)
{
	unsigned up = (read_mxcsr() & ~0x6000u) | 0x4000u;
	__asm__ volatile("ldmxcsr %0" ::"m"(up));
	for (int i = 0; i < 100; i++) {
		goroutine_yield();
		CHECK_EQ(read_mxcsr() & 0x6000u, 0x4000u);
	}
	count_down(c);
}

static void keep_rounding(struct countdown *c)
{
	for (int i = 0; i < 100; i++) {
		goroutine_yield();
		CHECK_EQ(read_mxcsr() & 0x6000u, 0);
	}
	count_down(c);
}

TEST_GO(floating_point_control_belongs_to_the_goroutine)
{
	struct countdown c = { .left = 20 };
	for (int i = 0; i < 10; i++) {
		go(change_rounding, &c);
		go(keep_rounding, &c);
	}
	event_wait(&c.done);
}
#endif

struct ping_pong {
	struct event ping, pong;
	int rounds;
	struct countdown *c;
};

static void answer(struct ping_pong *p)
{
	for (int i = 0; i < p->rounds; i++) {
		event_wait(&p->ping);
		event_set(&p->pong);
	}
	count_down(p->c);
}

static void ask(struct ping_pong *p)
{
	for (int i = 0; i < p->rounds; i++) {
		event_set(&p->ping);
		event_wait(&p->pong);
	}
	count_down(p->c);
}

TEST_GO(park_and_ready_lose_nothing_between_many_pairs)
{
	enum {
		PAIRS = 40
	};
	static struct ping_pong pairs[PAIRS];
	struct countdown c = { .left = 2 * PAIRS };
	for (int i = 0; i < PAIRS; i++) {
		pairs[i] = (struct ping_pong){ .rounds = 2000, .c = &c };
		go(answer, &pairs[i]);
		go(ask, &pairs[i]);
	}
	event_wait(&c.done);
}

static void spin_pair(struct ping_pong *p)
{
	go(answer, p);
	ask(p);
}

TEST_GO(a_ping_pong_does_not_starve_the_others)
{
	struct countdown pair_done = { .left = 2 }, others = { .left = 100 };
	struct ping_pong pair = { .rounds = 200000, .c = &pair_done };
	go(spin_pair, &pair);
	for (int i = 0; i < 100; i++)
		go(arrive, &others);
	event_wait(&others.done);
	event_wait(&pair_done.done);
}

static bool refuse(struct g *g, void *arg)
{
	(void)g;
	++*(int *)arg;
	return false;
}

TEST_GO(a_refused_park_goes_on_at_once)
{
	int calls = 0;
	for (int i = 0; i < 1000; i++)
		g_park(WAIT_SEMAPHORE, refuse, &calls);
	CHECK_EQ(calls, 1000);
}

TEST_GO_DIES(ready_of_a_running_goroutine_panics, "it is not parked")
{
	g_ready(g_self());
}

TEST_DIES(go_outside_of_the_runtime_panics, "not on a goroutine")
{
	struct countdown c = { .left = 1 };
	go(arrive, &c);
}

TEST_DIES(parking_outside_of_a_goroutine_panics, "no goroutine here")
{
	g_park(WAIT_SEMAPHORE, NULL, NULL);
}

static void yield_many(struct countdown *c)
{
	for (int i = 0; i < 500; i++)
		goroutine_yield();
	count_down(c);
}

TEST_GO(rings_overflow_into_the_global_queue_and_back)
{
	struct countdown c = { .left = 2000 };
	for (int i = 0; i < 2000; i++)
		go(yield_many, &c);
	event_wait(&c.done);
}

static void spawn_tree(struct countdown *c)
{
	int n = atomic_fetch_sub(&c->left, 1);
	if (n > 2) {
		go(spawn_tree, c);
		go(spawn_tree, c);
	}
	if (n == 1)
		event_set(&c->done);
}

TEST_GO(goroutines_may_start_goroutines)
{
	struct countdown c = { .left = 20000 };
	go(spawn_tree, &c);
	event_wait(&c.done);
	while (goroutine_count() > 1)
		goroutine_yield();
}

/* A thief holds no more than its ring. */
TEST_GO(one_that_starts_many_gives_way_to_them)
{
	enum {
		ALL = 20000
	};
	struct countdown c = { .left = ALL };
	int most = 0;
	for (int started = 1; started <= ALL; started++) {
		go(count_down, &c);
		int alive = started - (ALL - atomic_load(&c.left));
		most = alive > most ? alive : most;
	}
	CHECK_LE(most, 64 + ((int)RUNQ_SIZE + 1) * runtime_procs());
	event_wait(&c.done);
}

/* --- several threads --- */

struct meeting {
	_Atomic int here;
	int expected;
	struct countdown *c;
};

/* Ends only if all of them run at the same time: each holds its thread. */
static void meet(struct meeting *m)
{
	atomic_fetch_add(&m->here, 1);
	while (atomic_load(&m->here) < m->expected)
		;
	count_down(m->c);
}

TEST_GO(goroutines_that_hog_their_threads_run_on_all_processors)
{
	int n = runtime_procs();
	struct countdown c = { .left = n };
	struct meeting m = { .expected = n, .c = &c };
	for (int i = 0; i < n; i++)
		go(meet, &m);
	event_wait(&c.done);
}

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

/* --- the rest of goroutine.h --- */

TEST_GO(sleep_takes_at_least_its_time)
{
	int64_t before = clock_now();
	goroutine_sleep(3 * MILLISECOND);
	CHECK_LE(3 * MILLISECOND, clock_now() - before);
	goroutine_sleep(0);
	goroutine_sleep(-1);
}

static void note_id(_Atomic uint64_t *ret_id)
{
	atomic_store(ret_id, goroutine_id());
}

TEST_GO(ids_are_unique_and_main_is_1)
{
	CHECK_EQ(goroutine_id(), 1);
	static _Atomic uint64_t ids[1000];
	for (int i = 0; i < 1000; i++)
		go(note_id, &ids[i]);
	while (goroutine_count() > 1)
		goroutine_yield();
	for (int i = 0; i < 1000; i++) {
		CHECK_LT(1, ids[i]);
		for (int j = 0; j < i; j++)
			CHECK_NE(ids[i], ids[j]);
	}
}

TEST(there_is_no_goroutine_outside_of_the_runtime)
{
	CHECK_EQ(goroutine_id(), 0);
	CHECK(g_self() == NULL);
}

TEST_GO(count_follows_starts_and_ends)
{
	struct event go_on[10] = { 0 };
	struct countdown c = { .left = 10 };
	CHECK_EQ(goroutine_count(), 1);
	struct ping_pong pairs[10];
	for (int i = 0; i < 10; i++) {
		pairs[i] = (struct ping_pong){ .rounds = 1, .c = &c };
		go(answer, &pairs[i]);
	}
	CHECK_EQ(goroutine_count(), 11);
	for (int i = 0; i < 10; i++)
		event_set(&pairs[i].ping);
	event_wait(&c.done);
	while (goroutine_count() > 1)
		goroutine_yield();
	(void)go_on;
}

static int main_that_returns_42(int argc, char **argv)
{
	CHECK_EQ(argc, 1);
	CHECK_STR(argv[0], "name");
	return 42;
}

TEST(runtime_main_returns_what_main_returns)
{
	char name[] = "name", *argv[] = { name, NULL };
	CHECK_EQ(runtime_main(main_that_returns_42, 1, argv), 42);
}

static void hog(void *arg)
{
	(void)arg;
	for (;;)
		;
}

static int main_that_leaves_a_hog(int argc, char **argv)
{
	(void)argc, (void)argv;
	go(hog, NULL);
	goroutine_sleep(MILLISECOND);
	return 7;
}

TEST(runtime_main_returns_although_a_goroutine_hogs_its_thread)
{
	setenv("GOMAXPROCS", "4", 1);
	CHECK_EQ(runtime_main(main_that_leaves_a_hog, 0, NULL), 7);
}

TEST_DIES(a_bad_number_of_processors_is_refused, "GOMAXPROCS=many")
{
	setenv("GOMAXPROCS", "many", 1);
	runtime_main(main_that_returns_42, 0, NULL);
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

static void rest_in_crowd(void *arg)
{
	goroutine_sleep(5 * MILLISECOND);
	count_down(arg);
}

static void note_time(void *ret_ns)
{
	atomic_store((_Atomic int64_t *)ret_ns, clock_now());
}

/* A crowd that ends leaves stacks behind, which sysmon trims later: it must not be blind until then. */
TEST_GO(work_behind_a_hog_is_shared_soon_after_a_crowd_has_ended, .timeout_s = 60)
{
	struct countdown crowd = { .left = 9000 };
	_Atomic int64_t ran_ns[2] = { 0, 0 };
	if (runtime_procs() == 1)
		test_skip("one processor shares with nobody");
	for (int i = 0; i < 9000; i++)
		go(rest_in_crowd, &crowd);
	event_wait(&crowd.done);
	goroutine_sleep(100 * MILLISECOND); /* sysmon goes to sleep */
	int64_t start_ns = clock_now();
	go(note_time, &ran_ns[0]);
	go(note_time, &ran_ns[1]);
	while (atomic_load(&ran_ns[0]) == 0 && clock_now() - start_ns < 2 * SECOND)
		;
	CHECK_LT(clock_now() - start_ns, 500 * MILLISECOND);
	while (atomic_load(&ran_ns[1]) == 0)
		goroutine_yield();
}

TEST_GO(idle_costs_no_wakeups)
{
#ifdef HAVE_TSAN
	test_skip("TSan has a thread that wakes up by itself");
#endif
	if (getenv("TEST_LAUNCHER") != NULL)
		test_skip("an emulator has locks and threads of its own");
	goroutine_sleep(100 * MILLISECOND); /* sysmon goes to sleep */
	int64_t before = voluntary_switches();
	goroutine_sleep(500 * MILLISECOND);
	CHECK_LE(voluntary_switches() - before, 8);
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
