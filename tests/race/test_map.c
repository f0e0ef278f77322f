/* SPDX-License-Identifier: MIT
 *
 * A map orders nothing and must be ordered by its users; a syncmap orders a load after the store that it sees.
 */
#include "runtime/map.h"
#include "runtime/mutex.h"
#include "runtime/syncmap.h"
#include "tests/race/race.h"

static struct map map;
static struct mutex mutex;
static struct syncmap syncmap;

#define USES(name, use)                                  \
	static __attribute__((noinline)) void name(void) \
	{                                                \
		use;                                     \
		__asm__ volatile("");                    \
	}

USES(sets, CHECK_OK(map_set(&map, key_int(1), NULL)))
USES(sets_another, CHECK_OK(map_set(&map, key_int(2), NULL)))
USES(gets, map_get(&map, key_int(1), NULL))
USES(gets_another, map_get(&map, key_int(2), NULL))
USES(deletes, map_delete(&map, key_int(1)))

static void iterates(void)
{
	struct map_iter it = { 0 };
	while (map_next(&map, &it))
		;
}

static void call(void (**use)(void))
{
	(*use)();
	step();
}

static void one_after_the_other(void (*one)(void), void (*other)(void))
{
	go_with(call, one);
	await(1);
	go_with(call, other);
	await(2);
}

RACE_BETWEEN(map_set_and_set_of_another_key_race, "sets", "sets_another")
{
	one_after_the_other(sets, sets_another);
}

RACE_BETWEEN(map_set_and_get_of_another_key_race, "sets", "gets_another")
{
	one_after_the_other(sets, gets_another);
}

RACE_BETWEEN(map_get_and_delete_race, "gets", "deletes")
{
	one_after_the_other(gets, deletes);
}

RACE_BETWEEN(map_set_and_iteration_race, "sets", "iterates")
{
	one_after_the_other(sets, iterates);
}

TEST_GO(map_reads_do_not_race)
{
	sets();
	one_after_the_other(gets, gets_another);
	one_after_the_other(iterates, gets);
}

static void set_under_mutex(void)
{
	mutex_lock(&mutex);
	sets();
	mutex_unlock(&mutex);
}

TEST_GO(map_under_a_mutex_does_not_race)
{
	one_after_the_other(set_under_mutex, set_under_mutex);
}

static void write_and_store(void)
{
	first();
	CHECK_OK(syncmap_store(&syncmap, key_str("a"), NULL));
}

static void load_and_write(void)
{
	CHECK(syncmap_load(&syncmap, key_str("a"), NULL));
	second();
	syncmap_done(&syncmap);
}

TEST_GO(syncmap_orders_a_load_after_the_store_that_it_sees)
{
	one_after_the_other(write_and_store, load_and_write);
}
