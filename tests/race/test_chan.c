/* SPDX-License-Identifier: MIT
 *
 * The Go memory model's rules for channels, one by one, each way that a value can go: to one who waits, through the ring, from one who waits.
 */
#include "runtime/chan.h"
#include "tests/race/race.h"

CHAN_OF(int, int_chan);

static int_chan ch;

static void send_first(void *arg)
{
	(void)arg;
	first();
	chan_send(ch, 1);
}

static void receive_first(void *arg)
{
	(void)arg;
	first();
	chan_recv(ch, NULL);
}

static void send_then_first(void *arg)
{
	(void)arg;
	chan_send(ch, 1);
	do_first(NULL);
}

/* Waits until the others have come as far as they come. */
static void settle(void)
{
	for (int i = 0; i < 200; i++)
		goroutine_yield();
}

static void make(size_t capacity)
{
	ch = chan_make(int_chan, capacity);
}

static void done(void)
{
	settle();
	chan_unref(ch);
}

/* --- unbuffered --- */

TEST_GO(send_happens_before_receive_unbuffered)
{
	make(0);
	go(send_first, NULL);
	chan_recv(ch, NULL);
	second();
	done();
}

TEST_GO(send_that_waits_happens_before_receive)
{
	make(0);
	go(send_first, NULL);
	settle();
	chan_recv(ch, NULL);
	second();
	done();
}

TEST_GO(receive_happens_before_the_end_of_an_unbuffered_send)
{
	make(0);
	go(receive_first, NULL);
	chan_send(ch, 1);
	second();
	done();
}

TEST_GO(receive_that_waits_happens_before_the_end_of_an_unbuffered_send)
{
	make(0);
	go(receive_first, NULL);
	settle();
	chan_send(ch, 1);
	second();
	done();
}

RACE(what_follows_an_unbuffered_send_races_with_what_follows_the_receive)
{
	make(0);
	go(send_then_first, NULL);
	chan_recv(ch, NULL);
	await(1);
	second();
}

/* --- buffered --- */

TEST_GO(send_happens_before_receive_buffered)
{
	make(1);
	go(send_first, NULL);
	settle();
	chan_recv(ch, NULL);
	second();
	done();
}

static void receive_second(void *arg)
{
	(void)arg;
	chan_recv(ch, NULL);
	second();
}

TEST_GO(send_to_one_who_waits_happens_before_his_receive_buffered)
{
	make(1);
	go(receive_second, NULL);
	settle();
	send_first(NULL);
	done();
}

static void receive_second_after_step(void *arg)
{
	(void)arg;
	await(1);
	receive_second(NULL);
}

RACE(what_follows_a_buffered_send_races_with_what_follows_its_receive)
{
	make(1);
	go(receive_second_after_step, NULL);
	send_then_first(NULL);
	settle();
}

static void do_first_and_receive(void *arg)
{
	do_first(arg);
	chan_recv(ch, NULL);
}

/* With a buffer the receive is not before the send's end, though it had to wait. */
RACE(what_precedes_a_receive_races_with_what_follows_a_buffered_send)
{
	make(2);
	go(do_first_and_receive, NULL);
	await(1);
	settle();
	chan_send(ch, 1);
	second();
}

TEST_GO(kth_receive_happens_before_the_end_of_send_k_plus_capacity)
{
	make(2);
	go(receive_first, NULL);
	for (int i = 0; i < 3; i++)
		chan_send(ch, i);
	second();
	done();
}

TEST_GO(kth_receive_that_waited_happens_before_the_end_of_send_k_plus_capacity)
{
	make(2);
	go(receive_first, NULL);
	settle();
	for (int i = 0; i < 3; i++)
		chan_send(ch, i);
	second();
	done();
}

RACE(kth_receive_is_not_ordered_before_an_earlier_send)
{
	make(2);
	go(do_first_and_receive, NULL);
	await(1);
	settle();
	chan_send(ch, 1);
	chan_send(ch, 2);
	second();
}

static void send_on_full(void *arg)
{
	first();
	chan_send(ch, 3);
	(void)arg;
}

TEST_GO(send_that_waits_at_a_full_buffer_happens_before_its_receive)
{
	make(2);
	chan_send(ch, 1);
	chan_send(ch, 2);
	go(send_on_full, NULL);
	settle();
	for (int i = 0; i < 3; i++)
		chan_recv(ch, NULL);
	second();
	done();
}

