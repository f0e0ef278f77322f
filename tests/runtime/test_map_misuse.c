/* SPDX-License-Identifier: MIT
 *
 * Maps used by several goroutines at once, and maps without memory. So that each mistake is made for certain, the writer parks in the
 * middle of its write: in the function of a map_update.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/chan.h"
#include "runtime/goroutine.h"
#include "runtime/map.h"
#include "runtime/sanitizer.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"

struct shared {
	struct map map;
	done_chan writing, go_on;
	struct waitgroup wg;
};

static void *park_in_update(void *old, void *arg)
{
	struct shared *s = arg;
	chan_send(s->writing, NOTHING);
	chan_recv(s->go_on, NULL);
	return old;
}

static void update(struct shared *s)
{
	CHECK_OK(map_update(&s->map, key_int(1), park_in_update, s));
	waitgroup_done(&s->wg);
}

/* Afterwards another goroutine is in the middle of a write. */
static void begin_write(struct shared *s)
{
	*s = (struct shared){ .writing = chan_make(done_chan, 0),
			      .go_on = chan_make(done_chan, 0) };
	CHECK_OK(map_set(&s->map, key_int(2), s));
	waitgroup_add(&s->wg, 1);
	go(update, s);
	chan_recv(s->writing, NULL);
}

TEST_GO_DIES(map_set_beside_a_write_is_fatal, "fatal error: concurrent map writes")
{
	struct shared s;
	begin_write(&s);
	CHECK_OK(map_set(&s.map, key_int(2), NULL));
}

TEST_GO_DIES(map_update_beside_a_write_is_fatal, "fatal error: concurrent map writes")
{
	struct shared s;
	begin_write(&s);
	CHECK_OK(map_update(&s.map, key_int(2), park_in_update, &s));
}

TEST_GO_DIES(map_delete_beside_a_write_is_fatal, "fatal error: concurrent map writes")
{
	struct shared s;
	begin_write(&s);
	map_delete(&s.map, key_int(2));
}

TEST_GO_DIES(map_clear_beside_a_write_is_fatal, "fatal error: concurrent map writes")
{
	struct shared s;
	begin_write(&s);
	map_clear(&s.map);
}

TEST_GO_DIES(map_get_beside_a_write_is_fatal, "fatal error: concurrent map read and map write")
{
	struct shared s;
	begin_write(&s);
	map_get(&s.map, key_int(2), NULL);
}

TEST_GO_DIES(map_get_of_an_absent_key_beside_a_write_is_fatal,
	     "fatal error: concurrent map read and map write")
{
	struct shared s;
	begin_write(&s);
	map_get(&s.map, key_int(3), NULL);
}

TEST_GO_DIES(map_iteration_begun_beside_a_write_is_fatal,
	     "fatal error: concurrent map iteration and map write")
{
	struct shared s;
	struct map_iter it = { 0 };
	begin_write(&s);
	CHECK(map_next(&s.map, &it));
}

struct iteration {
	struct map *map;
	done_chan begun, go_on;
};

static void iterate_slowly(struct iteration *i)
{
	struct map_iter it = { 0 };
	while (map_next(i->map, &it)) {
		chan_send(i->begun, NOTHING);
		chan_recv(i->go_on, NULL);
	}
}

/* It has begun while nobody wrote, and goes on while somebody does. */
TEST_GO_DIES(map_iteration_gone_on_with_beside_a_write_is_fatal,
	     "fatal error: concurrent map iteration and map write")
{
	struct shared s = { .writing = chan_make(done_chan, 0), .go_on = chan_make(done_chan, 0) };
	struct iteration i = { &s.map, chan_make(done_chan, 0), chan_make(done_chan, 0) };
	CHECK_OK(map_set(&s.map, key_int(1), NULL));
	go(iterate_slowly, &i);
	chan_recv(i.begun, NULL);
	waitgroup_add(&s.wg, 1);
	go(update, &s);
	chan_recv(s.writing, NULL);
	chan_close(i.go_on);
	waitgroup_wait(&s.wg); /* for ever */
}

