/* SPDX-License-Identifier: MIT
 *
 * guard: what stands at the low end of each stack, so that an overflow is seen. Internal to runtime/.
 *
 * Three ways, by what the kernel offers (FETCHD_STACK_GUARD chooses another):
 *	madvise	 MADV_GUARD_INSTALL, Linux 6.13: no mapping of its own, any number of goroutines
 *	mprotect two mappings a stack: vm.max_map_count limits the goroutines (to 32,253 where it is 65,530)
 *	canary	 no guard: at each park and at the end it is looked at whether the guard's uppermost page is still zero. What has overflowed has then
 *		 already written where it must not, up to 32 KiB without harm to others. For kernels and sandboxes that allow nothing else
 */
#ifndef RUNTIME_GUARD_H
#define RUNTIME_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Chooses the mode, or dies if the environment names one that can't be. page is a free one to try it on. Once. */
void guard_init(void *page);

/* False if the process can have no more of them (mprotect). */
bool guard_install(void *low, size_t size);

/* For how many stacks guards can be had; UINT32_MAX: any number. */
uint32_t guard_limit(void);

/* True in canary mode: then guards must be checked. */
bool guard_needs_check(void);

/* False if something was written to the last page before `end`, the guard's end. Costs no memory. */
bool guard_is_intact(const void *end);

/* "madvise", "mprotect" or "canary". */
const char *guard_mode(void);

/* Dies with what keeps the process from having more than `stacks` stacks. */
_Noreturn void guard_exhausted(uint32_t stacks);

#endif
