/* SPDX-License-Identifier: MIT
 *
 * guard: see guard.h. The mode is chosen once and read by anybody afterwards.
 */
#include "runtime/guard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "runtime/base.h"
#include "runtime/sanitizer.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* Mappings that a process has besides its stacks: libraries, threads, malloc's arenas. */
#define MAPS_RESERVED 1024
#define STACKS_MIN    64

enum mode {
	MADVISE,
	MPROTECT,
	CANARY
};

static const char *const names[] = { "madvise", "mprotect", "canary" };

static enum mode mode;
static size_t page_size;

/* Emulators and sandboxes may say yes to any advice. So: is the page closed to the kernel, too? uname() would write there. */
static bool kernel_has_guards(void *page)
{
	return madvise(page, page_size, MADV_GUARD_INSTALL) == 0 &&
	       uname((struct utsname *)page) != 0 && errno == EFAULT;
}

void guard_init(void *page)
{
	const char *text = getenv("FETCHD_STACK_GUARD");
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	if (text == NULL || *text == '\0') {
		mode = kernel_has_guards(page) ? MADVISE : MPROTECT;
		return;
	}
	for (mode = MADVISE; mode <= CANARY && strcmp(text, names[mode]) != 0;)
		mode++;
	if (mode > CANARY)
		fatal("FETCHD_STACK_GUARD=%s: not madvise, mprotect or canary", text);
	if (mode == MADVISE && !kernel_has_guards(page))
		fatal("FETCHD_STACK_GUARD=madvise: this kernel has no MADV_GUARD_INSTALL (Linux "
		      "6.13 has)");
}

bool guard_install(void *low, size_t size)
{
	int err = 0;
	if (mode == MADVISE)
		err = madvise(low, size, MADV_GUARD_INSTALL);
	else if (mode == MPROTECT)
		err = mprotect(low, size, PROT_NONE);
	if (err != 0 && errno != ENOMEM)
		fatal("can't guard a stack (%s): %m", names[mode]);
	return err == 0;
}

static long max_map_count(void)
{
	long maps = 65530;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	if (f != NULL) {
		if (fscanf(f, "%ld", &maps) != 1)
			maps = 65530;
		fclose(f);
	}
	return maps;
}

uint32_t guard_limit(void)
{
	if (mode != MPROTECT)
		return UINT32_MAX;
	long most = (max_map_count() - MAPS_RESERVED) / 2;
	return most < STACKS_MIN ? STACKS_MIN : (uint32_t)most;
}

bool guard_needs_check(void)
{
	return mode == CANARY;
}

/* A page that was never written reads as zero, and reading it takes no memory. */
NO_ASAN bool guard_is_intact(const void *end)
{
	const uint64_t *word = end;
	for (size_t n = page_size / sizeof(*word); n > 0; n--)
		if (*--word != 0)
			return false;
	return true;
}

const char *guard_mode(void)
{
	return names[mode];
}

void guard_exhausted(uint32_t stacks)
{
	if (mode == MPROTECT)
		fatal("no stack for another goroutine: %u are in use; each takes two mappings, and "
		      "vm.max_map_count is %ld. Raise that, or use Linux 6.13 or later "
		      "(FETCHD_STACK_GUARD=canary needs no mappings, but finds overflows late)",
		      stacks, max_map_count());
	fatal("no stack for another goroutine: %u are in use, all that the address space admits. "
	      "Start fewer, "
	      "raise its limit (ulimit -v), or set FETCHD_STACK_SLOT lower",
	      stacks);
}
