/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>

#include "runtime/goroutine.h"
#include "runtime/sema.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

struct shared {
	struct sema sema;
	struct waitgroup wg;
	done_chan done;
	_Atomic int inside, most, granted, cancelled;
	int order[16], ordered, rounds;
};

struct asker {
	struct shared *s;
	int n, number;
};

static void enter_and_leave(struct asker *a)
{
	struct shared *s = a->s;
	for (int i = 0; i < s->rounds; i++) {
		sema_acquire(&s->sema, a->n);
		CHECK_LE(atomic_fetch_add(&s->inside, a->n) + a->n, 10);
		if (i % 8 == 0)
			goroutine_yield();
		atomic_fetch_sub(&s->inside, a->n);
		sema_release(&s->sema, a->n);
	}
	waitgroup_done(&s->wg);
}

TEST_GO(sema_never_gives_more_than_there_is)
{
	struct shared s = { .rounds = 500 };
	sema_init(&s.sema, 10);
	waitgroup_add(&s.wg, 10);
	for (int n = 1; n <= 10; n++)
		go_with(enter_and_leave, (struct asker){ .s = &s, .n = n });
	waitgroup_wait(&s.wg);
	CHECK(sema_try_acquire(&s.sema, 10));
	CHECK(!sema_try_acquire(&s.sema, 1));
}

static void note_order(struct asker *a)
{
	struct shared *s = a->s;
	sema_acquire(&s->sema, a->n);
	s->order[s->ordered++] = a->number;
	sema_release(&s->sema, a->n);
	waitgroup_done(&s->wg);
}

TEST_GO(sema_serves_in_order_and_the_small_do_not_overtake)
{
	struct shared s = { .rounds = 0 };
	static const int weights[] = { 10, 10, 10, 10, 10 };
	sema_init(&s.sema, 10);
	sema_acquire(&s.sema, 5);
	waitgroup_add(&s.wg, 5);
	for (int i = 0; i < 5; i++) {
		go_with(note_order, (struct asker){ .s = &s, .n = weights[i], .number = i });
		wait_line(&s.sema.lock, &s.sema.line, i + 1);
	}
	CHECK(!sema_try_acquire(&s.sema, 1)); /* 5 are free, but others wait in front */
	sema_release(&s.sema, 5);
	waitgroup_wait(&s.wg);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(s.order[i], i);
}

TEST_GO(sema_zero_value_has_size_zero)
{
	struct sema s = { 0 };
	CHECK(!sema_try_acquire(&s, 1));
	CHECK(sema_try_acquire(&s, 0));
	sema_acquire(&s, 0);
	sema_release(&s, 0);
}

TEST_GO(sema_try_acquire_takes_all_or_nothing)
{
	struct sema s;
	sema_init(&s, 3);
	CHECK(sema_try_acquire(&s, 2));
	CHECK(!sema_try_acquire(&s, 2));
	CHECK(!sema_try_acquire(&s, 4));
	CHECK(sema_try_acquire(&s, 1));
	CHECK(sema_try_acquire(&s, 0));
	sema_release(&s, 3);
	CHECK(sema_try_acquire(&s, 3));
}

static void acquire_or_cancel(struct asker *a)
{
	struct shared *s = a->s;
	int err = sema_acquire_or(&s->sema, a->n, s->done.as_rx);
	if (err == 0)
		atomic_fetch_add(&s->granted, 1);
	else if (err == -ECANCELED)
		atomic_fetch_add(&s->cancelled, 1);
	waitgroup_done(&s->wg);
}

TEST_GO(sema_acquire_or_gives_up_when_done_closes)
{
	struct shared s = { .done = chan_make(done_chan, 0) };
	sema_init(&s.sema, 9);
	waitgroup_add(&s.wg, 4);
	go_with(acquire_or_cancel, (struct asker){ .s = &s, .n = 9 });
	while (s.granted != 1)
		goroutine_yield();
	for (int i = 0; i < 3; i++)
		go_with(acquire_or_cancel, (struct asker){ .s = &s, .n = 1 + 4 * i });
	wait_line(&s.sema.lock, &s.sema.line, 3);
	chan_close(s.done);
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.granted + s.cancelled, 4);
	CHECK_EQ(s.granted, 1);
	CHECK_EQ(line_len(&s.sema.lock, &s.sema.line), 0);
	chan_unref(s.done);
}

/* One that asks for much gives up: those behind it, who ask for little, must not be left waiting. */
TEST_GO(sema_giving_up_lets_those_behind_go)
{
	struct shared s = { .done = chan_make(done_chan, 0) };
	sema_init(&s.sema, 3);
	sema_acquire(&s.sema, 1);
	waitgroup_add(&s.wg, 2);
	go_with(acquire_or_cancel, (struct asker){ .s = &s, .n = 3 });
	wait_line(&s.sema.lock, &s.sema.line, 1);
	go_with(note_order, (struct asker){ .s = &s, .n = 1 });
	wait_line(&s.sema.lock, &s.sema.line, 2);
	chan_close(s.done);
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.cancelled, 1);
	CHECK_EQ(s.ordered, 1);
	CHECK(sema_try_acquire(&s.sema, 2));
	chan_unref(s.done);
}

static void release_some(struct asker *a)
{
	for (int i = 0; i < a->n; i++)
		sema_release(&a->s->sema, 1);
	waitgroup_done(&a->s->wg);
}

