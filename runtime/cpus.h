/* SPDX-License-Identifier: MIT
 *
 * cpus: for how many CPUs this process has leave: those of its affinity mask, and no more than its cgroups' quota pays for.
 *
 * With more threads than that, a container spends its quota early in each period and stands still for the rest of it.
 */
#ifndef RUNTIME_CPUS_H
#define RUNTIME_CPUS_H

#include <stdint.h>

/* At least 1. Any thread. */
uint32_t cpus_usable(void);

/* The same for the quota alone, rounded up; UINT32_MAX = there is none. self: a file as /proc/self/cgroup (cgroups(7)), root: where cgroups are
 * mounted, as /sys/fs/cgroup; version 2 and version 1. A cgroup is bound by its ancestors' quotas too. */
uint32_t cpus_of_quota(const char *self, const char *root);

#endif
