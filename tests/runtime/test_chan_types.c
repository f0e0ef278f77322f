/* SPDX-License-Identifier: MIT
 *
 * test_chan_types: elements of any size and type, what the macros do with their arguments, directions.
 */
#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "tests/harness.h"

struct point {
	int x, y;
};
struct big {
	char bytes[CHAN_ELEM_MAX];
};

CHAN_OF(int, int_chan);
CHAN_OF(char, char_chan);
CHAN_OF(double, double_chan);
CHAN_OF(struct point, point_chan);
CHAN_OF(struct big, big_chan);
CHAN_OF(const char *, text_chan);
CHAN_OF(int_chan, chan_chan);

static void close_done(done_chan *done)
{
	chan_send(*done, NOTHING);
	chan_close(*done);
}

TEST_GO(chan_elements_may_have_no_size)
{
	done_chan buffered = chan_make(done_chan, 3), unbuffered = chan_make(done_chan, 0);
	for (int i = 0; i < 3; i++)
		chan_send(buffered, NOTHING);
	CHECK_EQ(chan_len(buffered), 3);
	CHECK(!chan_try_send(buffered, NOTHING));
	for (int i = 0; i < 3; i++)
		CHECK(chan_recv(buffered, NULL));

	go(close_done, &unbuffered);
	struct empty e;
	CHECK(chan_recv(unbuffered, &e));
	CHECK(!chan_recv(unbuffered, NULL));
	chan_unref(buffered);
	chan_unref(unbuffered);
}

/* 1, 3, 7, 12, 16 and 100 bytes: what lies beside an element must stay as it is. */
#define CHECK_ELEMENTS_OF(bytes_)                                  \
	do {                                                       \
		struct elem {                                      \
			char bytes[bytes_];                        \
		} got[3], want[3];                                 \
		CHAN_OF(struct elem, elem_chan);                   \
		elem_chan c = chan_make(elem_chan, 2);             \
		memset(got, 0x55, sizeof(got));                    \
		memset(want, 0x55, sizeof(want));                  \
		for (int round_ = 0; round_ < 5; round_++) {       \
			memset(&want[1], round_, sizeof(want[1])); \
			CHECK(chan_try_send(c, want[0]));          \
			CHECK(chan_try_send(c, want[1]));          \
			CHECK(chan_recv(c, &got[0]));              \
			CHECK(chan_recv(c, &got[1]));              \
			CHECK_MEM(got, want, sizeof(got));         \
		}                                                  \
		chan_unref(c);                                     \
	} while (0)

TEST_GO(chan_elements_may_have_odd_sizes)
{
	CHECK_ELEMENTS_OF(1);
	CHECK_ELEMENTS_OF(3);
	CHECK_ELEMENTS_OF(7);
	CHECK_ELEMENTS_OF(12);
	CHECK_ELEMENTS_OF(16);
	CHECK_ELEMENTS_OF(100);
}

static void send_big(big_chan *c)
{
	for (int i = 0; i < 3; i++) {
		static struct big b[3];
		memset(&b[i], 'a' + i, sizeof(b[i]));
		chan__send(c->tx, &b[i]);
	}
}

static void check_big(size_t capacity)
{
	static struct big got, want;
	big_chan c = chan_make(big_chan, capacity);
	go(send_big, &c);
	for (int i = 0; i < 3; i++) {
		CHECK(chan_recv(c, &got));
		memset(&want, 'a' + i, sizeof(want));
		CHECK_MEM(&got, &want, sizeof(got));
	}
	chan_unref(c);
}

TEST_GO(chan_elements_may_have_64_kib)
{
	check_big(0);
	check_big(2);
}

TEST_GO(chan_values_may_be_scalars_structs_pointers_and_channels)
{
	point_chan points = chan_make(point_chan, 4);
	text_chan texts = chan_make(text_chan, 4);
	double_chan doubles = chan_make(double_chan, 4);
	char_chan chars = chan_make(char_chan, 4);
	chan_chan chans = chan_make(chan_chan, 1);
	int_chan ints = chan_make(int_chan, 1), same;
	struct point p = { .x = 5 };
	const char *text;
	double d;
	char c;

	chan_send(points, (struct point){ 1, 2 });
	chan_send(points, p);
	CHECK(chan_recv(points, &p) && p.x == 1 && p.y == 2);
	CHECK(chan_recv(points, &p) && p.x == 5 && p.y == 0);
	chan_send(texts, "hello");
	chan_send(texts, NULL);
	CHECK(chan_recv(texts, &text));
	CHECK_STR(text, "hello");
	CHECK(chan_recv(texts, &text));
	CHECK(text == NULL);
	chan_send(doubles, 1.5);
	chan_send(doubles, 2);
	CHECK(chan_recv(doubles, &d) && d == 1.5);
	CHECK(chan_recv(doubles, &d) && d == 2);
	chan_send(chars, 'x');
	chan_send(chars, 127);
	CHECK(chan_recv(chars, &c) && c == 'x');
	CHECK(chan_recv(chars, &c) && c == 127);
	chan_send(chans, ints);
	chan_send(ints, 9);
	int v;
	CHECK(chan_recv(chans, &same) && chan_recv(same, &v) && v == 9);

	chan_unref(points);
	chan_unref(texts);
	chan_unref(doubles);
	chan_unref(chars);
	chan_unref(chans);
	chan_unref(ints);
}

static int next_number(int *n)
{
	return ++*n;
}

static int_chan counted(int_chan c, int *n)
{
	++*n;
	return c;
}

TEST_GO(chan_macros_evaluate_their_arguments_once)
{
	int_chan c = chan_make(int_chan, 8);
	int n = 0, calls = 0, v[2], *at = v, i = 40;
	chan_send(counted(c, &calls), next_number(&n));
	CHECK_EQ(calls, 1);
	CHECK_EQ(n, 1);
	chan_send(c, i++);
	CHECK_EQ(i, 41);
	CHECK(chan_recv(counted(c, &calls), at++));
	CHECK_EQ(calls, 2);
	CHECK_EQ(at - v, 1);
	CHECK_EQ(v[0], 1);
	CHECK(chan_recv(c, at));
	CHECK_EQ(v[1], 40);
	chan_unref(chan_ref(counted(c, &calls)));
	CHECK_EQ(calls, 3);
	chan_unref(c);
}

TEST_GO(chan_macros_nest)
{
	int_chan a = chan_make(int_chan, 2), b = chan_make(int_chan, 2);
	int v;
	chan_send(a, chan_try_send(b, chan_try_send(a, 1) ? 2 : 3) ? 4 : 5);
	CHECK(chan_recv(b, &v) && v == 2);
	CHECK(chan_recv(a, &v) && v == 1);
	CHECK(chan_recv(a, &v) && v == 4);
	chan_unref(a);
	chan_unref(b);
}

static int take_directed(int_chan_rx in, int_chan_tx out)
{
	int v = 0;
	chan_send(out, 6);
	CHECK(chan_recv(in, &v));
	CHECK_EQ(chan_len(in), 0);
	CHECK_EQ(chan_cap(out), 1);
	chan_close(out);
	chan_unref(chan_ref(in));
	return v;
}

TEST_GO(chan_directions_are_views_of_one_channel)
{
	int_chan c = chan_make(int_chan, 1);
	CHECK_EQ(take_directed(c.as_rx, c.as_tx), 6);
	chan_unref(c);
}
