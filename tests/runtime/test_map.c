/* SPDX-License-Identifier: MIT
 *
 * What one goroutine sees of a map. Misuse by several is in test_map_misuse.c, long random runs in test_map_model.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/map_internal.h"
#include "tests/harness.h"

/* A value that says what it belongs to. */
static void *value_of(uintptr_t n)
{
	return (void *)(n + 1);
}

static void set(struct map *m, struct key k, void *value)
{
	CHECK_OK(map_set(m, k, value));
}

/* NULL: isn't there. */
static void *get(struct map *m, struct key k)
{
	void *value = NULL;
	bool there = map_get(m, k, &value);
	CHECK_EQ(map_get(m, k, NULL), there);
	return value;
}

static void fill(struct map *m, int from, int to)
{
	for (int i = from; i < to; i++)
		set(m, key_int(i), value_of((uintptr_t)i));
}

TEST(map_zero_value_is_empty)
{
	struct map m = { 0 };
	struct map_iter it = { 0 };
	void *value = &m;
	CHECK_EQ(map_len(&m), 0);
	CHECK(!map_get(&m, key_int(0), &value));
	CHECK(value == &m);
	CHECK(!map_delete(&m, key_str("")));
	CHECK(!map_next(&m, &it));
	map_clear(&m);
	map_done(&m);
	map_done(&m);
}

TEST(map_gives_what_was_set)
{
	struct map m = { 0 };
	set(&m, key_int(1), value_of(1));
	set(&m, key_int(-1), value_of(2));
	set(&m, key_str("1"), value_of(3));
	set(&m, key_str(""), value_of(4));
	set(&m, key_ptr(&m), value_of(5));
	CHECK_EQ(map_len(&m), 5);
	CHECK(get(&m, key_int(1)) == value_of(1));
	CHECK(get(&m, key_int(-1)) == value_of(2));
	CHECK(get(&m, key_str("1")) == value_of(3));
	CHECK(get(&m, key_str("")) == value_of(4));
	CHECK(get(&m, key_ptr(&m)) == value_of(5));
	CHECK(get(&m, key_int(0)) == NULL);
	CHECK(get(&m, key_str("2")) == NULL);
	map_done(&m);
	CHECK_EQ(map_len(&m), 0);
}

TEST(map_set_again_replaces)
{
	struct map m = { 0 };
	set(&m, key_str("a"), value_of(1));
	set(&m, key_str("a"), value_of(2));
	CHECK_EQ(map_len(&m), 1);
	CHECK(get(&m, key_str("a")) == value_of(2));
	set(&m, key_str("a"), NULL);
	CHECK_EQ(map_len(&m), 1);
	CHECK(map_get(&m, key_str("a"), NULL)); /* NULL is a value like others */
	map_done(&m);
}

TEST(map_delete_says_whether_it_was_there)
{
	struct map m = { 0 };
	set(&m, key_str("a"), value_of(1));
	set(&m, key_int(1), value_of(2));
	CHECK(!map_delete(&m, key_str("b")));
	CHECK(map_delete(&m, key_str("a")));
	CHECK(!map_delete(&m, key_str("a")));
	CHECK(get(&m, key_str("a")) == NULL);
	CHECK(get(&m, key_int(1)) == value_of(2));
	CHECK_EQ(map_len(&m), 1);
	set(&m, key_str("a"), value_of(3));
	CHECK(get(&m, key_str("a")) == value_of(3));
	map_done(&m);
}

TEST(map_keeps_a_copy_of_a_text)
{
	struct map m = { 0 };
	char text[] = "abc";
	set(&m, key_str(text), value_of(1));
	text[0] = 'x';
	CHECK(get(&m, key_str("abc")) == value_of(1));
	CHECK(get(&m, key_str(text)) == NULL);
	map_done(&m);
}

TEST(map_texts_may_hold_any_bytes)
{
	struct map m = { 0 };
	set(&m, key_bytes("a\0b", 3), value_of(1));
	set(&m, key_bytes("a\0c", 3), value_of(2));
	set(&m, key_bytes("a", 1), value_of(3));
	CHECK(get(&m, key_bytes("a\0b", 3)) == value_of(1));
	CHECK(get(&m, key_bytes("a\0c", 3)) == value_of(2));
	CHECK(get(&m, key_str("a")) == value_of(3));
	map_done(&m);
}