static void do_first_and_send(void *arg)
{
	do_first(arg);
	chan_send(ch, 3);
}

RACE(send_that_waits_at_a_full_buffer_is_not_ordered_before_an_earlier_receive)
{
	make(2);
	chan_send(ch, 1);
	chan_send(ch, 2);
	go(do_first_and_send, NULL);
	await(1);
	settle();
	chan_recv(ch, NULL);
	second();
}

RACE(two_senders_are_not_ordered)
{
	make(2);
	go(do_first_and_send, NULL);
	await(1);
	settle();
	chan_send(ch, 2);
	second();
}

static void hold_mutex(void *arg)
{
	(void)arg;
	chan_send(ch, 1);
	first();
	second();
	chan_recv(ch, NULL);
	step();
}

TEST_GO(a_channel_of_one_is_a_mutex)
{
	make(1);
	for (int i = 0; i < 20; i++)
		go(hold_mutex, NULL);
	await(20);
	hold_mutex(NULL);
	chan_unref(ch);
}

/* --- close --- */

static void first_and_close(void *arg)
{
	(void)arg;
	first();
	chan_close(ch);
}

TEST_GO(close_happens_before_a_receive_that_finds_it)
{
	make(0);
	go(first_and_close, NULL);
	settle();
	CHECK(!chan_recv(ch, NULL));
	second();
	done();
}

TEST_GO(close_happens_before_a_receive_that_waits)
{
	make(0);
	go(receive_second, NULL);
	settle();
	first_and_close(NULL);
	done();
}

RACE(what_follows_a_close_is_not_ordered)
{
	make(0);
	go(receive_second_after_step, NULL);
	chan_close(ch);
	do_first(NULL);
	settle();
}

static void send_and_step(void *arg)
{
	(void)arg;
	chan_send(ch, 1);
	step();
}

RACE_BETWEEN(a_close_that_no_send_is_ordered_with_races_with_it, "send_and_step", "chan__close")
{
	make(1);
	go(send_and_step, NULL);
	await(1);
	chan_close(ch);
}

/* --- elements --- */

static int received;

static void receive_and_step(void *arg)
{
	(void)arg;
	chan_recv(ch, &received);
	step();
}

static void receive_too(void *arg)
{
	await(1);
	receive_and_step(arg);
}

RACE_BETWEEN(two_receives_into_one_variable_race, "receive_and_step", "receive_and_step")
{
	make(2);
	chan_send(ch, 1);
	chan_send(ch, 2);
	go(receive_and_step, NULL);
	go(receive_too, NULL);
	await(2);
}

RACE_BETWEEN(two_receives_that_wait_into_one_variable_race, "receive_and_step", "receive_and_step")
{
	make(0);
	go(receive_and_step, NULL);
	go(receive_too, NULL);
	settle();
	chan_send(ch, 1);
	chan_send(ch, 2);
	await(2);
}

static void count_up(void *arg)
{
	int *n = arg;
	(*n)++;
	chan_send(ch, 1);
}

TEST_GO(what_a_receive_was_told_of_may_be_used)
{
	int n = 0;
	make(0);
	for (int i = 1; i <= 3; i++) {
		go(count_up, &n);
		chan_recv(ch, &received);
		CHECK_EQ(n, i);
	}
	done();
}

/* --- tries --- */

static void try_second(void *arg)
{
	(void)arg;
	while (!chan_try_recv(ch, NULL, NULL))
		goroutine_yield();
	second();
	step();
}

TEST_GO(send_happens_before_a_try_that_receives)
{
	make(1);
	go(try_second, NULL);
	send_first(NULL);
	await(1);
	done();
}

RACE(a_try_that_fails_orders_nothing)
{
	make(1);
	chan_send(ch, 1);
	go(do_first, NULL);
	await(1);
	CHECK(!chan_try_send(ch, 2));
	second();
}

static void unref_first(void *arg)
{
	first();
	chan_unref(ch);
	step();
	(void)arg;
}

TEST_GO(whoever_frees_a_channel_may)
{
	make(1);
	(void)chan_ref(ch);
	go(unref_first, NULL);
	await(1);
	chan_unref(ch);
}
