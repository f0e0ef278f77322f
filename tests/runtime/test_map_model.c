/* SPDX-License-Identifier: MIT
 *
 * Maps and syncmaps in long random runs beside a model that can't be wrong: an array with a place for each key there could be.
 */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/map.h"
#include "runtime/syncmap.h"
#include "tests/harness.h"

enum {
	KEYS = 600 /* even ones are words, odd ones texts */
};

struct model {
	bool there[KEYS];
	uintptr_t value[KEYS];
	size_t live;
};

/* Marsaglia's xorshift64: the same run for the same seed, whoever else draws random numbers. */
static uint64_t state;

static unsigned draw(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 32) % n);
}

static struct key key_of(unsigned k)
{
	static char text[32];
	if (k % 2 == 0)
		return key_int((int64_t)k * 4096 - 100000);
	int len = snprintf(text, sizeof(text), "%*d", 1 + (int)k % 20, (int)k);
	return key_bytes(text, (size_t)len);
}

static unsigned number_of(struct key k)
{
	char text[32];
	if (!k.text)
		return (unsigned)(((int64_t)k.word + 100000) / 4096);
	CHECK(k.word < sizeof(text));
	memcpy(text, k.text, k.word);
	text[k.word] = '\0';
	return (unsigned)atoi(text);
}

static void model_set(struct model *model, unsigned k, uintptr_t value)
{
	model->live += !model->there[k];
	model->there[k] = true;
	model->value[k] = value;
}

static bool model_delete(struct model *model, unsigned k)
{
	bool was_there = model->there[k];
	model->live -= was_there;
	model->there[k] = false;
	return was_there;
}

static void check_key(struct map *m, const struct model *model, unsigned k)
{
	void *value;
	bool there = map_get(m, key_of(k), &value);
	CHECK_EQ(there, model->there[k]);
	if (there)
		CHECK_EQ((uintptr_t)value, model->value[k]);
}

static void check_all(struct map *m, const struct model *model)
{
	struct map_iter it = { 0 };
	size_t n = 0;
	CHECK_EQ(map_len(m), model->live);
	for (unsigned k = 0; k < KEYS; k++)
		check_key(m, model, k);
	for (; map_next(m, &it); n++) {
		unsigned k = number_of(it.key);
		CHECK(k < KEYS && model->there[k]);
		CHECK_EQ((uintptr_t)it.value, model->value[k]);
	}
	CHECK_EQ(n, model->live);
}

static void *add_one(void *old, void *arg)
{
	(void)arg;
	return (char *)old + 1;
}

/* `deleting` of ten steps delete. */
static void change(struct map *m, struct model *model, unsigned deleting)
{
	unsigned k = draw(KEYS), what = draw(10000);
	if (what == 0) {
		map_clear(m);
		*model = (struct model){ 0 };
	} else if (what < deleting * 1000) {
		CHECK_EQ(map_delete(m, key_of(k)), model_delete(model, k));
	} else if (what % 2) {
		model_set(model, k, what);
		CHECK_OK(map_set(m, key_of(k), (void *)(uintptr_t)what));
	} else {
		model_set(model, k, model->there[k] ? model->value[k] + 1 : 1);
		CHECK_OK(map_update(m, key_of(k), add_one, NULL));
	}
	check_key(m, model, draw(KEYS));
}

TEST(map_does_what_an_array_does)
{
	for (unsigned seed = 1; seed <= 8; seed++) {
		struct map m = { 0 };
		struct model model = { 0 };
		state = seed;
		for (int i = 0; i < 20000; i++) {
			change(&m, &model, seed); /* from ever growing to nearly empty */
			if (i % 1000 == 0)
				check_all(&m, &model);
		}
		check_all(&m, &model);
		map_done(&m);
	}
}