TEST(map_grows)
{
	enum {
		N = 100000
	};
	struct map m = { 0 };
	fill(&m, 0, N);
	CHECK_EQ(map_len(&m), N);
	for (int i = 0; i < N; i++)
		CHECK(get(&m, key_int(i)) == value_of((uintptr_t)i));
	CHECK(get(&m, key_int(N)) == NULL);
	map_done(&m);
}

/* A queue of keys: as many deleted as set. It must not take more and more memory. */
TEST(map_of_constant_size_stays_small)
{
	enum {
		N = 100,
		ROUNDS = 100000
	};
	struct map m = { 0 };
	fill(&m, 0, N);
	for (int i = N; i < ROUNDS; i++) {
		CHECK(map_delete(&m, key_int(i - N)));
		set(&m, key_int(i), value_of((uintptr_t)i));
	}
	CHECK_EQ(map_len(&m), N);
	CHECK_LE(m.slot_count, 512);
	map_done(&m);
}

TEST(map_clear_deletes_all_and_the_map_goes_on)
{
	struct map m = { 0 };
	fill(&m, 0, 1000);
	set(&m, key_str("text"), value_of(1));
	map_clear(&m);
	CHECK_EQ(map_len(&m), 0);
	CHECK(get(&m, key_int(5)) == NULL);
	CHECK(get(&m, key_str("text")) == NULL);
	fill(&m, 5, 10);
	CHECK_EQ(map_len(&m), 5);
	CHECK(get(&m, key_int(5)) == value_of(5));
	map_done(&m);
}

static void *count_up(void *old, void *arg)
{
	++*(int *)arg;
	return (char *)old + 1;
}

TEST(map_update_makes_a_value_of_the_old_one)
{
	static const char *const words[] = { "to", "be", "or", "not", "to", "be" };
	struct map m = { 0 };
	int calls = 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		CHECK_OK(map_update(&m, key_str(words[i]), count_up, &calls));
	CHECK_EQ(calls, 6);
	CHECK_EQ(map_len(&m), 4);
	CHECK_EQ((intptr_t)get(&m, key_str("be")), 2);
	CHECK_EQ((intptr_t)get(&m, key_str("not")), 1);
	map_done(&m);
}

/* With one hash for all, only the keys themselves tell them apart; each look-up passes all that came before. */
TEST(map_tells_keys_of_one_hash_apart)
{
	enum {
		N = 200
	};
	struct map m = { 0 };
	char text[16];
	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "%d", i);
		void **value = map__add(&m, i % 2 ? key_int(i) : key_str(text), 7);
		CHECK(value != NULL);
		*value = value_of((uintptr_t)i);
	}
	for (int i = 0; i < N; i += 3) {
		snprintf(text, sizeof(text), "%d", i);
		map__remove(&m, map__find(&m, i % 2 ? key_int(i) : key_str(text), 7));
	}
	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "%d", i);
		void **value = map__find(&m, i % 2 ? key_int(i) : key_str(text), 7);
		CHECK(i % 3 ? value && *value == value_of((uintptr_t)i) : !value);
		CHECK(!map__find(&m, i % 2 ? key_str(text) : key_int(i), 7));
	}
	map_done(&m);
}

/* --- iteration --- */

/* Goes through all and counts how often each of 0 .. n-1 came. */
static void count_each(struct map *m, int *times, int n)
{
	struct map_iter it = { 0 };
	memset(times, 0, (size_t)n * sizeof(*times));
	while (map_next(m, &it)) {
		CHECK(!it.key.text && it.key.word < (uint64_t)n);
		CHECK(it.value == value_of(it.key.word));
		times[it.key.word]++;
	}
	CHECK(!map_next(m, &it));
}

TEST(map_iteration_meets_each_key_once)
{
	enum {
		N = 1000
	};
	struct map m = { 0 };
	int times[N];
	for (int n = 0; n < N; n += 1 + n / 5) {
		fill(&m, 0, n);
		count_each(&m, times, N);
		for (int i = 0; i < N; i++)
			CHECK_EQ(times[i], i < n);
		map_clear(&m);
	}
	map_done(&m);
}

