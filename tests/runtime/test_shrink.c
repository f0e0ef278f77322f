/* SPDX-License-Identifier: MIT
 *
 * Tests of shrink.c: memory of parked goroutines goes back, what they use stays, and sysmon rests afterwards.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "runtime/blocking.h"
#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/rand.h"
#include "runtime/sched.h"
#include "runtime/shrink.h"
#include "runtime/stack.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/guarded.h"

#define DEEP_BYTES (60 * 1024)

/* --- that it goes back --- */

static __attribute__((noinline)) int descend(const char *limit)
{
	volatile char frame[1000];
	frame[0] = 1;
	return (const char *)(uintptr_t)frame < limit ? frame[0] : descend(limit) + frame[0];
}

static int64_t pages_backed(const struct g *g)
{
	unsigned char map[8192];
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), low = (uintptr_t)stack_low(g);
	size_t pages = ((uintptr_t)g - low) / page;
	CHECK_LE(pages, sizeof(map));
	CHECK_EQ(mincore(stack_low(g), pages * page, map), 0);
	int64_t n = 0;
	for (size_t i = 0; i < pages; i++)
		n += map[i] & 1;
	return n;
}

/* Of the stacks of all goroutines but the caller's, in bytes. */
static int64_t bytes_backed(void)
{
	int64_t n = 0;
	for (uint32_t i = 0; i < stack_used(); i++)
		if (gstate_get(&stack_slot(i)->state) == G_PARKED)
			n += pages_backed(stack_slot(i));
	return n * sysconf(_SC_PAGESIZE);
}

static void go_deep_and_wait(struct waitgroup *gate)
{
	descend((const char *)g_self() - DEEP_BYTES);
	waitgroup_wait(gate);
}

static void start_deep_waiters(struct waitgroup *gate, int n)
{
	waitgroup_add(gate, 1);
	for (int i = 0; i < n; i++) {
		go(go_deep_and_wait, gate);
		goroutine_yield();
	}
}

static void release_waiters(struct waitgroup *gate)
{
	waitgroup_done(gate);
	while (goroutine_count() > 1)
		goroutine_yield();
}

static int check_that_stacks_shrink(int argc, char **argv)
{
	(void)argc, (void)argv;
	enum {
		N = 1000
	};
	struct waitgroup gate = { 0 };
	start_deep_waiters(&gate, N);
	while (bytes_backed() < N * (int64_t)DEEP_BYTES)
		goroutine_sleep(MILLISECOND); /* until the last one has parked */
	while (bytes_backed() > N * 3 * INT64_C(4096))
		goroutine_sleep(20 * MILLISECOND);
	release_waiters(&gate);
	return 0;
}

TEST_GO(memory_of_a_deep_call_goes_back_while_the_goroutine_is_parked)
{
	check_that_stacks_shrink(0, NULL);
}

TEST(stacks_shrink_under_mprotect_guards)
{
	run_under("mprotect", check_that_stacks_shrink);
}

TEST(stacks_shrink_under_canaries)
{
	run_under("canary", check_that_stacks_shrink);
}

/* --- that sysmon does it in an idle program too, and then sleeps for good --- */

static bool is_named(const char *tid, const char *name)
{
	char path[320], text[32] = "";
	snprintf(path, sizeof(path), "/proc/self/task/%.200s/comm", tid);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return false;
	bool same = fgets(text, sizeof(text), f) != NULL && strncmp(text, name, strlen(name)) == 0;
	fclose(f);
	return same;
}

static long find_thread(const char *name)
{
	long tid = 0;
	DIR *dir = opendir("/proc/self/task");
	CHECK(dir != NULL);
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		if (is_named(e->d_name, name))
			tid = atol(e->d_name);
	closedir(dir);
	return tid;
}

/* True if the thread is in a futex call without a time limit. */
static bool sleeps_for_good(long tid)
{
	char path[64];
	unsigned long call = 0, arg[4] = { 0, 0, 0, 1 };
	snprintf(path, sizeof(path), "/proc/self/task/%ld/syscall", tid);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		test_skip("the kernel doesn't tell which system call a thread is in");
	int n = fscanf(f, "%lu %lx %lx %lx %lx", &call, &arg[0], &arg[1], &arg[2], &arg[3]);
	fclose(f);
	return n == 5 && arg[3] == 0;
}

static void sleep_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10 * MILLISECOND }, NULL);
}

/* On a thread outside the scheduler. No goroutine runs meanwhile. */
static void watch_from_outside(void *arg)
{
	(void)arg;
	while (bytes_backed() > 100 * 3 * INT64_C(4096))
		sleep_a_little();
	long sysmon = find_thread("sysmon");
	CHECK_NE(sysmon, 0);
	while (!sleeps_for_good(sysmon))
		sleep_a_little();
}