static void *set_in_update(void *old, void *arg)
{
	CHECK_OK(map_set(arg, key_int(2), old));
	return old;
}

TEST_GO_DIES(map_write_inside_an_update_is_fatal, "fatal error: concurrent map writes")
{
	struct map m = { 0 };
	CHECK_OK(map_update(&m, key_int(1), set_in_update, &m));
}

static void read_all(struct shared *s)
{
	for (int round = 0; round < 20; round++) {
		struct map_iter it = { 0 };
		int n = 0;
		while (map_next(&s->map, &it)) {
			CHECK(map_get(&s->map, it.key, NULL));
			if (n++ % 64 == 0)
				goroutine_yield();
		}
		CHECK_EQ(n, 500);
	}
	waitgroup_done(&s->wg);
}

TEST_GO(map_may_be_read_by_many_at_once)
{
	enum {
		READERS = 6
	};
	struct shared s = { .map.live = 0 };
	for (int i = 0; i < 500; i++)
		CHECK_OK(map_set(&s.map, key_int(i), NULL));
	waitgroup_add(&s.wg, READERS);
	for (int i = 0; i < READERS; i++)
		go(read_all, &s);
	waitgroup_wait(&s.wg);
	map_done(&s.map);
}

/* A write that is over disturbs nobody: the watch looks for what happens at once. */
TEST_GO(map_may_pass_from_one_goroutine_to_another)
{
	struct shared s;
	begin_write(&s);
	chan_send(s.go_on, NOTHING);
	waitgroup_wait(&s.wg);
	CHECK(map_get(&s.map, key_int(1), NULL));
	CHECK(map_delete(&s.map, key_int(1)));
	map_done(&s.map);
	chan_unref(s.writing);
	chan_unref(s.go_on);
}

/* --- without memory; sanitizers reserve more than any limit --- */

#ifndef HAVE_SANITIZER

#define MIB ((size_t)1 << 20)

/* Lets this process have `more` bytes beyond what it has. */
static void limit_memory(size_t more)
{
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	size_t now = strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
	struct rlimit limit = { now + more, RLIM_INFINITY };
	CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

static void unlimit_memory(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

TEST(map_without_memory_for_more_keys_stays_as_it_is)
{
	struct map m = { 0 };
	int64_t n = 0;
	limit_memory(8 * MIB);
	while (map_set(&m, key_int(n), (void *)(uintptr_t)n) == 0)
		n++;
	CHECK_EQ(map_set(&m, key_int(n), NULL), -ENOMEM);
	CHECK_EQ(map_len(&m), n);
	CHECK_OK(map_set(&m, key_int(0), NULL)); /* needs none */
	for (int64_t i = 1; i < n; i++) {
		void *value;
		CHECK(map_get(&m, key_int(i), &value) && value == (void *)(uintptr_t)i);
	}
	CHECK(!map_get(&m, key_int(n), NULL));
	CHECK(map_delete(&m, key_int(1))); /* makes room for another */
	CHECK_OK(map_set(&m, key_int(n), NULL));
	unlimit_memory();
	CHECK_OK(map_set(&m, key_int(n + 1), NULL));
	map_done(&m);
}

TEST(map_without_memory_for_a_text_stays_as_it_is)
{
	const size_t len = 96 * MIB;
	struct map m = { 0 };
	char *text = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(text != MAP_FAILED);
	CHECK_OK(map_set(&m, key_str("a"), NULL));
	limit_memory(8 * MIB);
	CHECK_EQ(map_set(&m, key_bytes(text, len), NULL), -ENOMEM);
	unlimit_memory();
	CHECK_EQ(map_len(&m), 1);
	CHECK(map_get(&m, key_str("a"), NULL));
	map_done(&m);
	munmap(text, len);
}

#endif