TEST(map_iteration_gives_texts)
{
	struct map m = { 0 };
	struct map_iter it = { 0 };
	set(&m, key_str("some text"), value_of(8));
	CHECK(map_next(&m, &it));
	CHECK(key_equal(it.key, key_str("some text")));
	CHECK(it.value == value_of(8));
	CHECK(!map_next(&m, &it));
	map_done(&m);
}

TEST(map_iteration_begins_anywhere)
{
	enum {
		N = 16,
		ROUNDS = 1000
	};
	struct map m = { 0 };
	int times[N] = { 0 };
	fill(&m, 0, N);
	for (int i = 0; i < ROUNDS; i++) {
		struct map_iter it = { 0 };
		CHECK(map_next(&m, &it));
		times[it.key.word]++;
	}
	for (int i = 0; i < N; i++)
		CHECK_LT(0, times[i]); /* (15/16)^1000 */
	map_done(&m);
}

TEST(map_iteration_leaves_out_what_is_deleted_before_its_turn)
{
	enum {
		N = 100
	};
	struct map m = { 0 };
	struct map_iter it = { 0 };
	int met = 0;
	fill(&m, 0, N);
	while (map_next(&m, &it)) {
		met++;
		CHECK(map_get(&m, it.key, NULL));
		CHECK(map_delete(&m, it.key)); /* itself, and its neighbour */
		map_delete(&m, key_int((int64_t)it.key.word ^ 1));
	}
	CHECK_EQ(met, N / 2);
	CHECK_EQ(map_len(&m), 0);
	map_done(&m);
}

/* Adding while iterating must end, too, though each step adds two. */
TEST(map_iteration_meets_the_old_once_while_the_map_grows)
{
	enum {
		N = 500
	};
	struct map m = { 0 };
	struct map_iter it = { 0 };
	int times[3 * N] = { 0 };
	fill(&m, 0, N);
	for (int steps = 0; map_next(&m, &it); steps++) {
		times[it.key.word]++;
		fill(&m, N + 2 * steps, N + 2 * steps + 2);
	}
	for (int i = 0; i < 3 * N; i++)
		CHECK_EQ(times[i], i < N);
	CHECK_EQ(map_len(&m), 3 * N);
	map_done(&m);
}

TEST(map_iteration_does_not_meet_again_what_is_deleted_and_set)
{
	enum {
		N = 100
	};
	struct map m = { 0 };
	struct map_iter it = { 0 };
	int times[N] = { 0 };
	fill(&m, 0, N);
	while (map_next(&m, &it)) {
		struct key k = it.key;
		times[k.word]++;
		CHECK(map_delete(&m, k));
		set(&m, k, value_of(k.word));
	}
	for (int i = 0; i < N; i++)
		CHECK_EQ(times[i], 1);
	map_done(&m);
}

TEST(map_iteration_shows_the_value_of_the_moment)
{
	struct map m = { 0 };
	struct map_iter it = { 0 };
	fill(&m, 0, 2);
	CHECK(map_next(&m, &it));
	int other = it.key.word == 0;
	set(&m, key_int(other), value_of(77));
	CHECK(map_next(&m, &it));
	CHECK_EQ(it.key.word, other);
	CHECK(it.value == value_of(77));
	map_done(&m);
}

TEST(map_iteration_ends_when_the_map_is_cleared)
{
	struct map m = { 0 };
	struct map_iter it = { 0 };
	fill(&m, 0, 100);
	CHECK(map_next(&m, &it));
	map_clear(&m);
	fill(&m, 0, 100);
	CHECK(!map_next(&m, &it));
	map_done(&m);
}

TEST(map_may_have_several_iterations_at_once)
{
	struct map m = { 0 };
	struct map_iter outer = { 0 };
	int pairs = 0;
	fill(&m, 0, 20);
	while (map_next(&m, &outer)) {
		struct map_iter inner = { 0 };
		while (map_next(&m, &inner))
			pairs++;
	}
	CHECK_EQ(pairs, 400);
	map_done(&m);
}
