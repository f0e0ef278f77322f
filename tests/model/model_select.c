/* SPDX-License-Identifier: MIT
 *
 * chan.c and select.c: two selects over the same channels lock them in one order, and fire once; what is sent is received once, by whoever; what
 * was written before a send is seen after the receive.
 *
 * Each thread is a goroutine that has its processor for itself: parking is sleeping on a futex, and what runs on the scheduler's stack there
 * runs on its own here. The channels' locks are one step each.
 */
#include <stdatomic.h>

#include "runtime/chan.h"
#include "runtime/futex.h"
#include "runtime/proc.h"
#include "runtime/rand.h"
#include "runtime/select.h"
#include "tests/model/model.h"

CHAN_OF(int, int_chan);

struct g {
	_Atomic uint32_t readied;
	uintptr_t wake;
};

static struct g gs[THREADS_MAX];
static int_chan left, right;
static int written;	     /* plain: before a send */
static int got[THREADS_MAX]; /* sum of what each thread has received */

/* --- the verbs --- */

struct g *g_self(void)
{
	return model_self() < 0 ? NULL : &gs[model_self()];
}

void g_park(enum wait_reason reason, bool (*commit)(struct g *g, void *arg), void *arg)
{
	struct g *g = g_self();
	(void)reason;
	if (commit != NULL && !commit(g, arg))
		return;
	while (atomic_load_explicit(&g->readied, memory_order_acquire) == 0)
		futex_wait(&g->readied, 0, NEVER);
	atomic_store_explicit(&g->readied, 0, memory_order_relaxed);
}

static bool unlock(struct g *g, void *lock)
{
	(void)g;
	lock_release(lock);
	return true;
}

void g_park_unlock(enum wait_reason reason, struct lock *l)
{
	g_park(reason, unlock, l);
}

void g_ready(struct g *g)
{
	CHECK(atomic_load_explicit(&g->readied, memory_order_relaxed) == 0);
	atomic_store_explicit(&g->readied, 1, memory_order_release);
	futex_wake(&g->readied, 1);
}

void g_ready_tail(struct g *g)
{
	g_ready(g);
}

void g_set_wake(struct g *g, uintptr_t value)
{
	g->wake = value;
}

uintptr_t g_wake(struct g *g)
{
	return g->wake;
}

void g_give_way(void)
{
}

/* Whichever case comes first when several are ready. */
uint64_t rand_u64(void)
{
	return model_choose(2) == 0 ? 0 : ~UINT64_C(0);
}

/* --- one channel --- */

static void setup(void)
{
	left = chan_make(int_chan, 0);
	right = chan_make(int_chan, 0);
}

static void setup_buffered(void)
{
	left = chan_make(int_chan, 1);
	right = chan_make(int_chan, 1);
}

static void send_left(void)
{
	written = 1;
	chan_send(left, 1);
}

static void send_right(void)
{
	chan_send(right, 10);
}

static void receive_left(void)
{
	int value = 0;
	if (chan_recv(left, &value))
		CHECK(written == 1);
	got[model_self()] += value;
}

static void one_received(void)
{
	CHECK(got[0] + got[1] + got[2] == 1);
}

MODEL(what_is_sent_is_received_with_what_was_written_before, .setup = setup,
      .threads = { send_left, receive_left }, .check = one_received)
MODEL(so_through_a_buffer, .setup = setup_buffered, .threads = { send_left, receive_left },
      .check = one_received)

static void close_left(void)
{
	written = 1;
	chan_close(left);
}

static void receive_end(void)
{
	int value = 7;
	CHECK(!chan_recv(left, &value));
	CHECK(value == 0 && written == 1);
}

MODEL(a_close_wakes_all_receivers, .setup = setup,
      .threads = { close_left, receive_end, receive_end })

/* --- selects --- */

static int select_send_receive(int_chan to, int_chan from)
{
	int value = 0;
	struct select_case cases[] = { on_send(to, 1), on_recv(from, &value) };
	int chosen = select_wait(cases);
	got[model_self()] += value;
	return chosen;
}

static int chosen[2];

static void there(void)
{
	chosen[0] = select_send_receive(left, right);
}

static void back(void)
{
	chosen[1] = select_send_receive(right, left);
}

/* One has sent, the other has received. */
static void they_have_met(void)
{
	one_received();
	CHECK(chosen[0] + chosen[1] == 1);
	CHECK(chan_len(left) == 0 && chan_len(right) == 0);
}

MODEL(two_selects_over_two_channels_in_opposite_order_meet_once, .setup = setup,
      .threads = { there, back }, .check = they_have_met)

static void select_both(void)
{
	for (int i = 0; i < 2; i++) {
		int value = 0;
		struct select_case cases[] = { on_recv(left, &value), on_recv(right, &value) };
		CHECK(select_wait(cases) == (value == 10));
		got[model_self()] += value;
	}
}

static void both_received(void)
{
	CHECK(got[0] == 11);
}

MODEL(two_senders_want_one_select_and_one_gets_it, .setup = setup,
      .threads = { select_both, send_left, send_right }, .check = both_received)

static void try_left(void)
{
	int value = 0;
	struct select_case cases[] = { on_recv(left, &value) };
	if (select_try(cases) == 0)
		CHECK(written == 1);
	got[model_self()] += value;
}

static void sent_once(void)
{
	CHECK(got[1] + got[2] <= 1);
}

MODEL(a_default_takes_a_value_or_leaves_it, .setup = setup_buffered,
      .threads = { send_left, try_left, try_left }, .check = sent_once)

MUTANTS(.of = "chan__ select_ lock_all unlock_all poll_locked leave_lines wait_locked waitq_ step");
