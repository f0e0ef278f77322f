/* SPDX-License-Identifier: MIT
 *
 * map_internal: a map without its watch for misuse, for map.c and syncmap.c alone. The caller excludes others and has hashed the key, with
 * the same seed each time.
 */
#ifndef RUNTIME_MAP_INTERNAL_H
#define RUNTIME_MAP_INTERNAL_H

#include "runtime/map.h"

/* Where k's value is; NULL when there is no k. Until the map is next changed. */
void **map__find(const struct map *m, struct key k, uint64_t hash);

/* Adds k, which must not be there, with no value yet. NULL when memory is out. */
void **map__add(struct map *m, struct key k, uint64_t hash) MUST_USE;

/* Deletes the entry that holds this value. */
void map__remove(struct map *m, void **value);

void map__clear(struct map *m);

#endif
