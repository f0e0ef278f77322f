/* SPDX-License-Identifier: MIT
 *
 * syncmap between many goroutines. What one sees of it is in test_map_model.c.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/goroutine.h"
#include "runtime/syncmap.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"

struct shared {
	struct syncmap map;
	struct waitgroup wg;
	_Atomic int n, sum;
	_Atomic bool stop;
	int rounds;
};

struct worker {
	struct shared *s;
	int number;
};

static struct shared *shared_new(int rounds)
{
	struct shared *s = calloc(1, sizeof(*s));
	CHECK(s != NULL);
	s->rounds = rounds;
	return s;
}

static void run_many(struct shared *s, void (*fn)(struct worker *w), int n)
{
	waitgroup_add(&s->wg, n);
	for (int i = 0; i < n; i++)
		go_with(fn, (struct worker){ .s = s, .number = i });
	waitgroup_wait(&s->wg);
}

static void shared_free(struct shared *s)
{
	syncmap_done(&s->map);
	free(s);
}

static void *to_value(intptr_t n)
{
	return (void *)n;
}

TEST_GO(syncmap_zero_value_is_empty)
{
	struct syncmap m = { 0 };
	CHECK(!syncmap_load(&m, key_int(1), NULL));
	CHECK(!syncmap_load_and_delete(&m, key_int(1), NULL));
	CHECK(!syncmap_compare_and_swap(&m, key_int(1), NULL, NULL));
	CHECK(!syncmap_compare_and_delete(&m, key_int(1), NULL));
	syncmap_delete(&m, key_str("a"));
	syncmap_clear(&m);
	syncmap_done(&m);
}

TEST_GO(syncmap_keeps_a_copy_of_a_text)
{
	struct syncmap m = { 0 };
	char text[] = "abc";
	CHECK_OK(syncmap_store(&m, key_str(text), to_value(1)));
	text[0] = 'x';
	CHECK(syncmap_load(&m, key_str("abc"), NULL));
	CHECK(!syncmap_load(&m, key_str(text), NULL));
	syncmap_done(&m);
}

/* --- one instant each --- */

static void count_with_compare_and_swap(struct worker *w)
{
	for (int i = 0; i < w->s->rounds; i++) {
		struct key k = key_int(i % 7);
		void *old;
		do {
			CHECK(syncmap_load(&w->s->map, k, &old));
		} while (
			!syncmap_compare_and_swap(&w->s->map, k, old, to_value((intptr_t)old + 1)));
	}
	waitgroup_done(&w->s->wg);
}

TEST_GO(syncmap_compare_and_swap_loses_no_count)
{
	enum {
		N = 8
	};
	struct shared *s = shared_new(700);
	for (int i = 0; i < 7; i++)
		CHECK_OK(syncmap_store(&s->map, key_int(i), NULL));
	run_many(s, count_with_compare_and_swap, N);
	for (int i = 0; i < 7; i++) {
		void *count;
		CHECK(syncmap_load(&s->map, key_int(i), &count));
		CHECK_EQ((intptr_t)count, N * s->rounds / 7);
	}
	shared_free(s);
}

static void load_or_store_all(struct worker *w)
{
	char text[16];
	for (int i = 0; i < w->s->rounds; i++) {
		void *mine = to_value(1 + w->number), *actual, *again;
		snprintf(text, sizeof(text), "key %d", i);
		int loaded = syncmap_load_or_store(&w->s->map, key_str(text), mine, &actual);
		CHECK_LE(0, loaded);
		if (!loaded)
			CHECK(actual == mine);
		w->s->n += !loaded;
		CHECK(syncmap_load(&w->s->map, key_str(text), &again));
		CHECK(again == actual); /* whoever was first stays */
	}
	waitgroup_done(&w->s->wg);
}

TEST_GO(syncmap_load_or_store_has_one_winner_a_key)
{
	struct shared *s = shared_new(1000);
	run_many(s, load_or_store_all, 8);
	CHECK_EQ(s->n, s->rounds);
	shared_free(s);
}

static void take_all(struct worker *w)
{
	for (int i = 0; i < w->s->rounds; i++) {
		void *value;
		if (!syncmap_load_and_delete(&w->s->map, key_int(i), &value))
			continue;
		CHECK_EQ((intptr_t)value, 3 * i);
		w->s->n++;
	}
	waitgroup_done(&w->s->wg);
}

