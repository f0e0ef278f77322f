/* SPDX-License-Identifier: MIT
 *
 * A case of a select orders as the send or receive that it is; the other cases, and `default`, order nothing.
 */
#include "runtime/select.h"
#include "tests/race/race.h"

CHAN_OF(int, int_chan);

static int_chan left, right;

static void settle(void)
{
	for (int i = 0; i < 200; i++)
		goroutine_yield();
}

static void make(size_t capacity)
{
	left = chan_make(int_chan, capacity);
	right = chan_make(int_chan, capacity);
}

static void done(void)
{
	settle();
	chan_unref(left);
	chan_unref(right);
}

static void send_first(void *arg)
{
	(void)arg;
	first();
	chan_send(left, 1);
}

static void receive_first(void *arg)
{
	(void)arg;
	first();
	chan_recv(left, NULL);
}

static void select_receive(void)
{
	struct select_case cases[] = { on_recv(right, NULL), on_recv(left, NULL) };
	CHECK_EQ(select_wait(cases), 1);
}

static void select_send(void)
{
	struct select_case cases[] = { on_recv(right, NULL), on_send(left, 1) };
	CHECK_EQ(select_wait(cases), 1);
}

TEST_GO(send_happens_before_the_select_that_receives)
{
	make(0);
	go(send_first, NULL);
	settle();
	select_receive();
	second();
	done();
}

static void select_receive_second(void *arg)
{
	(void)arg;
	select_receive();
	second();
}

TEST_GO(send_happens_before_the_select_that_waits_for_it)
{
	make(0);
	go(select_receive_second, NULL);
	settle();
	send_first(NULL);
	done();
}

TEST_GO(receive_happens_before_the_end_of_the_select_that_sends)
{
	make(0);
	go(receive_first, NULL);
	settle();
	select_send();
	second();
	done();
}

static void select_send_second(void *arg)
{
	(void)arg;
	select_send();
	second();
	chan_unref(left);
}

TEST_GO(receive_happens_before_the_end_of_the_select_that_waits_to_send)
{
	make(0);
	(void)chan_ref(left);
	go(select_send_second, NULL);
	settle();
	receive_first(NULL);
	done();
}

static void first_and_close(void *arg)
{
	(void)arg;
	first();
	chan_close(left);
}

TEST_GO(close_happens_before_the_select_that_waits_for_it)
{
	make(0);
	go(select_receive_second, NULL);
	settle();
	first_and_close(NULL);
	done();
}

/* It has been in right's line, too, and whoever sent there is no business of its. */
static void first_and_send_right(void *arg)
{
	do_first(arg);
	chan_send(right, 1);
}

RACE(the_channels_that_were_not_chosen_order_nothing)
{
	make(1);
	go(first_and_send_right, NULL);
	await(1);
	settle();
	struct select_case cases[] = { on_send(left, 1), on_send(right, 1) };
	CHECK_EQ(select_wait(cases), 0);
	second();
}

RACE(default_orders_nothing)
{
	make(0);
	go(do_first, NULL);
	await(1);
	struct select_case cases[] = { on_recv(left, NULL), on_send(right, 1) };
	CHECK_EQ(select_try(cases), -1);
	second();
}

static int received;

static void select_into(void *arg)
{
	(void)arg;
	struct select_case cases[] = { on_recv(right, NULL), on_recv(left, &received) };
	select_wait(cases);
	step();
}

RACE_BETWEEN(two_selects_that_receive_into_one_variable_race, "select_into", "select_into")
{
	make(0);
	go(select_into, NULL);
	settle();
	chan_send(left, 1);
	await(1);
	go(select_into, NULL);
	settle();
	chan_send(left, 2);
	await(2);
}
