/* SPDX-License-Identifier: MIT
 *
 * syncmap: a map that many goroutines use at once. Go's sync.Map. Zero value ready; syncmap_done frees.
 *
 *	struct syncmap sessions = { 0 };
 *	void *there;
 *	int loaded = syncmap_load_or_store(&sessions, key_str(id), mine, &there);
 *	if (loaded < 0) ...				// -ENOMEM: nothing has changed
 *	if (loaded) use(there);
 *	if (syncmap_load_and_delete(&sessions, key_str(id), &there)) ...
 *
 * Every call happens at one instant, in an order that all goroutines see alike, but for range. Texts are copied. Values are
 * borrowed words, compared as such: who may free one while others load it counts references, or takes it out first.
 * All calls may park, for the time of another's.
 */
#ifndef RUNTIME_SYNCMAP_H
#define RUNTIME_SYNCMAP_H

#include "runtime/map.h"
#include "runtime/mutex.h"

#define SYNCMAP_SHARDS 16

/* The members are syncmap.c's. */
struct syncmap {
	_Atomic uint64_t seed; /* 0 = not drawn yet */
	struct syncmap_shard {
		struct mutex mutex;
		struct map map;
	} shards[SYNCMAP_SHARDS];
};

/* Whether k is there; *ret_value (may be NULL) is its value. */
bool syncmap_load(struct syncmap *m, struct key k, void **ret_value);

/* Sets the value of k. 0 or -ENOMEM. */
int syncmap_store(struct syncmap *m, struct key k, void *value) MUST_USE;

/* Sets it unless k is there. 1: it was, *ret_actual is the value there; 0: value was stored, and is *ret_actual; or -ENOMEM. */
int syncmap_load_or_store(struct syncmap *m, struct key k, void *value, void **ret_actual) MUST_USE;

/* Sets it. 1: *ret_previous is what was there; 0: k was not there; or -ENOMEM. */
int syncmap_swap(struct syncmap *m, struct key k, void *value, void **ret_previous) MUST_USE;

/* Deletes k. Whether it was there; *ret_value is what it had. */
bool syncmap_load_and_delete(struct syncmap *m, struct key k, void **ret_value);
void syncmap_delete(struct syncmap *m, struct key k);

/* Sets the value, or deletes k, if k is there and has the value `old`. Whether it was done. */
bool syncmap_compare_and_swap(struct syncmap *m, struct key k, void *old, void *value) MUST_USE;
bool syncmap_compare_and_delete(struct syncmap *m, struct key k, void *old) MUST_USE;

/* Calls fn for each key until fn gives false. No key comes twice; one that is added, changed or deleted meanwhile comes as it is at
 * some moment of the call, or not. Others go on meanwhile, and fn may call anything here. 0, or -ENOMEM: then some were left out. */
int syncmap_range(struct syncmap *m, bool (*fn)(struct key k, void *value, void *arg),
		  void *arg) MUST_USE;

/* Deletes all, at one instant. */
void syncmap_clear(struct syncmap *m);

/* Frees what belongs to the map, when nobody uses it any more. */
void syncmap_done(struct syncmap *m);

#endif
