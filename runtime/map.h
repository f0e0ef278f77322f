/* SPDX-License-Identifier: MIT
 *
 * map: words or texts to pointers. Go's built-in map. Zero value ready; map_done frees.
 *
 *	struct map ages = { 0 };
 *	if (map_set(&ages, key_str("Ann"), ann)) ...	// out of memory: nothing has changed
 *	void *found;
 *	if (map_get(&ages, key_str("Ann"), &found)) ...
 *	struct map_iter it = { 0 };
 *	while (map_next(&ages, &it)) use(it.key, it.value);
 *	map_done(&ages);
 *
 * For one goroutine at a time, or many that only read. A write beside anything else is looked out for, and ends the process
 * as in Go: "fatal error: concurrent map writes", "concurrent map read and map write", "concurrent map iteration and
 * map write". Between goroutines: a mutex around it, or syncmap.h. Texts are copied, values are borrowed.
 */
#ifndef RUNTIME_MAP_H
#define RUNTIME_MAP_H

#include "runtime/key.h"

struct map_entry;
struct map_slot;

/* The members are map.c's. */
struct map {
	struct map_slot *slots;	   /* a power of two of them, or NULL */
	struct map_entry *entries; /* in the order in which they came; three for four slots */
	uint32_t slot_count;
	uint32_t used;	      /* entries, the deleted ones among them */
	uint32_t live;	      /* entries that are in the map */
	uint32_t moves;	      /* how often entries have changed their places: iterators look */
	uint64_t next_serial; /* of the next entry to come */
	uint64_t seed;	      /* drawn with the first entry */
	_Atomic bool writing;
};

/* Zero to begin with. What map_next found lies in key and value; the text of the key until the map is next changed. */
struct map_iter {
	struct key key;
	void *value;
	uint64_t first, next,
		end; /* serials: where it began, the next to look at, where it turns or ends */
	uint32_t place, moves; /* of the entry to look at next, while map->moves is as it was */
	bool begun, turned;
};

/* Sets the value of k. 0, or -ENOMEM: then nothing has changed. */
int map_set(struct map *m, struct key k, void *value) MUST_USE;

/* Sets the value of k to what fn makes of the old one (NULL if there is none): one look-up, for counters and lists. fn may use the
 * map as little as another goroutine might. 0, or -ENOMEM: then fn was not called. */
int map_update(struct map *m, struct key k, void *(*fn)(void *old, void *arg), void *arg) MUST_USE;

/* Whether k is there; *ret_value (may be NULL) is its value. */
bool map_get(const struct map *m, struct key k, void **ret_value);

/* Whether k was there. */
bool map_delete(struct map *m, struct key k);

/* How many keys there are. */
size_t map_len(const struct map *m);

/* Deletes all; keeps the memory. */
void map_clear(struct map *m);

/* Frees what belongs to the map, which is then a zero value again. */
void map_done(struct map *m);

/* The next key in no particular order, which is another each time; false at the end. The map may be changed on the way: what is deleted
 * before its turn doesn't come, what is added doesn't come either, the rest comes once. */
bool map_next(const struct map *m, struct map_iter *it) MUST_USE;

#endif
