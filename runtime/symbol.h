/* SPDX-License-Identifier: MIT
 *
 * symbol: what a code address is called: function, file and line. Internal to runtime/.
 *
 * For our own executable, with static functions and lines, from its file (elfsym.h, lineinfo.h); what strip(1) has taken away, and
 * libraries, as far as the dynamic linker knows (exported functions; -rdynamic). Any thread, signal handlers too.
 */
#ifndef RUNTIME_SYMBOL_H
#define RUNTIME_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/lineinfo.h"

struct symbol {
	const char *function; /* NULL = unknown */
	uint64_t offset;      /* from its start */
	struct line line;     /* file NULL = unknown */
	const char *
		module; /* the executable's or the library's file name, without folders; NULL: no code that we know */
	uint64_t module_offset;
};

/* Maps the executable's file. Once, before the first use; without it, or if it fails, only the dynamic linker is asked. */
void symbol_init(void);

/* What is at pc. Of a return address, ask for the byte before it: the call, which may be in another line or function. */
void symbol_find(const void *pc, struct symbol *ret_symbol);

/* True if pc lies in our own executable's code, which has frame pointers. */
bool symbol_is_own(const void *pc);

/* True if pc may be code at all. */
bool symbol_is_code(const void *pc);

#endif