TEST_GO(syncmap_load_and_delete_gives_each_value_to_one)
{
	struct shared *s = shared_new(2000);
	for (int i = 0; i < s->rounds; i++)
		CHECK_OK(syncmap_store(&s->map, key_int(i), to_value(3 * i)));
	run_many(s, take_all, 6);
	CHECK_EQ(s->n, s->rounds);
	shared_free(s);
}

static void compare_and_delete_all(struct worker *w)
{
	for (int i = 0; i < w->s->rounds; i++)
		w->s->n += syncmap_compare_and_delete(&w->s->map, key_int(i), to_value(i));
	waitgroup_done(&w->s->wg);
}

TEST_GO(syncmap_compare_and_delete_succeeds_once)
{
	struct shared *s = shared_new(2000);
	for (int i = 0; i < s->rounds; i++)
		CHECK_OK(syncmap_store(&s->map, key_int(i), to_value(i + i % 2)));
	run_many(s, compare_and_delete_all, 6);
	CHECK_EQ(s->n, s->rounds / 2); /* the odd ones have another value */
	shared_free(s);
}

static void swap_tokens(struct worker *w)
{
	for (int i = 0; i < w->s->rounds; i++) {
		void *previous = NULL;
		int token = 1 + w->number * w->s->rounds + i;
		CHECK_LE(0, syncmap_swap(&w->s->map, key_int(i % 3), to_value(token), &previous));
		w->s->sum += token % 1000 - (int)((intptr_t)previous % 1000);
	}
	waitgroup_done(&w->s->wg);
}

static bool take_off(struct key k, void *value, void *arg)
{
	struct shared *s = arg;
	(void)k;
	s->sum -= (int)((intptr_t)value % 1000);
	return true;
}

/* Each value that went in comes out once: as somebody's previous one, or at the end. */
TEST_GO(syncmap_swap_gives_each_value_back_once)
{
	struct shared *s = shared_new(1000);
	run_many(s, swap_tokens, 6);
	CHECK_OK(syncmap_range(&s->map, take_off, s));
	CHECK_EQ(s->sum, 0);
	shared_free(s);
}

/* --- range --- */

enum {
	STABLE = 300,
	RESTLESS = 300
};

static void be_restless(struct worker *w)
{
	for (int i = 0; !w->s->stop; i++) {
		struct key k = key_int(STABLE + (i * 7 + w->number) % RESTLESS);
		if (i % 3)
			CHECK_OK(syncmap_store(&w->s->map, k, to_value(1)));
		else
			syncmap_delete(&w->s->map, k);
		if (i % 64 == 0)
			goroutine_yield();
	}
	waitgroup_done(&w->s->wg);
}

static bool count_key(struct key k, void *value, void *arg)
{
	int *times = arg;
	(void)value;
	CHECK(!k.text && k.word < STABLE + RESTLESS);
	times[k.word]++;
	if (k.word % 16 == 0)
		goroutine_yield();
	return true;
}

TEST_GO(syncmap_range_meets_each_key_once_while_others_change_the_map)
{
	enum {
		N = 4
	};
	struct shared *s = shared_new(0);
	for (int i = 0; i < STABLE; i++)
		CHECK_OK(syncmap_store(&s->map, key_int(i), to_value(1)));
	waitgroup_add(&s->wg, N);
	for (int i = 0; i < N; i++)
		go_with(be_restless, (struct worker){ .s = s, .number = i });
	for (int round = 0; round < 30; round++) {
		int times[STABLE + RESTLESS] = { 0 };
		CHECK_OK(syncmap_range(&s->map, count_key, times));
		for (int i = 0; i < STABLE; i++)
			CHECK_EQ(times[i], 1);
		for (int i = STABLE; i < STABLE + RESTLESS; i++)
			CHECK_LE(times[i], 1);
	}
	s->stop = true;
	waitgroup_wait(&s->wg);
	shared_free(s);
}

static bool stop_at_five(struct key k, void *value, void *arg)
{
	(void)k, (void)value;
	return ++*(int *)arg < 5;
}