TEST_GO(an_idle_program_shrinks_its_stacks_and_then_sleeps_for_good)
{
	struct waitgroup gate = { 0 };
	start_deep_waiters(&gate, 100);
	blocking_call(watch_from_outside, NULL);
	release_waiters(&gate);
}

/* --- that nothing in use is lost --- */

static atomic_bool stop_shrinking;
static _Atomic int64_t shrunk_so_far;

static void *shrink_all(void *arg)
{
	while (!atomic_load(&stop_shrinking))
		for (uint32_t i = 0; i < stack_used(); i++)
			if (shrink_one(stack_slot(i)))
				atomic_fetch_add(&shrunk_so_far, 1);
	return arg;
}

static pthread_t start_shrinking(void)
{
	pthread_t t;
	CHECK_EQ(pthread_create(&t, NULL, shrink_all, NULL), 0);
	return t;
}

static void end_shrinking(pthread_t t)
{
	atomic_store(&stop_shrinking, true);
	pthread_join(t, NULL);
	CHECK_LT(0, atomic_load(&shrunk_so_far));
}

CHAN_OF(uint64_t, ball_chan);

struct player {
	ball_chan in, out;
	int rounds;
	struct waitgroup *done;
};

/* Passes one ball on from `levels` down; all frames in between must be as they were. */
static __attribute__((noinline)) void pass_from(const struct player *p, int levels)
{
	uint64_t frame[64], ball;
	for (int i = 0; i < 64; i++)
		frame[i] = rand_u64() | 1;
	uint64_t first = frame[0], last = frame[63], sum = 0, sum_after = 0;
	for (int i = 0; i < 64; i++)
		sum += frame[i];
	__asm__ volatile("" : : "r"(frame) : "memory");
	if (levels > 0)
		pass_from(p, levels - 1);
	else if (chan_recv(p->in, &ball))
		chan_send(p->out, ball + 1);
	__asm__ volatile("" : : "r"(frame) : "memory");
	for (int i = 0; i < 64; i++)
		sum_after += frame[i];
	CHECK(frame[0] == first && frame[63] == last && sum == sum_after);
}

static void play(struct player *p)
{
	for (int i = 0; i < p->rounds; i++)
		pass_from(p, (int)rand_below(60));
	waitgroup_done(p->done);
}

/* A ring of goroutines and some balls that go round. */
static int pass_balls_round(int argc, char **argv)
{
	(void)argc, (void)argv;
	enum {
		PLAYERS = 32,
		BALLS = 12,
		ROUNDS = 400
	};
	ball_chan seats[PLAYERS];
	struct waitgroup done = { 0 };
	waitgroup_add(&done, PLAYERS);
	for (int i = 0; i < PLAYERS; i++)
		seats[i] = chan_make(ball_chan, BALLS);
	for (uint64_t i = 0; i < BALLS; i++)
		chan_send(seats[i * 2], i);
	pthread_t shrinker = start_shrinking();
	for (int i = 0; i < PLAYERS; i++)
		go_with(play, (struct player){ .in = seats[i],
					       .out = seats[(i + 1) % PLAYERS],
					       .rounds = ROUNDS,
					       .done = &done });
	waitgroup_wait(&done);
	end_shrinking(shrinker);
	for (int i = 0; i < PLAYERS; i++)
		chan_unref(seats[i]);
	return 0;
}

TEST_GO(ready_and_shrink_may_attack_the_same_goroutine, .timeout_s = 60)
{
	pass_balls_round(0, NULL);
}

TEST(ready_and_shrink_may_attack_the_same_goroutine_under_mprotect_guards, .timeout_s = 60)
{
	run_under("mprotect", pass_balls_round);
}

TEST(ready_and_shrink_may_attack_the_same_goroutine_under_canaries, .timeout_s = 60)
{
	run_under("canary", pass_balls_round);
}

/* --- that the deadlock check sees what is held back --- */

/* The timer readies the only goroutine, and then nobody runs: if it is claimed just then, this is no deadlock. */
TEST_GO(a_goroutine_that_is_held_back_is_no_deadlock, .timeout_s = 60)
{
	pthread_t shrinker = start_shrinking();
	for (int i = 0; i < 3000; i++)
		goroutine_sleep(20 * MICROSECOND);
	end_shrinking(shrinker);
}

TEST_GO_DIES(a_deadlock_is_told_while_stacks_are_shrunk, "all goroutines are asleep - deadlock!",
	     .timeout_s = 60)
{
	start_shrinking();
	chan_recv((ball_chan){ 0 }, NULL);
}
