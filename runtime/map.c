/* SPDX-License-Identifier: MIT
 *
 * map: open hashing over an array of entries (Raymond Hettinger's compact dict, as CPython has it).
 *
 * Entries stand in the order in which they came, each with a serial number that only grows. A slot says which entry, and repeats its hash, so
 * that an entry is looked at only when it is very likely the one. Slots are probed linearly; a deleted entry stays, dead, and so
 * does its slot. When the entries are full, the dead ones are squeezed out, and if that frees less than half, everything
 * moves to twice the room. So some entry place is always free, and three quarters of the slots are used at most.
 *
 * Iteration goes by serials: from a random entry to the last one that was there when it began, then from the oldest to where it began.
 * Squeezing and growing keep the order, so an iterator whose places are out of date finds its serial again by bisection.
 *
 * The watch for misuse is Go's: `writing` is set by a write while it lasts. It is a trap for mistakes and no lock: relaxed, since
 * whoever reads another's flag is wrong already; two writers that have both set it see it cleared by the first to end. The race
 * detector is told of each use as a read or a write of the whole map, and so finds also what is not at the same instant.
 */
#include "runtime/map_internal.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/rand.h"
#include "runtime/sanitizer.h"

#define SLOTS_MIN 8u
#define SLOTS_MAX (1u << 30)

struct map_entry {
	struct key key; /* its text is ours */
	void *value;
	uint64_t serial;
	uint32_t hash;
	bool dead;
};

struct map_slot {
	uint32_t hash;
	uint32_t entry; /* its place + 1; 0 = free */
};

/* --- the watch --- */

static bool is_writing(const struct map *m)
{
	return atomic_load_explicit(&m->writing, memory_order_relaxed);
}

static inline __attribute__((always_inline)) void write_begin(struct map *m)
{
	RACE_WRITE(m, 1);
	if (is_writing(m))
		fatal("concurrent map writes");
	atomic_store_explicit(&m->writing, true, memory_order_relaxed);
}

static void write_end(struct map *m)
{
	if (!is_writing(m))
		fatal("concurrent map writes");
	atomic_store_explicit(&m->writing, false, memory_order_relaxed);
}

/* --- the table --- */

static uint32_t capacity(uint32_t slot_count)
{
	return slot_count / 4 * 3;
}

static uint32_t short_hash(uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32);
}

void **map__find(const struct map *m, struct key k, uint64_t hash64)
{
	uint32_t hash = short_hash(hash64), mask = m->slot_count - 1;
	if (m->live == 0)
		return NULL;
	for (uint32_t i = hash & mask; m->slots[i].entry; i = (i + 1) & mask) {
		if (m->slots[i].hash != hash)
			continue;
		struct map_entry *e = &m->entries[m->slots[i].entry - 1];
		if (!e->dead && key_equal(e->key, k))
			return &e->value;
	}
	return NULL;
}

/* Lets a free slot say where the entry is. */
static void link_entry(struct map *m, uint32_t place)
{
	uint32_t hash = m->entries[place].hash, mask = m->slot_count - 1;
	uint32_t i = hash & mask;
	while (m->slots[i].entry)
		i = (i + 1) & mask;
	m->slots[i] = (struct map_slot){ .hash = hash, .entry = place + 1 };
}

/* Moves the living to `entries`, which may be where they are, and fills the slots, all free, anew. */
static void move_entries(struct map *m, struct map_entry *entries)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < m->used; i++)
		if (!m->entries[i].dead)
			entries[n++] = m->entries[i];
	m->entries = entries;
	m->used = n;
	m->moves++;
	for (uint32_t i = 0; i < n; i++)
		link_entry(m, i);
}

static bool grow(struct map *m)
{
	uint32_t count = m->slot_count ? m->slot_count * 2 : SLOTS_MIN;
	if (m->slot_count == SLOTS_MAX)
		return false;
	struct map_slot *slots = calloc(count, sizeof(*slots));
	struct map_entry *entries = malloc(capacity(count) * sizeof(*entries)), *old = m->entries;
	if (slots == NULL || entries == NULL) {
		free(slots);
		free(entries);
		return false;
	}
	free(m->slots);
	m->slots = slots;
	m->slot_count = count;
	move_entries(m, entries);
	free(old);
	return true;
}

static void squeeze(struct map *m)
{
	memset(m->slots, 0, m->slot_count * sizeof(*m->slots));
	move_entries(m, m->entries);
}

static bool make_room(struct map *m)
{
	uint32_t most = capacity(m->slot_count);
	if (m->used < most)
		return true;
	if (m->live >= most / 2 && grow(m))
		return true;
	if (m->live == most)
		return false;
	squeeze(m);
	return true;
}

