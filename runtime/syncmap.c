/* SPDX-License-Identifier: MIT
 *
 * syncmap: shards, each a plain map and the mutex that guards it. The hash, seeded once for all shards, says which.
 *
 * Go's is a trie whose readers take no lock: its nodes go when the garbage collector finds that nobody looks at them. Without
 * one, a reader would have to announce what it looks at, in a store with a barrier: that is what an uncontended mutex costs. So
 * the mutexes: a call holds one for the time of a look-up, and two goroutines meet in one of sixteen cases.
 *
 * Range steps through a shard with a plain iterator, under the mutex for each step alone; plain iterators bear changes between
 * steps. The text of a key may go as soon as the mutex is free, so fn gets a copy.
 */
#include "runtime/syncmap.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/map_internal.h"
#include "runtime/rand.h"

/* A key and its shard, locked. */
struct place {
	struct syncmap_shard *shard;
	uint64_t hash;
	void **value; /* NULL: the key isn't there */
};

static uint64_t get_seed(struct syncmap *m)
{
	uint64_t seed = atomic_load_explicit(&m->seed, memory_order_relaxed);
	if (LIKELY(seed))
		return seed;
	uint64_t drawn = rand_u64() | 1;
	return atomic_compare_exchange_strong(&m->seed, &seed, drawn) ? drawn : seed;
}

static struct place lock_place(struct syncmap *m, struct key k)
{
	struct place p = { .hash = key_hash(k, get_seed(m)) };
	p.shard = &m->shards[p.hash >> 32 & (SYNCMAP_SHARDS - 1)];
	mutex_lock(&p.shard->mutex);
	p.value = map__find(&p.shard->map, k, p.hash);
	return p;
}

static void unlock_place(struct place *p)
{
	mutex_unlock(&p->shard->mutex);
}

static void **add(struct place *p, struct key k)
{
	return map__add(&p->shard->map, k, p->hash);
}

static void set_ret(void **ret, void *value)
{
	if (ret)
		*ret = value;
}

bool syncmap_load(struct syncmap *m, struct key k, void **ret_value)
{
	struct place p = lock_place(m, k);
	if (p.value)
		set_ret(ret_value, *p.value);
	unlock_place(&p);
	return p.value != NULL;
}

int syncmap_load_or_store(struct syncmap *m, struct key k, void *value, void **ret_actual)
{
	struct place p = lock_place(m, k);
	void **at = p.value ? p.value : add(&p, k);
	if (at && !p.value)
		*at = value;
	if (at)
		set_ret(ret_actual, *at);
	unlock_place(&p);
	return at ? p.value != NULL : -ENOMEM;
}

int syncmap_swap(struct syncmap *m, struct key k, void *value, void **ret_previous)
{
	struct place p = lock_place(m, k);
	void **at = p.value ? p.value : add(&p, k);
	if (at) {
		if (p.value)
			set_ret(ret_previous, *at);
		*at = value;
	}
	unlock_place(&p);
	return at ? p.value != NULL : -ENOMEM;
}

int syncmap_store(struct syncmap *m, struct key k, void *value)
{
	int was_there = syncmap_swap(m, k, value, NULL);
	return was_there < 0 ? was_there : 0;
}

bool syncmap_load_and_delete(struct syncmap *m, struct key k, void **ret_value)
{
	struct place p = lock_place(m, k);
	if (p.value) {
		set_ret(ret_value, *p.value);
		map__remove(&p.shard->map, p.value);
	}
	unlock_place(&p);
	return p.value != NULL;
}

void syncmap_delete(struct syncmap *m, struct key k)
{
	(void)syncmap_load_and_delete(m, k, NULL);
}

bool syncmap_compare_and_swap(struct syncmap *m, struct key k, void *old, void *value)
{
	struct place p = lock_place(m, k);
	bool same = p.value && *p.value == old;
	if (same)
		*p.value = value;
	unlock_place(&p);
	return same;
}

bool syncmap_compare_and_delete(struct syncmap *m, struct key k, void *old)
{
	struct place p = lock_place(m, k);
	bool same = p.value && *p.value == old;
	if (same)
		map__remove(&p.shard->map, p.value);
	unlock_place(&p);
	return same;
}

/* --- range --- */

/* Grown as keys need it. */
struct copy {
	char *text;
	size_t size;
};

static bool copy_text(struct copy *c, struct key *k)
{
	if (!k->text)
		return true;
	if (k->word >= c->size) {
		char *larger = realloc(c->text, k->word + 1);
		if (!larger)
			return false;
		c->text = larger;
		c->size = k->word + 1;
	}
	memcpy(c->text, k->text, k->word);
	k->text = c->text;
	return true;
}

/* The next key of a shard, with its text in `c`. 1, or 0 at the end, or -ENOMEM. */
static int step(struct syncmap_shard *shard, struct map_iter *it, struct copy *c,
		struct key *ret_key)
{
	mutex_lock(&shard->mutex);
	int found = map_next(&shard->map, it);
	*ret_key = it->key;
	if (found && !copy_text(c, ret_key))
		found = -ENOMEM;
	mutex_unlock(&shard->mutex);
	return found;
}

int syncmap_range(struct syncmap *m, bool (*fn)(struct key k, void *value, void *arg), void *arg)
{
	struct copy copy = { 0 };
	struct key k;
	bool more = true;
	int found = 0;
	for (int i = 0; i < SYNCMAP_SHARDS && more && found >= 0; i++) {
		struct map_iter it = { 0 };
		while (more && (found = step(&m->shards[i], &it, &copy, &k)) > 0)
			more = fn(k, it.value, arg);
	}
	free(copy.text);
	return found < 0 ? found : 0;
}

void syncmap_clear(struct syncmap *m)
{
	for (int i = 0; i < SYNCMAP_SHARDS; i++)
		mutex_lock(&m->shards[i].mutex);
	for (int i = 0; i < SYNCMAP_SHARDS; i++)
		map__clear(&m->shards[i].map);
	for (int i = 0; i < SYNCMAP_SHARDS; i++)
		mutex_unlock(&m->shards[i].mutex);
}

void syncmap_done(struct syncmap *m)
{
	for (int i = 0; i < SYNCMAP_SHARDS; i++)
		map_done(&m->shards[i].map);
}