/* What was there at the beginning and has been there ever since must come, once; nothing else may. */
static void check_iteration(struct map *m, struct model *model)
{
	bool due[KEYS];
	struct map_iter it = { 0 };
	memcpy(due, model->there, sizeof(due));
	while (map_next(m, &it)) {
		unsigned k = number_of(it.key);
		CHECK(due[k]);
		CHECK_EQ((uintptr_t)it.value, model->value[k]);
		due[k] = false;
		for (unsigned i = draw(4); i > 0; i--) {
			change(m, model, 5);
			for (unsigned n = 0; n < KEYS; n++)
				due[n] &= model->there[n];
		}
	}
	for (unsigned k = 0; k < KEYS; k++)
		CHECK(!due[k]);
}

TEST(map_iteration_keeps_its_promises_while_the_map_changes)
{
	for (unsigned seed = 1; seed <= 60; seed++) {
		struct map m = { 0 };
		struct model model = { 0 };
		state = seed;
		for (int i = 0; i < 1000; i++)
			change(&m, &model, seed % 9);
		check_iteration(&m, &model);
		check_all(&m, &model);
		map_done(&m);
	}
}

/* --- syncmap, by one goroutine --- */

static void check_stores(struct syncmap *m, struct model *model, unsigned k, uintptr_t value)
{
	void *found = NULL, *new = (void *)value;
	bool there = model->there[k];
	switch (draw(3)) {
	case 0:
		CHECK_OK(syncmap_store(m, key_of(k), new));
		break;
	case 1:
		CHECK_EQ(syncmap_swap(m, key_of(k), new, &found), there);
		CHECK_EQ((uintptr_t)found, there ? model->value[k] : 0);
		break;
	case 2:
		CHECK_EQ(syncmap_load_or_store(m, key_of(k), new, &found), there);
		CHECK_EQ((uintptr_t)found, there ? model->value[k] : value);
		value = (uintptr_t)found;
	}
	model_set(model, k, value);
}

static void check_deletes(struct syncmap *m, struct model *model, unsigned k)
{
	void *found = NULL;
	if (draw(2)) {
		CHECK_EQ(syncmap_load_and_delete(m, key_of(k), &found), model->there[k]);
		CHECK_EQ((uintptr_t)found, model->there[k] ? model->value[k] : 0);
	} else {
		syncmap_delete(m, key_of(k));
	}
	model_delete(model, k);
}

static void check_compares(struct syncmap *m, struct model *model, unsigned k, uintptr_t value)
{
	uintptr_t old = draw(2) ? model->value[k] : 12345678;
	bool same = model->there[k] && model->value[k] == old;
	if (draw(2)) {
		CHECK_EQ(syncmap_compare_and_swap(m, key_of(k), (void *)old, (void *)value), same);
		if (same)
			model->value[k] = value;
	} else {
		CHECK_EQ(syncmap_compare_and_delete(m, key_of(k), (void *)old), same);
		if (same)
			model_delete(model, k);
	}
}

static bool check_in_range(struct key k, void *value, void *arg)
{
	struct model *left = arg;
	unsigned n = number_of(k);
	CHECK(n < KEYS && left->there[n]);
	CHECK_EQ((uintptr_t)value, left->value[n]);
	model_delete(left, n);
	return true;
}

static void check_range(struct syncmap *m, const struct model *model)
{
	struct model left = *model;
	CHECK_OK(syncmap_range(m, check_in_range, &left));
	CHECK_EQ(left.live, 0);
}

TEST_GO(syncmap_does_what_an_array_does)
{
	static struct syncmap m;
	static struct model model;
	state = 1;
	for (uintptr_t i = 1; i <= 100000; i++) {
		unsigned k = draw(KEYS), what = draw(10);
		void *found = NULL;
		CHECK_EQ(syncmap_load(&m, key_of(k), &found), model.there[k]);
		CHECK_EQ((uintptr_t)found, model.there[k] ? model.value[k] : 0);
		if (what < 4)
			check_stores(&m, &model, k, i);
		else if (what < 7)
			check_deletes(&m, &model, k);
		else
			check_compares(&m, &model, k, i);
		if (i % 5000 == 0)
			check_range(&m, &model);
		if (i % 30000 == 0) {
			syncmap_clear(&m);
			model = (struct model){ 0 };
			check_range(&m, &model);
		}
	}
	syncmap_done(&m);
}
