/* SPDX-License-Identifier: MIT
 *
 * Whose a channel is: references, what happens to a late user, and how a wrong one is found.
 */
#include <stdatomic.h>

#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/sanitizer.h"
#include "runtime/select.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"
#include "tests/runtime/lines.h"

CHAN_OF(int, int_chan);

struct late {
	int_chan c;
	done_chan maker_is_gone, sent;
};

TEST_GO(chan_lives_until_its_last_reference_goes)
{
	int64_t before = chan_count();
	int_chan c = chan_make(int_chan, 1);
	CHECK_EQ(chan_count(), before + 1);
	int_chan again = chan_ref(c);
	CHECK(again.chan_ == c.chan_);
	chan_unref(c);
	chan_send(again, 1);
	CHECK_EQ(chan_count(), before + 1);
	chan_unref(again);
	CHECK_EQ(chan_count(), before);
}

TEST_GO(chan_drops_what_it_still_buffers_with_its_last_reference)
{
	int_chan c = chan_make(int_chan, 4);
	chan_send(c, 1);
	chan_send(c, 2);
	chan_unref(c);
}

TEST_GO(chan_references_of_a_direction_count_too)
{
	int64_t before = chan_count();
	int_chan c = chan_make(int_chan, 1);
	int_chan_tx tx = chan_ref(c.as_tx);
	int_chan_rx rx = chan_ref(c.as_rx);
	int v = 0;
	chan_unref(c);
	chan_send(tx, 3);
	chan_unref(tx);
	CHECK(chan_recv(rx, &v));
	CHECK_EQ(v, 3);
	CHECK_EQ(chan_count(), before + 1);
	chan_unref(rx);
	CHECK_EQ(chan_count(), before);
}

static void send_late(struct late *l)
{
	chan_recv(l->maker_is_gone, NULL);
	chan_send(l->c, 1);
	chan_unref(l->c);
	chan_send(l->sent, NOTHING);
}

/* The pattern of a request with a timeout: who asked has gone, the answer comes all the same. */
TEST_GO(chan_outlives_its_maker_for_a_late_sender)
{
	int64_t before = chan_count();
	done_chan maker_is_gone = chan_make(done_chan, 0), sent = chan_make(done_chan, 0);
	int_chan c = chan_make(int_chan, 1);
	go_with(send_late,
		(struct late){ .c = chan_ref(c), .maker_is_gone = maker_is_gone, .sent = sent });
	struct select_case cases[] = { on_recv(c, NULL) };
	CHECK_EQ(select_try(cases), -1); /* gives up */
	chan_unref(c);
	CHECK_EQ(chan_count(), before + 3);
	chan_close(maker_is_gone);
	chan_recv(sent, NULL);
	CHECK_EQ(chan_count(), before + 2);
	chan_unref(maker_is_gone);
	chan_unref(sent);
}

struct crowd {
	int_chan c;
	int n;
};

static void use_and_unref(struct crowd *w)
{
	for (int i = 0; i < w->n; i++) {
		int_chan mine = chan_ref(w->c);
		if (!chan_try_send(mine, i))
			chan_try_recv(mine, NULL, NULL);
		chan_unref(mine);
	}
	chan_unref(w->c);
}

TEST_GO(chan_references_may_be_counted_by_many_at_once)
{
	int64_t before = chan_count();
	int_chan c = chan_make(int_chan, 3);
	for (int i = 0; i < 8; i++)
		go_with(use_and_unref, (struct crowd){ .c = chan_ref(c), .n = 500 });
	chan_unref(c);
	while (goroutine_count() > 1)
		goroutine_yield();
	CHECK_EQ(chan_count(), before);
}

static void recv_for_ever(int_chan *c)
{
	chan_recv(*c, NULL);
}

TEST_GO_DIES(chan_unref_of_the_last_reference_under_a_receiver_panics,
	     "panic: last reference to a channel dropped while goroutines wait on it")
{
	int_chan c = chan_make(int_chan, 0);
	go(recv_for_ever, &c);
	wait_receivers(c.chan_, 1);
	chan_unref(c);
}

/* Sanitizers find it first, in their own words. */
#if defined(RUNTIME_DEBUG) && !defined(HAVE_SANITIZER)

static int_chan freed(void)
{
	int_chan c = chan_make(int_chan, 1);
	chan_unref(c);
	return c;
}

TEST_GO_DIES(chan_send_on_a_freed_one_is_found, "panic: use of a freed channel")
{
	chan_send(freed(), 1);
}

TEST_GO_DIES(chan_recv_from_a_freed_one_is_found, "panic: use of a freed channel")
{
	chan_recv(freed(), NULL);
}

TEST_GO_DIES(chan_try_send_on_a_freed_one_is_found, "panic: use of a freed channel")
{
	chan_try_send(freed(), 1);
}

TEST_GO_DIES(chan_try_recv_from_a_freed_one_is_found, "panic: use of a freed channel")
{
	chan_try_recv(freed(), NULL, NULL);
}

TEST_GO_DIES(chan_close_of_a_freed_one_is_found, "panic: use of a freed channel")
{
	chan_close(freed());
}

TEST_GO_DIES(chan_ref_of_a_freed_one_is_found, "panic: use of a freed channel")
{
	chan_unref(chan_ref(freed()));
}

TEST_GO_DIES(chan_unref_once_too_often_is_found, "panic: use of a freed channel")
{
	chan_unref(freed());
}

TEST_GO_DIES(chan_len_of_a_freed_one_is_found, "panic: use of a freed channel")
{
	CHECK_EQ(chan_len(freed()), 0);
}

TEST_GO_DIES(select_on_a_freed_channel_is_found, "panic: use of a freed channel")
{
	struct select_case cases[] = { on_recv(freed(), NULL) };
	select_wait(cases);
}

#endif

/* A sanitizer's allocator has its own word for it. */
#ifndef HAVE_SANITIZER
TEST_GO_DIES(chan_make_without_memory_is_fatal, "fatal error: out of memory")
{
	int_chan c = chan_make(int_chan, PTRDIFF_MAX / 2 / sizeof(int) - 100);
	chan_unref(c);
}
#endif
