/* SPDX-License-Identifier: MIT
 *
 * cpus: affinity by sched_getaffinity; quotas from cpu.max (cgroup v2) and from cpu.cfs_quota_us and cpu.cfs_period_us (v1).
 *
 * A container mostly sees its own cgroup as the root of the mount, whatever path /proc/self/cgroup names: so the walk from that path upwards
 * takes what it finds and skips folders that aren't there. What can't be read is no limit.
 */
#include "runtime/cpus.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NO_QUOTA  UINT32_MAX
#define PATH_SIZE 4096

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t round_up(long long quota_us, long long period_us)
{
	if (quota_us <= 0 || period_us <= 0)
		return NO_QUOTA;
	long long n = quota_us / period_us + (quota_us % period_us != 0);
	return n < NO_QUOTA ? (uint32_t)n : NO_QUOTA;
}

/* Reads up to two numbers from a file of dir; gives how many it found. */
static int read_numbers(const char *dir, const char *name, long long *a, long long *b)
{
	char path[PATH_SIZE + 32];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	int n = fscanf(f, "%lld %lld", a, b);
	fclose(f);
	return n;
}

static uint32_t quota_v2(const char *dir)
{
	long long quota_us, period_us;
	/* "max" instead of a number: none */
	return read_numbers(dir, "cpu.max", &quota_us, &period_us) == 2
		       ? round_up(quota_us, period_us)
		       : NO_QUOTA;
}

static uint32_t quota_v1(const char *dir)
{
	long long quota_us, period_us, nothing;
	if (read_numbers(dir, "cpu.cfs_quota_us", &quota_us, &nothing) != 1 ||
	    read_numbers(dir, "cpu.cfs_period_us", &period_us, &nothing) != 1)
		return NO_QUOTA;
	return round_up(quota_us, period_us);
}

/* The least quota from mount + path up to mount. */
static uint32_t least_upwards(const char *mount, const char *path,
			      uint32_t (*quota)(const char *dir))
{
	char dir[PATH_SIZE];
	size_t mount_len = strlen(mount);
	if (strstr(path, "..") != NULL) /* outside of what is mounted here */
		path = "";
	snprintf(dir, sizeof(dir), "%s%s", mount, path);
	uint32_t n = quota(dir);
	for (char *slash;
	     mount_len < strlen(dir) && (slash = strrchr(dir + mount_len, '/')) != NULL;) {
		*slash = '\0';
		n = least(n, quota(dir));
	}
	return n;
}

static bool names_cpu(char *controllers)
{
	char *rest = NULL;
	for (char *c = strtok_r(controllers, ",", &rest); c != NULL; c = strtok_r(NULL, ",", &rest))
		if (strcmp(c, "cpu") == 0)
			return true;
	return false;
}

/* A line is ID:CONTROLLERS:PATH; version 2 names no controllers. */
static uint32_t quota_of_line(char *line, const char *root)
{
	char *rest = line;
	strsep(&rest, ":");
	char *controllers = strsep(&rest, ":"), mount[PATH_SIZE];
	char *path = strsep(&rest, "\n");
	if (path == NULL)
		return NO_QUOTA;
	if (*controllers == '\0')
		return least_upwards(root, path, quota_v2);
	if (!names_cpu(controllers))
		return NO_QUOTA;
	snprintf(mount, sizeof(mount), "%s/cpu", root);
	return least_upwards(mount, path, quota_v1);
}

uint32_t cpus_of_quota(const char *self, const char *root)
{
	char line[PATH_SIZE];
	uint32_t n = NO_QUOTA;
	FILE *f = fopen(self, "re");
	if (f == NULL)
		return n;
	while (fgets(line, sizeof(line), f) != NULL)
		n = least(n, quota_of_line(line, root));
	fclose(f);
	return n;
}

uint32_t cpus_usable(void)
{
	cpu_set_t set;
	uint32_t n = sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
	return least(n, cpus_of_quota("/proc/self/cgroup", "/sys/fs/cgroup"));
}
