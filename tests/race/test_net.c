/* SPDX-License-Identifier: MIT
 *
 * A write to a socket happens before a read, as TSan and Go's detector have it; waiting for the netpoller orders nothing by itself.
 */
#include <errno.h>

#include "tests/race/race.h"
#include "tests/runtime/loopback.h"

static struct pair p;

static void write_byte(void)
{
	CHECK_EQ(conn_write(p.client, "x", 1), 1);
}

static void read_byte(void)
{
	char byte;
	CHECK_EQ(conn_read(p.server, &byte, 1), 1);
}

static void first_and_write(void *arg)
{
	(void)arg;
	first();
	write_byte();
	step();
}

TEST_GO(write_happens_before_the_read_of_it)
{
	p = connected_pair();
	go(first_and_write, NULL);
	read_byte();
	second();
	await(1);
	close_pair(p);
}

static void write_and_first(void *arg)
{
	write_byte();
	do_first(arg);
}

RACE(what_follows_a_write_is_not_ordered)
{
	p = connected_pair();
	go(write_and_first, NULL);
	read_byte();
	await(1);
	second();
}

RACE(waiting_for_a_descriptor_orders_nothing)
{
	p = connected_pair();
	write_byte();
	go(do_first, NULL);
	await(1);
	CHECK_OK(conn_wait_readable(p.server));
	second();
}

static char buf[8];

static void read_into_buf(void *arg)
{
	(void)arg;
	CHECK_EQ(conn_read(p.server, buf, 1), 1);
	step();
}

static void read_into_buf_too(void *arg)
{
	(void)arg;
	CHECK_EQ(conn_read(p.client, buf, 1), 1);
}

RACE_BETWEEN(two_reads_into_one_buffer_race, "read_into_buf", "read_into_buf_too")
{
	p = connected_pair();
	write_byte();
	CHECK_EQ(conn_write(p.server, "x", 1), 1);
	go(read_into_buf, NULL);
	await(1);
	read_into_buf_too(NULL);
}

static void view(struct conn *c)
{
	const char *data;
	CHECK_EQ(conn_read_view(c, &data), 1);
	CHECK_EQ(data[0], 'x');
}

static void view_many(void *arg)
{
	struct pair mine = connected_pair();
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(conn_write(mine.client, "x", 1), 1);
		view(mine.server);
		goroutine_yield();
	}
	close_pair(mine);
	step();
	(void)arg;
}

TEST_GO(views_of_several_goroutines_are_no_race)
{
	for (int i = 0; i < 8; i++)
		go(view_many, NULL);
	await(8);
}

static void view_and_first(void *arg)
{
	view(p.server);
	do_first(arg);
}

RACE(views_order_nothing_between_those_who_share_the_buffer)
{
	p = connected_pair();
	struct pair mine = connected_pair();
	write_byte();
	CHECK_EQ(conn_write(mine.client, "x", 1), 1);
	go(view_and_first, NULL);
	await(1);
	view(mine.server);
	second();
}

static void close_server(void *arg)
{
	(void)arg;
	step();
	conn_close(p.server);
	step();
}

TEST_GO(a_connection_may_be_closed_while_another_reads)
{
	p = connected_pair();
	char byte;
	go(close_server, NULL);
	CHECK_EQ(conn_read(p.server, &byte, 1), -EBADF);
	await(2);
	conn_close(p.client);
}
