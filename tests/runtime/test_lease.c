/* SPDX-License-Identifier: MIT
 *
 * Tests of lease.h and barrier.c with real threads and the kernel's membarrier: processors that go from hand to hand all the time. What each
 * execution may do is tests/model/model_lease.c's; this is for the processor's own ideas. STRESS_SECONDS=600 makes it long.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "runtime/base.h"
#include "runtime/clock.h"
#include "runtime/lease.h"
#include "runtime/lock.h"
#include "runtime/note.h"
#include "tests/harness.h"

enum {
	MS = 4,
	PS = 2,
	TAKES = 20
};

struct processor {
	int64_t uses; /* plain: whoever has it */
	int owner;
};

struct machine {
	struct lease lease;
	struct processor *p, *next_p;
	struct note note;
	struct machine *next_idle; /* idle_lock */
	int64_t uses, lost;
	int id;
};

static struct processor ps[PS];
static struct machine ms[MS];
static struct lock idle_lock;
static struct machine *idle;
static _Atomic bool over;
static _Atomic int gone;

static void lie_down(struct machine *m)
{
	lock_acquire(&idle_lock);
	m->next_idle = idle;
	idle = m;
	lock_release(&idle_lock);
	note_sleep(&m->note);
	note_clear(&m->note);
	m->p = m->next_p;
	lease_resume(&m->lease, 0);
}

static void use(struct machine *m)
{
	CHECK_EQ(m->p->owner, m->id);
	m->p->uses++;
	m->uses++;
}

/* Of 16 entries one is nested. */
static void enter_and_leave(struct machine *m)
{
	if (!lease_enter(&m->lease) && !lease_answer(&m->lease)) {
		m->p = NULL;
		m->lost++;
		lease_regain(&m->lease);
		lie_down(m);
		return;
	}
	use(m);
	if (m->uses % 16 == 0) {
		CHECK(lease_enter(&m->lease));
		use(m);
		lease_leave(&m->lease);
	}
	lease_leave(&m->lease);
}

static void *run_machine(void *arg)
{
	struct machine *m = arg;
	if (m->p == NULL)
		lie_down(m);
	while (m->p != NULL && !atomic_load_explicit(&over, memory_order_relaxed))
		enter_and_leave(m);
	atomic_fetch_add(&gone, 1);
	return NULL;
}

static struct machine *take_idle(void)
{
	lock_acquire(&idle_lock);
	struct machine *m = idle;
	if (m != NULL)
		idle = m->next_idle;
	lock_release(&idle_lock);
	return m;
}

static void wake(struct machine *m, struct processor *p)
{
	m->next_p = p;
	if (p != NULL)
		p->owner = m->id;
	note_wake(&m->note);
}

/* True if p has gone from one to another. */
static bool hand_over(struct processor *p, struct machine **owner)
{
	lease_request(&(*owner)->lease);
	barrier_heavy();
	if (!lease_take(&(*owner)->lease))
		return false;
	struct machine *next;
	while ((next = take_idle()) == NULL)
		sched_yield();
	*owner = next;
	wake(next, p);
	return true;
}

static void set_up(pthread_t *threads)
{
	barrier_init();
	for (int i = 0; i < MS; i++) {
		ms[i].id = i;
		ms[i].p = i < PS ? &ps[i] : NULL;
		ms[i].lease.inside = i >= PS;
		if (i < PS)
			ps[i].owner = i;
	}
	for (int i = 0; i < MS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, run_machine, &ms[i]), 0);
}

static int64_t stress_ns(void)
{
	const char *seconds = getenv("STRESS_SECONDS");
	return seconds == NULL ? 0 : atoi(seconds) * SECOND;
}

static void end(pthread_t *threads)
{
	atomic_store(&over, true);
	while (atomic_load(&gone) < MS) { /* who has no p may be on his way to bed */
		struct machine *m = take_idle();
		if (m != NULL)
			wake(m, NULL);
		else
			sched_yield();
	}
	for (int i = 0; i < MS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

TEST(no_processor_is_in_two_hands_and_no_use_is_lost, .timeout_s = 3600)
{
	pthread_t threads[MS];
	struct machine *owners[PS] = { &ms[0], &ms[1] };
	int64_t takes = 0, uses = 0, until_ns = clock_now() + stress_ns();
	set_up(threads);
	while (takes < TAKES || clock_now() < until_ns)
		for (int i = 0; i < PS; i++)
			takes += hand_over(&ps[i], &owners[i]);
	end(threads);
	for (int i = 0; i < MS; i++)
		uses += ms[i].uses;
	for (int i = 0; i < PS; i++)
		uses -= ps[i].uses;
	CHECK_EQ(uses, 0);
}

/* --- barrier.c --- */

static void refuse_membarrier(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_LEN(filter), .filter = filter };
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		test_skip("no filters of system calls here");
}

TEST(barriers_are_fences_where_membarrier_is_refused)
{
	refuse_membarrier();
	barrier_init();
	CHECK(!barrier_reaches_all);
	barrier_heavy();
}

TEST_DIES(a_membarrier_that_is_refused_later_is_fatal, "membarrier, which worked before")
{
	barrier_init();
	if (!barrier_reaches_all)
		test_skip("no membarrier here");
	refuse_membarrier();
	barrier_heavy();
}
