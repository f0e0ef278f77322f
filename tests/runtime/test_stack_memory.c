/* SPDX-License-Identifier: MIT
 *
 * Tests of what stacks cost: parked ones, ended ones, and a million.
 */
#include <stdio.h>
#include <string.h>

#include "runtime/goroutine.h"
#include "runtime/sanitizer.h"
#include "runtime/stack.h"
#include "runtime/waitgroup.h"
#include "tests/harness.h"

static void skip_under_sanitizers(void)
{
#ifdef HAVE_SANITIZER
	test_skip("sanitizers have memory of their own for each stack");
#endif
}

/* A line of /proc/self/status or /proc/meminfo, in bytes. */
static int64_t bytes_in(const char *path, const char *name)
{
	char line[256];
	long long kib = -1;
	FILE *f = fopen(path, "re");
	CHECK(f != NULL);
	while (kib < 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			CHECK_EQ(sscanf(line + strlen(name), ": %lld", &kib), 1);
	fclose(f);
	CHECK_LE(0, kib);
	return kib * 1024;
}

static int64_t resident_bytes(void)
{
	return bytes_in("/proc/self/status", "VmRSS");
}

static int64_t resident_and_tables(void)
{
	return resident_bytes() + bytes_in("/proc/self/status", "VmPTE");
}

struct crowd {
	struct waitgroup arrived, gate, ended;
};

static void wait_at_gate(struct crowd *c)
{
	waitgroup_done(&c->arrived);
	waitgroup_wait(&c->gate);
	waitgroup_done(&c->ended);
}

static void gather(struct crowd *c, int n)
{
	waitgroup_add(&c->gate, 1);
	waitgroup_add(&c->arrived, n);
	waitgroup_add(&c->ended, n);
	for (int i = 0; i < n; i++)
		go(wait_at_gate, c);
	waitgroup_wait(&c->arrived);
}

static void disperse(struct crowd *c)
{
	waitgroup_done(&c->gate);
	waitgroup_wait(&c->ended);
}

TEST_GO(a_parked_goroutine_costs_one_page)
{
	skip_under_sanitizers();
	enum {
		N = 20000
	};
	struct crowd few = { 0 }, many = { 0 };
	gather(&few, 100);
	int64_t before = resident_and_tables();
	gather(&many, N);
	int64_t each = (resident_and_tables() - before) / N;
	disperse(&many);
	disperse(&few);
	CHECK_LE(each, 4505); /* 4.4 KiB */
}

/* What free stacks keep: 256 of them, 64 a processor, and a page or two each. The rest is the allowance of a malloc. */
TEST_GO(after_a_burst_free_stacks_keep_no_more_than_their_cap)
{
	skip_under_sanitizers();
	enum {
		N = 100000
	};
	if (goroutine_limit() <= N)
		test_skip("these guards or this address space don't admit so many");
	int64_t before = resident_bytes();
	int64_t cap = (256 + 64 * runtime_procs()) * INT64_C(8192) + 1024 * 1024;
	struct crowd c = { 0 };
	gather(&c, N);
	CHECK_LT(N * INT64_C(4096), resident_bytes() - before);
	disperse(&c);
	while (resident_bytes() - before > cap) /* sysmon looks each second */
		goroutine_sleep(50 * MILLISECOND);
}

/* In the release build alone, which is fast enough. */
TEST_GO(a_million_goroutines_park_and_are_woken, .timeout_s = 240)
{
	skip_under_sanitizers();
#ifdef RUNTIME_DEBUG
	test_skip("this takes the release build");
#endif
	enum {
		N = 1000000
	};
	if (goroutine_limit() <= N)
		test_skip("these guards or this address space don't admit so many");
	if (bytes_in("/proc/meminfo", "MemAvailable") < INT64_C(6) << 30)
		test_skip("it takes 4.4 GiB, and less than 6 are free here");
	static struct crowd c;
	int64_t before = resident_and_tables();
	gather(&c, N);
	int64_t each = (resident_and_tables() - before) / N;
	CHECK_LE(N, goroutine_count());
	disperse(&c);
	CHECK_LE(each, 4505); /* 4.4 KiB */
}