TEST_GO(sema_acquire_or_fails_when_done_is_closed_already)
{
	struct sema s;
	done_chan done = chan_make(done_chan, 0);
	sema_init(&s, 1);
	chan_close(done);
	CHECK_EQ(sema_acquire_or(&s, 1, done.as_rx), -ECANCELED);
	CHECK_EQ(sema_acquire_or(&s, 0, done.as_rx), -ECANCELED);
	CHECK(sema_try_acquire(&s, 1));
	chan_unref(done);
}

TEST_GO(sema_acquire_or_without_a_channel_is_acquire)
{
	struct sema s;
	sema_init(&s, 1);
	CHECK_OK(sema_acquire_or(&s, 1, (done_chan_rx){ .rx = NULL }));
	CHECK(!sema_try_acquire(&s, 1));
}

/* Both have happened when it runs again, unless it is very fast: then it has been granted, and we try once more. */
TEST_GO(sema_cancel_wins_over_a_grant_that_came_first)
{
	for (bool cancelled = false; !cancelled;) {
		struct shared s = { .done = chan_make(done_chan, 0) };
		sema_init(&s.sema, 2);
		sema_acquire(&s.sema, 2);
		waitgroup_add(&s.wg, 1);
		go_with(acquire_or_cancel, (struct asker){ .s = &s, .n = 2 });
		wait_receivers(s.done.chan_, 1);
		sema_release(&s.sema, 2);
		chan_close(s.done);
		waitgroup_wait(&s.wg);
		CHECK_EQ(s.granted + s.cancelled, 1);
		cancelled = s.cancelled;
		CHECK_EQ(sema_try_acquire(&s.sema, 2), cancelled); /* given back */
		chan_unref(s.done);
	}
}

/* Never to be had: it doesn't stand in the line, where the others would wait behind it. */
TEST_GO(sema_asking_for_more_than_there_is_holds_up_nobody)
{
	struct shared s = { .done = chan_make(done_chan, 0) };
	sema_init(&s.sema, 2);
	waitgroup_add(&s.wg, 1);
	go_with(acquire_or_cancel, (struct asker){ .s = &s, .n = 3 });
	wait_receivers(s.done.chan_, 1);
	sema_acquire(&s.sema, 2);
	CHECK(!sema_try_acquire(&s.sema, 1));
	sema_release(&s.sema, 2);
	CHECK_EQ(s.cancelled, 0);
	chan_close(s.done);
	waitgroup_wait(&s.wg);
	CHECK_EQ(s.cancelled, 1);
	CHECK(sema_try_acquire(&s.sema, 2));
	chan_unref(s.done);
}

TEST_GO_DIES(sema_asking_for_more_than_there_is_waits_for_ever,
	     "all goroutines are asleep - deadlock!")
{
	struct sema s;
	sema_init(&s, 2);
	sema_acquire(&s, 3);
}

static void acquire_all_once(struct asker *a)
{
	sema_acquire(&a->s->sema, a->n);
	atomic_store(&a->s->granted, 1);
	sema_release(&a->s->sema, a->n);
	waitgroup_done(&a->s->wg);
}

static void come_again_and_again(struct asker *a)
{
	while (!a->s->granted) {
		sema_acquire(&a->s->sema, a->n);
		goroutine_yield();
		sema_release(&a->s->sema, a->n);
	}
	waitgroup_done(&a->s->wg);
}

/* Small ones hold some of it at every moment; without a line the large one would never find all of it free. */
TEST_GO(sema_large_acquire_is_not_starved_by_small_ones)
{
	enum {
		SMALL = 8,
		SIZE = 4
	};
	struct shared s = { .granted = 0 };
	sema_init(&s.sema, SIZE);
	waitgroup_add(&s.wg, SMALL + 1);
	for (int i = 0; i < SMALL; i++)
		go_with(come_again_and_again, (struct asker){ .s = &s, .n = 1 });
	go_with(acquire_all_once, (struct asker){ .s = &s, .n = SIZE });
	waitgroup_wait(&s.wg);
	CHECK(sema_try_acquire(&s.sema, SIZE));
}

/* Grant and give-up race: what was granted and what is left add up. */
TEST_GO(sema_loses_nothing_when_giving_up_races_with_a_release)
{
	enum {
		ASKERS = 8
	};
	for (int round = 0; round < 300; round++) {
		struct shared s = { .done = chan_make(done_chan, 0) };
		sema_init(&s.sema, ASKERS / 2);
		sema_acquire(&s.sema, ASKERS / 2);
		waitgroup_add(&s.wg, ASKERS + 1);
		for (int i = 0; i < ASKERS; i++)
			go_with(acquire_or_cancel, (struct asker){ .s = &s, .n = 1 });
		go_with(release_some, (struct asker){ .s = &s, .n = ASKERS / 2 });
		if (round % 2)
			goroutine_yield();
		chan_close(s.done);
		waitgroup_wait(&s.wg);
		CHECK_EQ(s.granted + s.cancelled, ASKERS);
		CHECK_EQ(s.sema.free, ASKERS / 2 - s.granted);
		CHECK_LE(0, s.sema.free);
		chan_unref(s.done);
	}
}

TEST_GO_DIES(sema_negative_weight_panics, "panic: semaphore: negative weight")
{
	struct sema s = { 0 };
	sema_release(&s, -1);
}

TEST_GO_DIES(sema_release_of_more_than_was_taken_panics,
	     "panic: semaphore: released more than held")
{
	struct sema s;
	sema_init(&s, 5);
	sema_acquire(&s, 2);
	sema_release(&s, 3);
}

TEST_GO_DIES(sema_negative_size_panics, "panic: semaphore: negative weight")
{
	struct sema s;
	sema_init(&s, -1);
}