TEST_GO(syncmap_range_stops_when_told)
{
	struct syncmap m = { 0 };
	int calls = 0;
	for (int i = 0; i < 100; i++)
		CHECK_OK(syncmap_store(&m, key_int(i), NULL));
	CHECK_OK(syncmap_range(&m, stop_at_five, &calls));
	CHECK_EQ(calls, 5);
	syncmap_done(&m);
}

static bool count_call(struct key k, void *value, void *arg)
{
	(void)k, (void)value;
	++*(int *)arg;
	return true;
}

/* Deletes what it is shown, adds something else, and looks through the whole map, from inside. */
static bool change_from_inside(struct key k, void *value, void *arg)
{
	struct shared *s = arg;
	int others = 0;
	if (!k.text) /* one that we have added ourselves */
		return true;
	syncmap_delete(&s->map, k);
	CHECK_EQ(k.word, 3);
	CHECK_MEM(k.text, "key", 3); /* its own copy: the map has freed its */
	CHECK(!syncmap_load(&s->map, k, NULL));
	CHECK_OK(syncmap_store(&s->map, key_int((intptr_t)value), value));
	CHECK_OK(syncmap_range(&s->map, count_call, &others));
	CHECK_EQ(others, 1);
	s->n++;
	return true;
}

TEST_GO(syncmap_range_lets_its_function_change_the_map)
{
	struct shared *s = shared_new(0);
	CHECK_OK(syncmap_store(&s->map, key_str("key"), to_value(7)));
	CHECK_OK(syncmap_range(&s->map, change_from_inside, s));
	CHECK_EQ(s->n, 1);
	CHECK(syncmap_load(&s->map, key_int(7), NULL));
	shared_free(s);
}

static bool clear_from_inside(struct key k, void *value, void *arg)
{
	(void)k, (void)value;
	syncmap_clear(arg);
	return true;
}

TEST_GO(syncmap_range_ends_when_the_map_is_cleared)
{
	struct syncmap m = { 0 };
	int left = 0;
	for (int i = 0; i < 100; i++)
		CHECK_OK(syncmap_store(&m, key_int(i), NULL));
	CHECK_OK(syncmap_range(&m, clear_from_inside, &m));
	CHECK_OK(syncmap_range(&m, count_call, &left));
	CHECK_EQ(left, 0);
	syncmap_done(&m);
}

/* --- clear --- */

static void store_pairs(struct worker *w)
{
	for (int i = 0; i < w->s->rounds; i++) {
		CHECK_OK(syncmap_store(&w->s->map, key_int(w->number), to_value(i)));
		if (i % 8 == 0)
			syncmap_clear(&w->s->map);
	}
	waitgroup_done(&w->s->wg);
}

TEST_GO(syncmap_clear_races_with_all_else)
{
	struct shared *s = shared_new(500);
	int left = 0;
	run_many(s, store_pairs, 6);
	syncmap_clear(&s->map);
	CHECK_OK(syncmap_range(&s->map, count_call, &left));
	CHECK_EQ(left, 0);
	shared_free(s);
}

/* What one goroutine writes before it stores a value is seen by who loads it. */
static void publish(struct worker *w)
{
	for (int i = 0; i < w->s->rounds; i++) {
		int *box = malloc(sizeof(*box));
		CHECK(box != NULL);
		*box = i;
		CHECK_OK(syncmap_store(&w->s->map, key_int(w->number * 10000 + i), box));
	}
	waitgroup_done(&w->s->wg);
}

static void take_boxes(struct worker *w)
{
	for (int i = 0; i < w->s->rounds; i++) {
		void *box;
		while (!syncmap_load_and_delete(&w->s->map, key_int(w->number * 10000 + i), &box))
			goroutine_yield();
		CHECK_EQ(*(int *)box, i);
		free(box);
	}
	waitgroup_done(&w->s->wg);
}

TEST_GO(syncmap_store_happens_before_the_load_that_sees_it)
{
	enum {
		PAIRS = 3
	};
	struct shared *s = shared_new(500);
	waitgroup_add(&s->wg, 2 * PAIRS);
	for (int i = 0; i < PAIRS; i++) {
		go_with(publish, (struct worker){ .s = s, .number = i });
		go_with(take_boxes, (struct worker){ .s = s, .number = i });
	}
	waitgroup_wait(&s->wg);
	shared_free(s);
}
