/* SPDX-License-Identifier: MIT
 *
 * Tests of cpus.c on files of their own.
 */
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/cpus.h"
#include "tests/harness.h"

static void put_file(const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	for (char *slash = path + strlen(test_dir()) + 1; (slash = strchr(slash, '/')) != NULL;
	     slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	FILE *f = fopen(path, "we");
	CHECK(f != NULL);
	CHECK(fputs(text, f) >= 0);
	CHECK_EQ(fclose(f), 0);
}

static uint32_t quota(const char *self)
{
	char path[512];
	put_file("self", self);
	snprintf(path, sizeof(path), "%s/self", test_dir());
	return cpus_of_quota(path, test_dir());
}

TEST(cpus_of_a_v2_quota_are_rounded_up)
{
	put_file("a/cpu.max", "150000 100000\n");
	CHECK_EQ(quota("0::/a\n"), 2);
	put_file("a/cpu.max", "200000 100000\n");
	CHECK_EQ(quota("0::/a\n"), 2);
	put_file("a/cpu.max", "1000 100000\n");
	CHECK_EQ(quota("0::/a\n"), 1);
}

TEST(cpus_without_quota_have_no_limit)
{
	put_file("a/cpu.max", "max 100000\n");
	CHECK_EQ(quota("0::/a\n"), UINT32_MAX);
	CHECK_EQ(quota("0::/not/there\n"), UINT32_MAX);
	CHECK_EQ(quota(""), UINT32_MAX);
	CHECK_EQ(quota("nonsense\n"), UINT32_MAX);
	CHECK_EQ(cpus_of_quota("/does/not/exist", test_dir()), UINT32_MAX);
}

TEST(cpus_are_bound_by_the_quotas_of_ancestors)
{
	put_file("a/cpu.max", "300000 100000\n");
	put_file("a/b/cpu.max", "max 100000\n");
	put_file("a/b/c/cpu.max", "800000 100000\n");
	CHECK_EQ(quota("0::/a/b/c\n"), 3);
}

TEST(cpus_in_a_container_are_bound_by_the_root_of_what_it_sees)
{
	put_file("cpu.max", "400000 100000\n");
	CHECK_EQ(quota("0::/\n"), 4);
	CHECK_EQ(quota("0::/system.slice/docker-1234.scope\n"), 4);
	CHECK_EQ(quota("0::/../other\n"), 4);
}

TEST(cpus_of_a_v1_quota_are_rounded_up)
{
	const char *self = "5:cpuset:/x\n4:cpu,cpuacct:/a/b\n1:name=systemd:/y\n";
	put_file("cpu/a/b/cpu.cfs_quota_us", "-1\n");
	put_file("cpu/a/b/cpu.cfs_period_us", "100000\n");
	CHECK_EQ(quota(self), UINT32_MAX);
	put_file("cpu/a/cpu.cfs_quota_us", "250000\n");
	put_file("cpu/a/cpu.cfs_period_us", "100000\n");
	CHECK_EQ(quota(self), 3);
}

TEST(cpus_usable_are_no_more_than_the_affinity_mask_has)
{
	cpu_set_t set;
	CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
	CHECK_LE(1, cpus_usable());
	CHECK_LE(cpus_usable(), CPU_COUNT(&set));
	int first = 0;
	while (!CPU_ISSET(first, &set))
		first++;
	CPU_ZERO(&set);
	CPU_SET(first, &set);
	CHECK_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
	CHECK_EQ(cpus_usable(), 1);
}