static bool copy_text(struct key *k)
{
	if (!k->text)
		return true;
	char *copy = malloc(k->word ? k->word : 1);
	if (copy)
		memcpy(copy, k->text, k->word);
	k->text = copy;
	return copy != NULL;
}

static void free_text(struct key k)
{
	free((void *)(uintptr_t)k.text);
}

void **map__add(struct map *m, struct key k, uint64_t hash)
{
	if (!copy_text(&k))
		return NULL;
	if (!make_room(m)) {
		free_text(k);
		return NULL;
	}
	struct map_entry *e = &m->entries[m->used];
	*e = (struct map_entry){ .key = k, .serial = m->next_serial++, .hash = short_hash(hash) };
	link_entry(m, m->used);
	m->used++;
	m->live++;
	return &e->value;
}

void map__remove(struct map *m, void **value)
{
	struct map_entry *e = CONTAINER_OF(value, struct map_entry, value);
	e->dead = true;
	free_text(e->key);
	m->live--;
}

void map__clear(struct map *m)
{
	for (uint32_t i = 0; i < m->used; i++)
		if (!m->entries[i].dead)
			free_text(m->entries[i].key);
	if (m->used)
		memset(m->slots, 0, m->slot_count * sizeof(*m->slots));
	m->used = m->live = 0;
	m->moves++;
}

/* --- what users call --- */

static uint64_t hash_of(struct map *m, struct key k)
{
	while (m->seed == 0)
		m->seed = rand_u64();
	return key_hash(k, m->seed);
}

static void **find_or_add(struct map *m, struct key k)
{
	uint64_t hash = hash_of(m, k);
	void **value = map__find(m, k, hash);
	return value ? value : map__add(m, k, hash);
}

int map_set(struct map *m, struct key k, void *value)
{
	write_begin(m);
	void **at = find_or_add(m, k);
	if (at)
		*at = value;
	write_end(m);
	return at ? 0 : -ENOMEM;
}

int map_update(struct map *m, struct key k, void *(*fn)(void *old, void *arg), void *arg)
{
	write_begin(m);
	void **at = find_or_add(m, k);
	if (at)
		*at = fn(*at, arg);
	write_end(m);
	return at ? 0 : -ENOMEM;
}

bool map_get(const struct map *m, struct key k, void **ret_value)
{
	RACE_READ(m, 1);
	if (is_writing(m))
		fatal("concurrent map read and map write");
	if (m->live == 0)
		return false;
	void **at = map__find(m, k, key_hash(k, m->seed));
	if (at && ret_value)
		*ret_value = *at;
	return at != NULL;
}

bool map_delete(struct map *m, struct key k)
{
	write_begin(m);
	void **at = map__find(m, k, hash_of(m, k));
	if (at)
		map__remove(m, at);
	write_end(m);
	return at != NULL;
}

size_t map_len(const struct map *m)
{
	RACE_READ(m, 1);
	return m->live;
}

void map_clear(struct map *m)
{
	write_begin(m);
	map__clear(m);
	write_end(m);
}

void map_done(struct map *m)
{
	map_clear(m);
	free(m->slots);
	free(m->entries);
	*m = (struct map){ 0 };
}

/* --- iteration --- */

/* The place of the first entry that is not older than serial. */
static uint32_t place_of(const struct map *m, uint64_t serial)
{
	uint32_t low = 0, high = m->used;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (m->entries[middle].serial < serial)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void iter_begin(const struct map *m, struct map_iter *it)
{
	it->begun = true;
	it->moves = m->moves;
	it->place = m->used ? rand_below(m->used) : 0;
	it->first = it->next = m->used ? m->entries[it->place].serial : 0;
	it->end = m->next_serial;
}

/* Gives the next living entry before it->end; NULL if there is none. */
static const struct map_entry *iter_step(const struct map *m, struct map_iter *it)
{
	if (it->moves != m->moves) {
		it->moves = m->moves;
		it->place = place_of(m, it->next);
	}
	while (it->place < m->used) {
		const struct map_entry *e = &m->entries[it->place];
		if (e->serial >= it->end)
			return NULL;
		it->place++;
		it->next = e->serial + 1;
		if (!e->dead)
			return e;
	}
	return NULL;
}

bool map_next(const struct map *m, struct map_iter *it)
{
	RACE_READ(m, 1);
	if (is_writing(m))
		fatal("concurrent map iteration and map write");
	if (!it->begun)
		iter_begin(m, it);
	const struct map_entry *e = iter_step(m, it);
	if (!e && !it->turned) {
		it->turned = true;
		it->place = 0;
		it->next = 0;
		it->end = it->first;
		e = iter_step(m, it);
	}
	if (!e)
		return false;
	it->key = e->key;
	it->value = e->value;
	return true;
}
